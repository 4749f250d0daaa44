"""What all sessions of a listener share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from twisted.internet.defer import Deferred

from relaychat.model.admission import Found
from relaychat.model.commands import Command, Hello
from relaychat.model.words import Word
from relaychat.model.world import World
from relaychat.session.dialect import Dialect
from relaychat.session.limits import Limits
from relaychat.session.link import Desk

if TYPE_CHECKING:
    from relaychat.session.session import Session

Admit = Callable[[Hello, "Session"], "Deferred[Found]"]
"""Log a peer in (H24). Fails with a RelayError to refuse; cancelled if the peer
goes."""

Errand = Callable[[Any, "Session"], "Deferred[Word]"]
"""Carry out a command outside the hub, and bring its answer. Fails as ``Admit``
does."""


class Host(NamedTuple):
    """What a session is made with, beside its link."""

    dialect: type[Dialect]
    hub: Desk
    world: World
    admit: Admit
    report: Callable[[str], None]
    """Log a bug: called while its exception is being dealt with."""
    limits: Limits = Limits()
    errands: Mapping[type[Command], Errand] = {}
    """Commands that are not the hub's to carry out (accounts)."""
    server: str = "relaychat"
    """What the relay calls itself."""
