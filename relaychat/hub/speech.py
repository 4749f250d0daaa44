"""Messages and what is done to them: say, edit, redact, react, typing, read markers."""

from __future__ import annotations

from types import UnionType
from typing import Any

from relaychat.hub.doors import follow
from relaychat.hub.draft import Cid
from relaychat.hub.lookup import (
    check_bytes,
    cid_digest,
    direct_name,
    find_room,
    find_user,
    member_in,
    other_of,
    require_voice,
    use_cid,
    user_of,
)
from relaychat.hub.nicks import take_nick
from relaychat.hub.peer import Peer, Spoken
from relaychat.hub.shown import shown
from relaychat.hub.state import Member, Room, User
from relaychat.hub.tail import blanked, decode_event, entries_of, entry_in
from relaychat.hub.turn import Turn, encode
from relaychat.model.commands import Custom, Edit, Mark, React, Redact, Say, Type
from relaychat.model.custom import check_kind, check_value
from relaychat.model.errors import (
    Forbidden,
    NoSuchMessage,
    NoSuchUser,
    RelayError,
    TooMany,
)
from relaychat.model.events import Custom as CustomEvent
from relaychat.model.events import (
    Done,
    Edited,
    LogEvent,
    Marked,
    Reacted,
    Redacted,
    Said,
    Typing,
)
from relaychat.model.names import check_text
from relaychat.model.policy import Role
from relaychat.store.api import Entry


def say(turn: Turn, peer: Peer, command: Say) -> None:
    """A message into a room, or to somebody."""
    say_on(turn, peer, [command])


def say_on(turn: Turn, peer: Peer, commands: list[Say]) -> int:
    """Messages of one session to one place, one behind the other. Says how many of them
    are decided: one that is not like the first is left to be the first of the next.
    Where a hook is to be asked, they come one by one.

    Raises what is wrong with the first.
    """
    user, command = peer.user or user_of(peer), commands[0]
    cid = use_cid(turn, peer, command) if command.cid is not None else None
    check_text(command.text, turn.house.limits.text_bytes)
    spoken = peer.spoken
    if (
        spoken is None
        or spoken.moves != turn.state.moves
        or spoken.name != command.room
    ):
        spoken = _look_up(turn, user, command.room)
        # What others may know of a room changes with its policy, which moves nobody.
        peer.spoken = None if spoken.member is None else spoken
    room, member = spoken.room, spoken.member
    if member is None or room.guarded:
        require_voice(user, room, member)
    if room.departed:
        raise NoSuchUser(about=room.departed)
    cids = None if cid is None else [cid]
    if len(commands) > 1:
        commands = _alike(turn, commands, cids)
    seq, at = turn.stamp(room)
    name, nick, account, to = room.name, user.nick, user.account, spoken.to
    events = [
        Said(name, seq + place, at, nick, one.text, account, one.kind, to, one.reply)
        for place, one in enumerate(commands)
    ]
    if turn.house.hooks.before_say:
        turn.house.hooks.ask(turn.house.hooks.before_say, user, room, events[0])
    turn.extend(room, events, peer, cids, asked=commands if peer.form.acks else ())
    return len(events)


def _alike(turn: Turn, commands: list[Say], cids: list[Cid] | None) -> list[Say]:
    """Those that have nothing wrong with them either, up to the first of which that is
    not sure. Their client ids are added to that of the first."""
    limit = turn.house.limits.text_bytes
    for place, one in enumerate(commands[1:], 1):
        text = one.text
        if not (text.isprintable() and text.isascii() and 0 < len(text) <= limit):
            try:
                check_text(text, limit)
            except RelayError:
                return commands[:place]
        if cids is not None:
            # The first is above all that came before from its device (H20).
            device, last, _ = cids[-1]
            if one.cid is None or one.cid <= last:
                return commands[:place]
            cids.append(Cid(device, one.cid, cid_digest(one)))
        elif one.cid is not None:
            return commands[:place]
    return commands


def _look_up(turn: Turn, user: User, name: str) -> Spoken:
    room = turn.state.rooms.get(name)
    if room is None or room not in user.rooms:
        room = _spoken_to(turn, user, name)
    to = other_of(room, user).nick if room.kind == "direct" else None
    return Spoken(name, turn.state.moves, room, user.rooms.get(room), to)


