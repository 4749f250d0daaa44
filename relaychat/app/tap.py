"""The tap ``relaychat``: what ``twistd relaychat`` makes of its options."""

from __future__ import annotations

import os

from twisted.application.service import IService

from relaychat.app.options import Options as Options


def makeService(options: Options) -> IService:
    """The relay as a service."""
    # The relay's parts are imported when it runs, not when twistd shows its help.
    from twisted.internet import reactor

    from relaychat.app.server import RelayService
    from relaychat.app.supervisor import Supervisor

    supervisor = Supervisor(os.environ)
    return RelayService(options.config, reactor, supervisor, options["config"])
