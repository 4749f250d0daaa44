"""What simply happened. A fact enters the queue like a command and can't be refused
(H1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from relaychat.hub.draft import Cause
from relaychat.hub.peer import Peer
from relaychat.hub.state import User
from relaychat.model.commands import Command
from relaychat.model.errors import RelayError
from relaychat.model.words import Word
from relaychat.store.api import Entry

if TYPE_CHECKING:
    from relaychat.hub.erasure import Walk


class Survey(NamedTuple):
    """The public rooms, at the end of a turn."""

    fullest: tuple[tuple[str, int], ...]
    """Names, with how many members they have."""
    rooms: int
    """How many there are in all."""


class Fact(Struct, frozen=True):
    """Something that happened outside."""


class Lost(Fact, frozen=True):
    """A connection is gone. ``quit``: the peer said goodbye, so there is no window."""

    peer: Peer
    cause: Cause
    reason: str


class Revoked(Fact, frozen=True):
    """What sessions came in by is good no more: those of this user end, or those of one
    of its devices or tokens only, but for ``keep``."""

    user: str
    error: RelayError
    device: str | None = None
    token: str | None = None
    keep: object = None


class Erased(Fact, frozen=True):
    """An account is no more; ``blank``: nor is its text to be."""

    account: str
    blank: bool


class Blanking(Fact, frozen=True):
    """A page of a log was read, to take an account's text out of it."""

    walk: Walk
    entries: list[Entry]


class Expired(Fact, frozen=True):
    """The window in which a user's sessions may come back is over."""

    user: User
    cause: Cause
    reason: str


class Drained(Fact, frozen=True):
    """A reader that was behind has taken everything: it can be given more (H18)."""

    peer: Peer


class ReadOn(Fact, frozen=True):
    """The store has read on for a reader that is behind."""

    peer: Peer
    entries: list[Entry]


class Ready(Fact, frozen=True):
    """A read of the log has answered a query."""

    peer: Peer
    command: Command
    result: Word


class Closing(Fact, frozen=True):
    """The server stops: everybody is to be told."""

    error: RelayError


class Surveyed(Fact, frozen=True):
    """Somebody who is no session wants to know the public rooms."""

    most: int
    """So many are named, the fullest."""
    told: Callable[[Survey], None]


class Retry(Fact, frozen=True):
    """Time to see whether the store keeps things again."""


class Restarted(Fact, frozen=True):
    """The first fact after a start: users who were here when the process ended."""