def custom(turn: Turn, peer: Peer, command: Custom) -> None:
    """An event of a kind of their own into a room. Raises BadName, BadText, TooLong and
    those of say."""
    user = user_of(peer)
    check_kind(command.kind)
    check_value(command.value, turn.house.limits.custom_bytes)
    cid = use_cid(turn, peer, command)
    room = _spoken_to(turn, user, command.room)
    require_voice(user, room, user.rooms.get(room))
    if room.departed:
        raise NoSuchUser(about=room.departed)
    seq, at = turn.stamp(room)
    event = CustomEvent(
        room.name, seq, at, user.nick, command.kind, command.value, user.account
    )
    turn.house.hooks.ask(turn.house.hooks.before_say, user, room, event)
    turn.append(room, event, peer, cid)
    turn.answer(peer, command, Done(room.name, seq, command.cid, id=command.id))


def _spoken_to(turn: Turn, user: User, name: str) -> Room:
    """The room that a message names; a direct room is made by its first
    message (H12)."""
    if not name.startswith("@") or "," in name:
        return find_room(turn, user, name)
    other = find_user(turn, name[1:])
    return turn.state.rooms.get(direct_name(user, other)) or open_direct(
        turn, user, other
    )


def open_direct(turn: Turn, user: User, other: User) -> Room:
    """The direct room of two users. Raises TooMany."""
    limits = turn.house.limits
    if len(turn.state.rooms) >= limits.rooms:
        raise TooMany("the relay has no place for another room")
    state = turn.state
    turn.set(state, "last_room", state.last_room + 1)
    epoch = turn.house.world.token_bytes(8).hex()
    room = Room(state.last_room, direct_name(user, other), epoch, "direct")
    room.created = turn.at
    room.assign("kind", "direct")
    turn.put(state.rooms, room.name, room)
    if other.key not in state.users:
        turn.put(state.users, other.key, other)
        take_nick(turn, other, other.nick)
    turn.touch(room)
    for one in {user: None, other: None}:
        member = Member(room, one, Role.MEMBER, 1)
        turn.put(room.members, one, member)
        turn.put(one.rooms, room, member)
        turn.touch(member)
        turn.touch(one)
    for one in {user: None, other: None}:
        for peer in one.peers:
            if peer.sees(room):
                turn.tell(peer, shown(turn, room, one, peer))
                follow(turn, peer, room)
    return room


def _entry(
    turn: Turn, room: Room, seq: int, member: Member
) -> tuple[LogEvent, int | None]:
    """The entry that a command is about, and who wrote it. Raises NoSuchMessage."""
    if not 1 <= seq <= room.seq or not member.may_read(seq):
        raise NoSuchMessage(about=str(seq))
    blanked = turn.blanked.get((room, seq))
    if blanked is not None:
        return blanked.event, None
    held = entry_in(turn.kept.get(room, []), seq) or room.tail.get(seq)
    if held is not None:
        return held.event, held.origin
    if not room.logged:
        raise NoSuchMessage(about=str(seq))
    entries: list[Entry] = turn.need(
        ("entry", room.number, seq),
        lambda store: store.page(room.number, seq - 1, seq + 1, 1),
    )
    return decode_event(entries[0].body), entries[0].origin


def _message(
    turn: Turn,
    peer: Peer,
    room: Room,
    seq: int,
    member: Member,
    kinds: type[Said] | UnionType = Said,
) -> tuple[Any, bool]:
    """The message that a command is about, and whether this peer's user wrote it: by
    account, or for a guest by the device or session that wrote it.

    Raises NoSuchMessage, also for what is no message or was redacted.
    """
    event, origin = _entry(turn, room, seq, member)
    if not isinstance(event, kinds) or event.redacted:
        raise NoSuchMessage(about=str(seq))
    if member.user.account is not None:
        return event, event.account == member.user.account
    return event, origin == (peer.device.number if peer.device else -peer.number)


