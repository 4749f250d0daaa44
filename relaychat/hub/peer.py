"""The two faces between a session and the hub.

Upwards a session calls ``Hub.submit``, ``Hub.lost`` and ``Hub.drained``; downwards the
hub calls what is here. Neither knows the other's business: the hub never sees a byte of
a protocol, a session never sees a room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from relaychat.model.commands import Command, Resume
from relaychat.model.errors import RelayError
from relaychat.model.names import fold
from relaychat.model.words import Word

if TYPE_CHECKING:
    from relaychat.hub.state import Device, Member, Room, User

Send = Callable[[bytes], bool]
"""Take a payload for delivery, now or as soon as the peer reads. False says that the
peer has fallen behind: this payload was taken, but send nothing more before it drained
(H18)."""


class Form:
    """One way to show events, shared by all sessions that show them alike (H21):
    dialect, capabilities that change rendering, framing. A form holds nothing of a
    session."""

    echo: bool = True
    """Whether a session is shown the messages that it sent itself."""
    whole_lists: bool = False
    """Whether a room is shown with all of its members, however many: for who writes
    them in many lines. Others are shown what fits into a page (H22)."""
    acks: bool = True
    """Whether success is answered at all, where there is nothing to tell but that."""

    def render(self, event: Word) -> bytes:
        """What a live reader is sent of this event, whole frames; empty for nothing.

        Of a quit or a rename each form shows either the user event or the log events
        that carry its ``occurrence``, never both (H14).
        """
        raise NotImplementedError

    def rendered(self, events: Sequence[Word]) -> list[bytes]:
        """``render`` of each."""
        return [self.render(event) for event in events]

    def replay(self, event: Word) -> bytes:
        """The same for a log event that is told from the log, later. User events are
        never replayed, so every form shows log events with an ``occurrence`` here."""
        return self.render(event)


class Spoken(Struct, gc=False):
    """What a session's last message found out about where it goes. The next one is
    mostly for the same place; it holds as long as nobody moves (``State.moves``)."""

    name: str
    """As the command had it."""
    moves: int
    room: Room
    member: Member | None
    to: str | None
    """In a direct room, the nick of the other one."""


class Peer:
    """What the hub knows of one session. The session package subclasses it."""

    __slots__ = (
        "address",
        "administrator",
        "behind",
        "control",
        "cut",
        "device",
        "dialect",
        "form",
        "full",
        "gone",
        "nick",
        "number",
        "refused_cid",
        "resuming",
        "rooms",
        "saw_changes",
        "send",
        "since_us",
        "spoke_us",
        "spoken",
        "token",
        "user",
        "window_s",
    )  # fmt: skip
    DURABLE: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, form: Form, send: Send, dialect: str, address: str) -> None:
        self.form = form
        self.send = send
        self.dialect = dialect
        self.address = address
        # From here on the hub's own: a session reads at most user and control.
        self.since_us = 0
        self.number = 0
        self.user: User | None = None
        self.device: Device | None = None
        self.nick = ""
        """The nick that is claimed before hello (H25), folded."""
        self.behind: dict[Room, int] | None = None
        """Cursors of a reader that is not live (H18): the last seq it was sent."""
        self.full = False
        """It took no more: until it has drained it gets nothing of the log (H18)."""
        self.saw_changes = 0
        """Of a reader that is behind: up to which of ``State.changes`` it was told who
        is away or offline (H18)."""
        self.refused_cid = 0
        """Go-back-N (H5): the first cid that was refused; 0 for none."""
        self.control = False
        self.administrator = False
        self.token = ""
        """Digest of the token that it came in by, if it was one."""
        self.rooms: frozenset[str] = frozenset()
        """Where its token is for some rooms only: their folded names."""
        self.cut = False
        """It is being hung up on: nothing more is taken from it."""
        self.gone = False
        self.spoke_us = 0
        """When its last command was carried out, on the monotonic clock."""
        self.spoken: Spoken | None = None
        """Where it spoke last."""
        self.window_s = 0
        """How long the session may be lost before its user counts as gone (H9)."""
        self.resuming: Resume | None = None
        """The query that is answered once the reader is level with its rooms."""

    def sees(self, room: Room) -> bool:
        """Whether it may know of a room that its user is in: all, but for tokens."""
        return not self.rooms or fold(room.name) in self.rooms

    def outcome(self, command: Command, result: Word) -> bytes:
        """The frames that answer this command; ``result`` is an answer,
        ``events.Fault`` if it was refused. Called once for each command submitted, in
        order, after the commit."""
        raise NotImplementedError

    def tell(self, event: Word) -> bytes:
        """The frames that show something to this session alone, unasked: an invitation,
        a room it is now in, a marker moved by another device."""
        raise NotImplementedError

    def settled(self, count: int) -> None:
        """So many of this session's commands have left the hub (H27: in flight)."""

    def close(self, error: RelayError) -> None:
        """Say goodbye with this reason, behind all that was sent, and hang up."""
        raise NotImplementedError
