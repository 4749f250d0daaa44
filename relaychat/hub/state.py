"""What the hub knows: rooms, users, members, devices. Plain data, changed only by a
turn.

``DURABLE`` names the fields that live in the store as a record; setting one through
``Turn.set`` puts the record into the turn's commit. The rest is gone with the process.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from relaychat.hub.peer import Form, Peer, Send
from relaychat.hub.tail import Tail
from relaychat.model.policy import Policy, Role
from relaychat.model.world import Timer

Kind = Literal["kept", "passing", "direct"]
"""A kept room has an owning account, a passing one closes with its last member (H10), a
direct one belongs to its two users (H12)."""


class Ban(Struct, frozen=True):
    """A ban or an exception: its mask, who set it, and when (ms)."""

    mask: str
    by: str
    at: int


class User:
    """An account or a guest: one nick, any number of sessions (H8)."""

    __slots__ = (
        "account",
        "away",
        "changed",
        "key",
        "nick",
        "online",
        "peers",
        "rooms",
        "stays",
        "timer",
        "until_us",
        "window_s",
    )  # fmt: skip
    DURABLE: ClassVar = frozenset({"nick", "stays", "window_s"})

    def __init__(self, key: str, nick: str, account: str | None) -> None:
        self.key = key
        """The folded account name, or ``~`` and a random token for a guest."""
        self.nick = nick
        self.account = account
        self.peers: dict[Peer, None] = {}
        self.rooms: dict[Room, Member] = {}
        self.away = ""
        self.stays = False
        """Keeps its memberships while offline (H9)."""
        self.window_s = 0
        """How long its sessions may be lost before it counts as gone (H9)."""
        self.until_us = 0
        """End of that window, on the monotonic clock; 0 while a session is attached."""
        self.online = False
        self.changed = 0
        """When it was last told that they are away, offline or back: a count of such
        changes (``State.changes``)."""
        self.timer: Timer | None = None
        """Ends the window in which its sessions may come back."""

    @property
    def recorded(self) -> bool:
        """Whether it has a record: only users that are in a room do."""
        return bool(self.rooms)


class Member:
    """A user in a room (H8: never a session)."""

    __slots__ = ("joined", "marked", "past", "present", "role", "room", "user")
    DURABLE: ClassVar = frozenset({"role", "joined", "past", "marked", "present"})
    recorded: ClassVar = True

    def __init__(self, room: Room, user: User, role: Role, joined: int) -> None:
        self.room = room
        self.user = user
        self.role = role
        self.joined = joined
        """The seq of its own join: the first that it may read under ``since_join``."""
        self.past: tuple[tuple[int, int], ...] = ()
        """Former stays, first and last seq, oldest first (H11)."""
        self.marked = 0
        """The read marker (H15)."""
        self.present = True

    def may_read(self, seq: int) -> bool:
        """Whether the room's history rule lets this member read an entry (H11)."""
        if self.room.open_history or seq >= self.joined:
            return True
        return any(first <= seq <= last for first, last in self.past)


class Room:
    """A log and the people in it."""

    __slots__ = (
        "at",
        "bans",
        "chain",
        "changed",
        "created",
        "departed",
        "epoch",
        "exceptions",
        "former",
        "guarded",
        "invited",
        "kind",
        "logged",
        "members",
        "name",
        "number",
        "open_history",
        "owner",
        "policy",
        "readers",
        "seq",
        "tail",
        "topic",
        "topic_at",
        "topic_by",
    )  # fmt: skip
    DURABLE: ClassVar = frozenset(
        {
            "kind",
            "owner",
            "policy",
            "topic",
            "topic_by",
            "topic_at",
            "bans",
            "exceptions",
            "departed",
        }
    )
    recorded: ClassVar = True

    def __init__(self, number: int, name: str, epoch: str, kind: Kind) -> None:
        self.number = number
        self.name = name
        self.epoch = epoch
        self.kind: Kind = kind
        self.policy: Policy
        self.owner = ""
        """The account that owns a kept room."""
        self.seq = 0
        self.at = 0
        self.chain = bytes(16)
        self.topic = ""
        self.topic_by = ""
        self.topic_at = 0
        self.created = 0
        self.changed = 0
        """The latest ``User.changed`` of its members."""
        self.departed = ""
        """In a direct room: the nick of the guest who has left for good."""
        self.bans: tuple[Ban, ...] = ()
        self.exceptions: tuple[Ban, ...] = ()
        self.invited: dict[str, None] = {}
        """Keys of users with an open invitation, oldest first. Not kept over
        a restart."""
        self.members: dict[User, Member] = {}
        self.former: dict[str, Member] = {}
        """Accounts that were members once, by key: their stays and read markers."""
        self.readers: dict[Form, dict[Peer, Send]] = {}
        """Sessions that are live here, by form (H21)."""
        self.tail = Tail()
        self.assign("policy", Policy())

    def hides_own(self, form: Form) -> bool:
        """Whether this form is not shown here what its own session says. What somebody
        tells themselves is what they wait for, also without an echo."""
        return not form.echo and (self.kind != "direct" or len(self.members) > 1)

    def assign(self, field: str, value: object) -> None:
        """Set a field, and what follows from it for the hot paths."""
        setattr(self, field, value)
        rule = self.policy.rule()
        self.open_history = rule == "all" or self.kind == "direct"
        self.logged = rule != "none"
        self.guarded = self.policy.moderated or bool(self.bans)


class Device:
    """One client installation of a user (H16)."""

    __slots__ = ("high", "key", "number", "owner", "peer", "stored")
    DURABLE: ClassVar = frozenset({"owner", "stored"})

    def __init__(self, number: int, key: str, owner: str, high: int) -> None:
        self.number = number
        self.key = key
        self.owner = owner
        """Key of the user whose it is."""
        self.peer: Peer | None = None
        self.high = high
        """The highest cid ever seen from it: above it, a cid is new by definition
        (H20)."""
        self.stored = False
        """Whether it has a record: a device gets one with its first entry in a log."""

    @property
    def recorded(self) -> bool:
        """The same, in the words of ``Turn.set``."""
        return self.stored


class State:
    """All of it. Names are looked up folded."""

    DURABLE: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}
        self.owned: dict[str, int] = {}
        """How many rooms an account owns."""
        self.users: dict[str, User] = {}
        self.nicks: dict[str, User | Peer] = {}
        """Who has a nick, or has claimed it before hello (H25)."""
        self.looks: dict[str, tuple[str, ...]] = {}
        """Skeleton to the folded nicks of users that look like it (H13)."""
        self.devices: dict[str, Device] = {}
        self.idle: dict[Device, None] = {}
        """Devices without a session, longest first."""
        self.peers: dict[Peer, None] = {}
        self.last_room = 0
        self.last_device = 0
        self.last_session = 0
        self.moves = 0
        """Changes of who is called what, and who is where: what was looked up before
        the last one may be wrong."""
        self.changes = 0
        """How often somebody went away or offline, or came back."""

    def user_of(self, folded: str) -> User | None:
        """Whoever has this nick and has said hello."""
        holder = self.nicks.get(folded)
        return holder if isinstance(holder, User) else None


Thing = User | Member | Room | Device
"""What has a record in the store."""