def edit(turn: Turn, peer: Peer, command: Edit) -> None:
    """A new text for one's own message. Raises Forbidden, NoSuchMessage and those of
    say."""
    user = user_of(peer)
    cid = use_cid(turn, peer, command)
    room = find_room(turn, user, command.room)
    member = member_in(user, room)
    require_voice(user, room, member)
    _, mine = _message(turn, peer, room, command.seq, member)
    if not mine:
        raise Forbidden("only who wrote it can edit it", str(command.seq))
    check_text(command.text, turn.house.limits.text_bytes)
    seq, at = turn.stamp(room)
    event = Edited(
        room.name, seq, at, user.nick, command.seq, command.text, user.account
    )
    turn.house.hooks.ask(turn.house.hooks.before_say, user, room, event)
    turn.append(room, event, peer, cid, command.seq)
    turn.answer(peer, command, Done(room.name, seq, command.cid, id=command.id))


def redact(turn: Turn, peer: Peer, command: Redact) -> None:
    """Blank a message and its edits: the texts leave the log in the same commit (H32).

    Raises Forbidden, NoSuchMessage.
    """
    user = user_of(peer)
    cid = use_cid(turn, peer, command)
    room = find_room(turn, user, command.room)
    member = member_in(user, room)
    check_bytes(command.reason, turn.house.limits.reason_bytes, "reason")
    kinds = Said | CustomEvent
    message, mine = _message(turn, peer, room, command.seq, member, kinds)
    if not mine and (member.role < Role.OPERATOR or room.kind == "direct"):
        raise Forbidden(
            "only who wrote it, or an operator, can redact it", str(command.seq)
        )
    edits = _edits(turn, room, command.seq)
    seq, at = turn.stamp(room)
    event = Redacted(
        room.name, seq, at, user.nick, command.seq, command.reason, user.account
    )
    turn.house.hooks.ask(turn.house.hooks.before_change, user, room, event)
    turn.append(room, event, peer, cid, command.seq)
    for old in (message, *edits):
        turn.blank(room, blanked(old), encode(old))
    turn.answer(peer, command, Done(room.name, seq, command.cid, id=command.id))


def _edits(turn: Turn, room: Room, seq: int) -> list[Edited]:
    """The edits of a message, of the log and of this turn."""
    events: list[LogEvent] = [
        kept.event for kept in entries_of(turn.kept.get(room, []))
    ]
    if room.logged:
        entries: list[Entry] = turn.need(
            ("about", room.number, seq), lambda store: store.about(room.number, seq)
        )
        events += [decode_event(entry.body) for entry in entries]
    else:
        events += [kept.event for kept in room.tail.entries]
    return [
        e
        for e in events
        if isinstance(e, Edited) and e.target == seq and not e.redacted
    ]


def react(turn: Turn, peer: Peer, command: React) -> None:
    """A reaction, or its end. Raises NoSuchMessage and those of say."""
    user = user_of(peer)
    cid = use_cid(turn, peer, command)
    room = find_room(turn, user, command.room)
    member = member_in(user, room)
    require_voice(user, room, member)
    _message(turn, peer, room, command.seq, member, Said | CustomEvent)
    check_text(command.reaction, 256)
    seq, at = turn.stamp(room)
    event = Reacted(
        room.name,
        seq,
        at,
        user.nick,
        command.seq,
        command.reaction,
        command.remove,
        user.account,
    )
    turn.house.hooks.ask(turn.house.hooks.before_say, user, room, event)
    turn.append(room, event, peer, cid, command.seq)
    turn.answer(peer, command, Done(room.name, seq, command.cid, id=command.id))


def typing(turn: Turn, peer: Peer, command: Type) -> None:
    """A moment for the others in the room; who is behind does not get it (H18)."""
    user = user_of(peer)
    room = find_room(turn, user, command.room)
    require_voice(user, room, member_in(user, room))
    turn.moment(room, Typing(room.name, user.nick, command.active), peer)
    if peer.form.acks:
        turn.answer(peer, command, Done(room.name, id=command.id))


def mark(turn: Turn, peer: Peer, command: Mark) -> None:
    """How far they have read, told to all their sessions. Never goes back."""
    user = user_of(peer)
    room = find_room(turn, user, command.room)
    member = member_in(user, room)
    if command.seq > room.seq:
        raise NoSuchMessage(about=str(command.seq))
    if command.seq > member.marked:
        turn.set(member, "marked", command.seq)
        for other in user.peers:
            if other is not peer and other.sees(room):
                turn.tell(other, Marked(room.name, command.seq))
    turn.answer(peer, command, Marked(room.name, member.marked, id=command.id))
