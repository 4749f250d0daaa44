"""What happened, and what is answered.

*Log events* have a seq and live in their room's log. *User events* and *moments* are
told once and not kept. *Answers* go to one session. Times are milliseconds since 1970.
"""

from __future__ import annotations

from typing import Any, Literal

from relaychat.model.commands import Id, Kind
from relaychat.model.policy import Policy, PolicyChange, RoleName
from relaychat.model.words import Entry, Word


class LogEvent(Word, frozen=True, omit_defaults=True, kw_only=False, gc=False):
    """An entry of a room's log. ``sender`` is the nick of whoever did it, at that time;
    ``account`` the account behind it, or None for a guest."""

    room: str
    seq: int
    at: int
    sender: str


class Said(LogEvent, frozen=True, omit_defaults=True, tag="said", gc=False):
    """A message. ``to`` is the nick of the other one in a direct room. ``redacted``
    means that the text was removed later."""

    text: str
    account: str | None = None
    kind: Kind = "text"
    to: str | None = None
    reply: int | None = None
    redacted: bool = False


class Edited(LogEvent, frozen=True, omit_defaults=True, tag="edited", gc=False):
    """The message at ``target`` has a new text."""

    target: int
    text: str
    account: str | None = None
    redacted: bool = False


class Redacted(LogEvent, frozen=True, omit_defaults=True, tag="redacted", gc=False):
    """The message at ``target`` was blanked, with all its edits."""

    target: int
    reason: str = ""
    account: str | None = None


class Reacted(LogEvent, frozen=True, omit_defaults=True, tag="reacted", gc=False):
    """A reaction was put on the message at ``target``, or taken back."""

    target: int
    reaction: str
    removed: bool = False
    account: str | None = None


class Custom(LogEvent, frozen=True, omit_defaults=True, tag="custom", gc=False):
    """An event of a kind that somebody made up: ``vendor/kind``, with a value of JSON.
    ``redacted`` means that the value was removed later."""

    kind: str
    value: Any
    account: str | None = None
    redacted: bool = False


class Joined(LogEvent, frozen=True, omit_defaults=True, tag="joined", gc=False):
    """Somebody became a member."""

    account: str | None = None
    role: RoleName = "member"


class Left(LogEvent, frozen=True, omit_defaults=True, tag="left", gc=False):
    """Somebody is no member any more. With an ``occurrence`` it is one room's share of
    a user event (H14)."""

    reason: str = ""
    cause: Literal["part", "quit", "lost", "restart"] = "part"
    account: str | None = None
    occurrence: str | None = None


class Kicked(LogEvent, frozen=True, omit_defaults=True, tag="kicked", gc=False):
    """``sender`` put ``nick`` out of the room."""

    nick: str
    reason: str = ""
    account: str | None = None


class Renamed(LogEvent, frozen=True, omit_defaults=True, tag="renamed", gc=False):
    """``sender`` is now called ``nick``: one room's share of a user event (H14)."""

    nick: str
    occurrence: str | None = None
    account: str | None = None


class TopicSet(LogEvent, frozen=True, omit_defaults=True, tag="topic_set", gc=False):
    """The room has a new topic, or none."""

    text: str
    account: str | None = None


class RoleSet(LogEvent, frozen=True, omit_defaults=True, tag="role_set", gc=False):
    """``nick`` has a new role; ``was`` is the one before."""

    nick: str
    role: RoleName
    was: RoleName = "member"
    account: str | None = None


class PolicySet(LogEvent, frozen=True, omit_defaults=True, tag="policy_set", gc=False):
    """Fields of the room's policy changed. The key itself is never in the log:
    ``keyed`` says whether there is one now."""

    policy: PolicyChange
    keyed: bool = False
    account: str | None = None


class BanSet(LogEvent, frozen=True, omit_defaults=True, tag="ban_set", gc=False):
    """A ban, or an exception from bans, was set or removed."""

    mask: str
    removed: bool = False
    exception: bool = False
    account: str | None = None


