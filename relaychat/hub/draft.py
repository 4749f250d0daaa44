"""What a turn is drafted of: what is told to whom, in which order, and how a decision
ends otherwise than with an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from msgspec import Struct
from twisted.internet.defer import Deferred

from relaychat.hub.peer import Form, Peer
from relaychat.hub.state import Device, Member, Room, User
from relaychat.model.commands import Command, History
from relaychat.model.events import Done, UserEvent
from relaychat.model.words import Word
from relaychat.store.api import Entry, Store

if TYPE_CHECKING:
    from relaychat.hub.erasure import Walk

Fetch = Callable[[Store], Deferred[Any]]


class Need(Exception):
    """A decision needs something of the store first: the turn ends before
    its command."""

    def __init__(self, key: object, fetch: Fetch) -> None:
        super().__init__(key)
        self.key = key
        self.fetch = fetch


class Settled(Exception):
    """The command was answered before, durably: this is the answer (H20)."""

    def __init__(self, peer: Peer, result: Done) -> None:
        super().__init__(result)
        self.peer = peer
        self.result = result


class Cid(NamedTuple):
    """A client id in use: its device, and a digest of what is asked with it."""

    device: Device
    number: int
    digest: int


class Drafted(Struct, gc=False):
    """An event of this turn in its room, or some that follow one another."""

    ordinal: int
    """Of the first."""
    events: Sequence[Word]
    hidden_from: Peer | None
    """The session that is not shown it: it said so itself, and its form has no echo."""
    step: int = 1
    """Between their ordinals."""


class Start(Struct, gc=False):
    """Where a room's log stood before the turn."""

    seq: int
    at: int
    chain: bytes


class Told(Struct, gc=False):
    """The answer to a command."""

    ordinal: int
    peer: Peer
    command: Command
    word: Word


class Barrier(NamedTuple):
    """A user event, told once to each neighbour, behind all that was before
    it (H14)."""

    ordinal: int
    event: UserEvent
    neighbours: dict[Form, dict[Peer, None]]


Rooms = dict[Room, list[Drafted]]

Cause = Literal["quit", "lost", "restart"]
"""Why somebody is gone: by a goodbye, by a lost connection, by a restart of
the relay."""


class Afterwards(Protocol):
    """What a decision may have done once its turn was delivered."""

    def catch_up(self, peer: Peer) -> None:
        """Give a session that is behind what it lacks (H18)."""

    def wait_for(self, user: User, seconds: float, cause: Cause, reason: str) -> None:
        """Let a user be gone after so long, unless a session of theirs comes
        back (H9)."""

    def forget(self, room: Room) -> None:
        """A room has closed: its entries need no memory any more."""

    def read(self, peer: Peer, command: History, member: Member, end: int) -> None:
        """Answer a query from the log before ``end``, in a later turn."""

    def give(self, peer: Peer, entries: list[Entry]) -> None:
        """Give a session that is behind what was read for it."""

    def walk(self, walk: Walk, entries: list[Entry] | None = None) -> None:
        """Go through all logs, for an account that was deleted: these were looked
        at."""

    def ask_to_stop(self) -> None:
        """Have the server stop cleanly."""
