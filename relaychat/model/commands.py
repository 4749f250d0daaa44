"""What a peer may ask for. Commands may be refused; queries only read.

Field order is the order of positional arguments. ``id`` is the peer's own label: the
answer carries it back, it means nothing else (H20). Room names carry their sigil;
``@nick`` names the direct room with somebody.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from relaychat.model.custom import KIND
from relaychat.model.policy import PolicyChange, RoleName
from relaychat.model.words import Count, Entry, Stamp, Word

Id = (
    Annotated[int, Meta(ge=-(2**53) + 1, le=2**53 - 1)]
    | Annotated[str, Meta(max_length=64)]
)
DeviceSecret = Annotated[
    str,
    Meta(pattern="^[0-9a-f]{32}$", description="32 hexadecimal digits in lower case"),
]
Kind = Literal["text", "notice", "action"]
CustomKind = Annotated[
    str, Meta(pattern=KIND, description="vendor/kind, in lower case")
]


class Command(
    Word,
    frozen=True,
    omit_defaults=True,
    kw_only=True,
    gc=False,
    forbid_unknown_fields=True,
):
    """Something asked. ``id`` is returned with the answer."""

    id: Id | None = None


class Query(Command, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A command that only reads. Its answer may take a read of the log, so a session
    sends nothing further into the hub until it came."""


class Cursor(Entry, frozen=True, omit_defaults=True, gc=False):
    """Where a reader stands in a room (H15): everything up to ``seq`` was read."""

    epoch: str
    seq: Stamp


# -- coming and going ---------------------------------------------------------


class Hello(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="hello", gc=False
):
    """The first word. With a password it logs in to the account of that name; without
    one it takes a nick as a guest.

    With ``scram``, the client's first message of SCRAM-SHA-256 (RFC 7677), the password
    is proved without being said. A device that has logged in before needs neither, over
    a link that nobody can listen to; nor does one for which such a device, ``vouch``,
    stands.

    ``device`` is a secret of the client's own making, 32 hexadecimal digits, the same
    at every start: it makes ``cid`` and ``resume`` possible (H16). ``resume`` names the
    rooms that the client follows, and how far it has read each.
    """

    nick: str
    password: str | None = None
    device: DeviceSecret | None = None
    resume: dict[str, Cursor] | None = None
    version: Count = 1
    client: Annotated[str, Meta(max_length=100)] = ""
    scram: Annotated[str, Meta(max_length=2048)] | None = None
    vouch: DeviceSecret | None = None


class Claim(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="claim", gc=False
):
    """Keep a nick for a session that has not said hello yet (IRC's NICK
    before USER)."""

    nick: str


class Rename(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="nick", gc=False
):
    """Take another nick, in all sessions and rooms at once."""

    nick: str


class SetAway(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="away", gc=False
):
    """Say that one is away, and why; an empty text ends it."""

    text: str = ""


class Bye(Command, frozen=True, omit_defaults=True, kw_only=False, tag="bye", gc=False):
    """Leave for good: this session ends now, without a resume window."""

    reason: str = ""


class Ping(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="ping", gc=False
):
    """Ask for a pong, behind the answers to all that was asked before."""

    token: Annotated[str, Meta(max_length=512)] = ""


class Pong(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="pong", gc=False
):
    """The answer to the server's ping."""

    token: Annotated[str, Meta(max_length=512)] = ""


# -- rooms --------------------------------------------------------------------


class Join(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="join", gc=False
):
    """Become a member of a room; the first one makes it and owns it."""

    room: str
    key: str = ""


class Part(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="part", gc=False
):
    """Leave a room, with all sessions."""

    room: str
    reason: str = ""


class SetTopic(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="topic", gc=False
):
    """Set a room's topic; an empty text removes it."""

    room: str
    text: str


class SetRole(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="role", gc=False
):
    """Give a member a role."""

    room: str
    nick: str
    role: RoleName


class SetPolicy(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="policy", gc=False
):
    """Change some fields of a room's policy."""

    room: str
    policy: PolicyChange


class Invite(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="invite", gc=False
):
    """Let somebody in who otherwise could not come."""

    room: str
    nick: str


class Kick(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="kick", gc=False
):
    """Put a member out of a room."""

    room: str
    nick: str
    reason: str = ""


class Ban(Command, frozen=True, omit_defaults=True, kw_only=False, tag="ban", gc=False):
    """Keep everyone whom ``mask`` matches out and silent; ``remove`` lifts it.

    A mask is ``nick!user@host`` with ``*`` and ``?``, or a bare nick. With
    ``exception`` it names those whom no ban of the room touches.
    """

    room: str
    mask: str
    remove: bool = False
    exception: bool = False