class Invited(LogEvent, frozen=True, omit_defaults=True, tag="invited", gc=False):
    """``sender`` invited ``nick``."""

    nick: str
    account: str | None = None


AnyLogEvent = (
    Said | Edited | Redacted | Reacted | Custom | Joined | Left | Kicked | Renamed
    | TopicSet | RoleSet | PolicySet | BanSet | Invited
)  # fmt: skip

# -- user events and moments: told once, not kept -----------------------------


class UserEvent(Word, frozen=True, omit_defaults=True, kw_only=False, gc=False):
    """Something about a user as a whole, told once to each neighbour."""

    nick: str


class UserQuit(UserEvent, frozen=True, omit_defaults=True, tag="user_quit", gc=False):
    """They are gone from all rooms."""

    reason: str = ""
    account: str | None = None


class UserRenamed(
    UserEvent, frozen=True, omit_defaults=True, tag="user_renamed", gc=False
):
    """They are called ``to`` now."""

    to: str
    account: str | None = None


class UserAway(UserEvent, frozen=True, omit_defaults=True, tag="away", gc=False):
    """They are away, or back when the text is empty."""

    text: str = ""
    account: str | None = None


class UserPresence(
    UserEvent, frozen=True, omit_defaults=True, tag="presence", gc=False
):
    """A user who stays a member went offline or came back (H9)."""

    online: bool
    account: str | None = None


class Typing(
    Word, frozen=True, omit_defaults=True, kw_only=False, tag="typing", gc=False
):
    """A moment: somebody types, or has stopped."""

    room: str
    sender: str
    active: bool = True


# -- answers: to one session --------------------------------------------------


