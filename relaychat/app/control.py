"""The control socket: who may use it, and what it does beside the hub."""

from __future__ import annotations

import os
from collections.abc import Collection

import msgspec
from twisted.internet.defer import Deferred, fail, succeed

from relaychat.model.admission import Admission, Found
from relaychat.model.commands import Hello, Reload
from relaychat.model.errors import Forbidden
from relaychat.model.events import Reloaded
from relaychat.model.words import Word
from relaychat.net.certificates import Certificates
from relaychat.session.session import Session


def admit_owner(hello: Hello, session: Session) -> Deferred[Found]:
    """Let in the relay's own user, by the kernel's word, or root. Fails with
    Forbidden."""
    if session.link.uid in (os.geteuid(), 0):
        return succeed(Admission(control=True))
    return fail(Forbidden("the control socket is for the relay's owner"))


class Reloading:
    """Reads anew what can be changed while the relay runs: the certificates."""

    def __init__(self, tls: Collection[Certificates]) -> None:
        self._tls = tls

    def now(self) -> Reloaded:
        """Do it."""
        looked = [one.look(anyway=True) for one in self._tls]
        return Reloaded(
            tuple([text for one in looked for text in one.changed]),
            tuple([text for one in looked for text in one.problems]),
        )

    def run(self, command: Reload, session: Session) -> Deferred[Word]:
        """The same, as an errand."""
        return succeed(msgspec.structs.replace(self.now(), id=command.id))