# -- messages -----------------------------------------------------------------


class Say(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="send", gc=False
):
    """Send a message. ``cid`` makes a resend harmless (H20); ``reply`` is the seq
    answered."""

    room: str
    text: str
    kind: Kind = "text"
    cid: Count | None = None
    reply: Count | None = None


class Edit(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="edit", gc=False
):
    """Replace the text of one's own message."""

    room: str
    seq: Count
    text: str
    cid: Count | None = None


class Redact(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="redact", gc=False
):
    """Blank a message: one's own, or any, for operators. Its text leaves the
    log (H32)."""

    room: str
    seq: Count
    reason: str = ""
    cid: Count | None = None


class React(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="react", gc=False
):
    """Put a reaction on a message, or take it back."""

    room: str
    seq: Count
    reaction: Annotated[str, Meta(min_length=1, max_length=64)]
    remove: bool = False
    cid: Count | None = None


class Custom(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="custom", gc=False
):
    """Put an event of a kind of one's own into a room's log: ``vendor/kind``, with a
    value of JSON. Dialects that know the kind show it."""

    room: str
    kind: CustomKind
    value: Any
    cid: Count | None = None


class Type(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="typing", gc=False
):
    """Say that one is typing, or has stopped. Not kept."""

    room: str
    active: bool = True


class Mark(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="mark", gc=False
):
    """Remember how far one has read, for all of one's devices. Never goes back."""

    room: str
    seq: Count


# -- queries ------------------------------------------------------------------


class Show(Query, frozen=True, omit_defaults=True, kw_only=False, tag="show", gc=False):
    """A room as it is: topic, policy, members. Answered like join."""

    room: str


class ListRooms(
    Query, frozen=True, omit_defaults=True, kw_only=False, tag="rooms", gc=False
):
    """The rooms that one may see. ``after`` pages: the last name of the page before."""

    after: str = ""


class ListMembers(
    Query, frozen=True, omit_defaults=True, kw_only=False, tag="members", gc=False
):
    """Who is in a room. ``after`` pages: the last nick of the page before."""

    room: str
    after: str = ""


class Who(Query, frozen=True, omit_defaults=True, kw_only=False, tag="who", gc=False):
    """What may be known of somebody."""

    nick: str


class History(
    Query, frozen=True, omit_defaults=True, kw_only=False, tag="history", gc=False
):
    """A page of a room's log, oldest first.

    ``before`` and ``after`` bound it by seq, both exclusive; ``around`` asks for what
    surrounds a seq; ``since`` and ``until`` bound it by time (milliseconds, ``since``
    inclusive, ``until`` exclusive). With an ``after`` or a ``since`` the page starts at
    that end, else it is the latest that fits.
    """

    room: str
    before: Count | None = None
    after: Stamp | None = None
    around: Count | None = None
    since: Stamp | None = None
    until: Stamp | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class Resume(
    Query, frozen=True, omit_defaults=True, kw_only=False, tag="resume", gc=False
):
    """Go on from these cursors: what was missed comes as events, then live, without a
    seam."""

    rooms: dict[str, Cursor]


class Status(
    Query, frozen=True, omit_defaults=True, kw_only=False, tag="status", gc=False
):
    """Counts of the whole server. For administrators."""


class ListSessions(
    Query, frozen=True, omit_defaults=True, kw_only=False, tag="sessions", gc=False
):
    """Sessions, a page of them by number. For administrators."""

    after: int = 0


class Stop(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="stop", gc=False
):
    """Stop the server cleanly. Control sessions only."""


class Reload(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="reload", gc=False
):
    """Read the certificates anew. Control sessions only."""


class Call(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="call", gc=False
):
    """Something that an extension does for whoever looks after the server: the word of
    its command, then the arguments. Control sessions only."""

    words: Annotated[tuple[str, ...], Meta(min_length=1, max_length=64)]


class ListCalls(
    Query, frozen=True, omit_defaults=True, kw_only=False, tag="calls", gc=False
):
    """What extensions can be called for. Control sessions only."""


AnyCommand = (
    Hello | Claim | Rename | SetAway | Bye | Ping | Pong
    | Join | Part | SetTopic | SetRole | SetPolicy | Invite | Kick | Ban
    | Say | Edit | Redact | React | Custom | Type | Mark
    | ListRooms
    | Show | ListMembers | Who | History | Resume
    | Status | ListSessions | Stop
)  # fmt: skip
"""Everything that can be asked of the hub on a wire; for the rest see
``model.accounts.AnyErrand``."""