class Answer(Word, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """Goes to one session. ``id`` is the label of what it answers."""

    id: Id | None = None


class Welcome(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="welcome", gc=False
):
    """Hello was accepted. ``limits`` are bytes, seconds or counts as their names say.
    ``cid`` is the highest client id kept for this device, ``scope`` the level of the
    token that one logged in with, ``scram`` the server's last message of SCRAM."""

    nick: str
    server: str
    software: str
    version: int
    account: str | None = None
    cid: int = 0
    resumed: bool = False
    features: tuple[str, ...] = ()
    limits: dict[str, int] = {}
    administrator: bool = False
    scope: str = ""
    scram: str | None = None


class Done(Answer, frozen=True, omit_defaults=True, kw_only=False, tag="ok", gc=False):
    """It is done, and durable. ``seq`` is its place in the room's log, where it has
    one."""

    room: str | None = None
    seq: int | None = None
    cid: int | None = None
    duplicate: bool = False


class Fault(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="error", gc=False
):
    """It was refused. ``retry`` says that the same may succeed later, ``about`` names
    the offender, ``command`` what was asked."""

    code: str
    text: str
    about: str = ""
    command: str = ""
    cid: int | None = None
    retry: bool = False


class MemberEntry(Entry, frozen=True, omit_defaults=True, gc=False):
    """One member, as lists show it."""

    nick: str
    role: RoleName = "member"
    account: str | None = None
    online: bool = True
    away: bool = False


class RoomShown(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="room", gc=False
):
    """A room one is in, at this moment: the answer to join, and what a new session of a
    present user is shown (H8). Everything after ``seq`` will follow as events.

    ``again`` says that one was in it before, without members: one asked to join twice,
    or the other one of a direct room has another nick. ``entered`` says that another of
    one's sessions has just joined it, as one was shown by its event.
    """

    room: str
    epoch: str
    seq: int
    topic: str = ""
    topic_by: str = ""
    topic_at: int = 0
    created: int = 0
    policy: Policy = Policy()
    role: RoleName = "member"
    members: tuple[MemberEntry, ...] = ()
    members_total: int = 0
    marked: int = 0
    direct: str | None = None
    again: bool = False
    entered: bool = False


class RoomEntry(Entry, frozen=True, omit_defaults=True, gc=False):
    """One room, as lists show it."""

    room: str
    members: int
    topic: str = ""
    joined: bool = False
    seq: int = 0


class RoomList(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="rooms", gc=False
):
    """A page of rooms, by name. ``more``: ask again, after the last one."""

    rooms: tuple[RoomEntry, ...]
    more: bool = False


class MemberList(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="members", gc=False
):
    """A page of members, by nick."""

    room: str
    members: tuple[MemberEntry, ...]
    more: bool = False


class WhoIs(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="who", gc=False
):
    """What may be known of somebody: the rooms are those both are in, or that
    are open."""

    nick: str
    account: str | None = None
    online: bool = True
    away: str = ""
    idle_s: int = 0
    rooms: tuple[str, ...] = ()


class Page(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="history", gc=False
):
    """A page of a room's log, oldest first, with what H17 puts in the place of what
    can't be shown. ``more``: there is more on the side that the page grew towards."""

    room: str
    epoch: str
    events: tuple[AnyLogEvent | Withheld | Gap, ...]
    more: bool = False


class Withheld(
    Word, frozen=True, omit_defaults=True, kw_only=False, tag="withheld", gc=False
):
    """These entries exist and you may not read them. ``first`` and
    ``last`` inclusive."""

    room: str
    first: int
    last: int


class Gap(Word, frozen=True, omit_defaults=True, kw_only=False, tag="gap", gc=False):
    """These entries can't be had any more (H15, H17, H19). After it the room goes on at
    ``last`` + 1 under ``epoch``."""

    room: str
    first: int
    last: int
    reason: Literal["reset", "no_history", "retention"]
    epoch: str


class Resumed(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="resumed", gc=False
):
    """The reader is level with these rooms again: all that follows is live."""

    rooms: tuple[str, ...]


class Marked(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="marked", gc=False
):
    """A read marker moved, told to all sessions of the user."""

    room: str
    seq: int


class Invitation(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="invitation", gc=False
):
    """Somebody invites you to a room."""

    room: str
    sender: str
    account: str | None = None


class Pinged(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="ping", gc=False
):
    """The server asks for a sign of life."""

    token: str


class Ponged(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="pong", gc=False
):
    """The answer to a ping."""

    token: str


class Goodbye(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="bye", gc=False
):
    """The connection closes now, and why."""

    code: str
    text: str


class FactoryEntry(Entry, frozen=True, omit_defaults=True, gc=False):
    """A listener with a factory of somebody's own: how many are ``connected`` of all,
    and their bytes since the start."""

    name: str
    connected: int = 0
    connections: int = 0
    received: int = 0
    sent: int = 0


class StatusReport(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="status", gc=False
):
    """Counts of the whole server; times in seconds, sizes in bytes."""

    server: str
    software: str
    uptime_s: int
    sessions: int
    users: int
    rooms: int
    turns: int
    events: int
    commands: int
    healthy: bool = True
    factories: tuple[FactoryEntry, ...] = ()


class SessionEntry(Entry, frozen=True, omit_defaults=True, gc=False):
    """One session, as ``ctl sessions`` shows it. ``number`` is never used again."""

    number: int
    nick: str
    dialect: str
    peer: str
    account: str | None = None
    rooms: int = 0
    behind: bool = False
    connected_s: int = 0


class SessionList(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="sessions", gc=False
):
    """A page of sessions, oldest first. ``more``: ask again, after the last one."""

    sessions: tuple[SessionEntry, ...]
    more: bool = False


class Called(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="called", gc=False
):
    """What an extension says to a call: a line, lines, or any value of JSON."""

    value: Any = None


class CallEntry(Entry, frozen=True, omit_defaults=True, gc=False):
    """What can be called: how it is written, and what it does."""

    syntax: str
    about: str = ""


class CallList(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="calls", gc=False
):
    """What extensions can be called for, by name."""

    calls: tuple[CallEntry, ...]


class Reloaded(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="reloaded", gc=False
):
    """What a reload has changed, and what could not be used: there the old stays.
    Lines, for people."""

    changed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
