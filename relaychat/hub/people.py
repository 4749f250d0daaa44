"""Users come, go, and change: hello, nicks, presence, goodbye (H8, H9, H14, H16)."""

from __future__ import annotations

from collections.abc import Callable

from relaychat import __version__
from relaychat.hub.doors import follow, remove_member, unfollow
from relaychat.hub.facts import Closing, Expired, Lost, Restarted
from relaychat.hub.lookup import account_name, check_bytes, free_nick, user_of
from relaychat.hub.peer import Form, Peer
from relaychat.hub.shown import shown
from relaychat.hub.state import Device, Room, User
from relaychat.hub.turn import Afterwards, Cause, Turn
from relaychat.model.admission import Admission, Enter
from relaychat.model.commands import Bye, Claim, Cursor, Rename, Resume, SetAway
from relaychat.model.errors import (
    LoginFailed,
    NickInUse,
    OutOfOrder,
    Replaced,
)
from relaychat.model.events import (
    Done,
    Gap,
    Goodbye,
    Left,
    Renamed,
    UserAway,
    UserPresence,
    UserQuit,
    UserRenamed,
    Welcome,
)
from relaychat.model.names import fold, skeleton

PROTOCOL_VERSION = 1
SOFTWARE = f"relaychat {__version__}"
RESTARTED = "the relay was restarted"


# -- hello --------------------------------------------------------------------


def claim(turn: Turn, peer: Peer, command: Claim) -> None:
    """Keep a nick for somebody who is still registering (H25). Raises NickInUse,
    BadName."""
    if peer.user is not None:
        raise OutOfOrder
    folded = free_nick(turn, peer, command.nick)
    release_claim(turn, peer)
    turn.put(turn.state.nicks, folded, peer)
    turn.set(peer, "nick", folded)
    turn.answer(peer, command, Done(id=command.id))


def release_claim(turn: Turn, peer: Peer) -> None:
    """The nick that a session claimed is free again."""
    if peer.nick and turn.state.nicks.get(peer.nick) is peer:
        turn.drop(turn.state.nicks, peer.nick)
    if peer.nick:
        turn.set(peer, "nick", "")


def enter(turn: Turn, peer: Peer, command: Enter) -> None:
    """A hello whose login is done. Raises OutOfOrder, NickInUse,
    BadName, LoginFailed."""
    admission = command.admission
    if peer.user is not None or peer.control:
        raise OutOfOrder("you said hello already")
    if admission.control:
        turn.set(peer, "control", True)
        turn.answer(peer, command, welcome(turn, peer, command, False))
        return
    device = _device(turn, admission)
    user = _user(turn, peer, command, device)
    _attach(turn, peer, user, admission, device)
    resume = command.hello.resume or {}
    resumed = any(_standing(room, resume) is not None for room in user.rooms)
    turn.answer(peer, command, welcome(turn, peer, command, resumed))
    for room in list(user.rooms):
        turn.tell(peer, shown(turn, room, user))
    begin_at(turn, peer, user, resume)
    if command.hello.resume is not None:
        turn.set(peer, "resuming", Resume(resume, id=command.id))


def welcome(turn: Turn, peer: Peer, command: Enter, resumed: bool) -> Welcome:
    """The answer to hello."""
    user, device, limits = peer.user, peer.device, turn.house.limits
    return Welcome(
        user.nick if user else command.hello.nick,
        turn.house.server,
        SOFTWARE,
        PROTOCOL_VERSION,
        user.account if user else None,
        device.high if device else 0,
        resumed,
        turn.house.features,
        {
            "text_bytes": limits.text_bytes,
            "topic_bytes": limits.topic_bytes,
            "reason_bytes": limits.reason_bytes,
            "rooms_per_user": limits.rooms_per_user,
        },
        id=command.id,
    )


def _device(turn: Turn, admission: Admission) -> Device | None:
    """The device of this hello; a session that it has already is fenced (H16)."""
    key = admission.device_key
    if key is None:
        return None
    state = turn.state
    device = state.devices.get(key)
    if device is None:
        number = admission.device
        if not number:
            number = state.last_device + 1
            turn.set(state, "last_device", number)
        device = Device(number, key, admission.owner, admission.high)
        device.stored = bool(admission.device)
        turn.put(state.devices, key, device)
    if device.peer is not None:
        old = device.peer
        turn.close(old, Replaced())
        detach(turn, old)
    return device


def _user(turn: Turn, peer: Peer, command: Enter, device: Device | None) -> User:
    """Who it is: the account, the guest who is still in the window, or a new guest."""
    state, account = turn.state, command.admission.account
    nick = command.hello.nick
    owner = state.users.get(device.owner) if device and device.owner else None
    if account is not None:
        key = fold(account)
        if (
            device
            and device.owner
            and device.owner != key
            and not device.owner.startswith("~")
        ):
            raise LoginFailed("this device belongs to another account")
        user = state.users.get(key)
        if user is None:
            user = User(key, account, account)
            free_nick(turn, peer, account)
    elif owner is not None and owner.account is None:
        return owner
    elif device and device.owner and not device.owner.startswith("~"):
        raise LoginFailed("this device belongs to an account; log in to it")
    else:
        free_nick(turn, peer, nick)
        user = User("~" + turn.house.world.token_bytes(6).hex(), nick, None)
    release_claim(turn, peer)
    if user.key not in state.users:
        turn.put(state.users, user.key, user)
    _take_nick(turn, user, user.nick)
    return user


def _take_nick(turn: Turn, user: User, nick: str) -> None:
    state = turn.state
    folded = fold(nick)
    turn.put(state.nicks, folded, user)
    if not nick.isascii():
        turn.put(state.looks, skeleton(nick), folded)


def _give_nick(turn: Turn, user: User) -> None:
    state = turn.state
    if state.nicks.get(fold(user.nick)) is user:
        turn.drop(state.nicks, fold(user.nick))
    if not user.nick.isascii():
        turn.drop(state.looks, skeleton(user.nick))


def _attach(
    turn: Turn, peer: Peer, user: User, admission: Admission, device: Device | None
) -> None:
    turn.set(peer, "user", user)
    turn.put(user.peers, peer, None)
    if device is not None:
        turn.set(peer, "device", device)
        turn.set(device, "peer", peer)
        turn.set(device, "owner", user.key)
    cancel_window(turn, user)
    turn.set(peer, "window_s", admission.window_s)
    if admission.stays and not user.stays:
        turn.set(user, "stays", True)
    if admission.window_s > user.window_s:
        turn.set(user, "window_s", admission.window_s)
    if not user.online:
        turn.set(user, "online", True)
        if user.rooms:
            turn.announce(UserPresence(user.nick, True, user.account), neighbours(user))


def cancel_window(turn: Turn, user: User) -> None:
    """A session is attached again, or the user is gone: nothing is waited for."""
    if user.until_us:
        turn.set(user, "until_us", 0)


def _standing(room: Room, resume: dict[str, Cursor]) -> Cursor | None:
    cursor = resume.get(room.name)
    if cursor is not None and cursor.epoch == room.epoch and cursor.seq <= room.seq:
        return cursor
    return None


def begin_at(turn: Turn, peer: Peer, user: User, cursors: dict[str, Cursor]) -> None:
    """Let a session follow its rooms: from its cursors where it gave any (behind, until
    it has caught up), else from now on (H15)."""
    lagging: dict[Room, int] = {}
    for room in user.rooms:
        cursor = cursors.get(room.name)
        standing = _standing(room, cursors)
        if cursor is not None and standing is None:
            turn.tell(
                peer, Gap(room.name, cursor.seq + 1, room.seq, "reset", room.epoch)
            )
        lagging[room] = room.seq if standing is None else standing.seq
    if any(seq < room.seq for room, seq in lagging.items()) or peer.behind is not None:
        for room in user.rooms:
            unfollow_quietly(turn, peer, room)
        turn.set(peer, "behind", lagging)
        turn.after.append(lambda hub: hub.catch_up(peer))
    else:
        for room in user.rooms:
            readers = room.readers.get(peer.form)
            if readers is None or peer not in readers:
                follow(turn, peer, room)


def unfollow_quietly(turn: Turn, peer: Peer, room: Room) -> None:
    """Take a session off a room's live readers."""
    readers = room.readers.get(peer.form)
    if readers is not None and peer in readers:
        turn.drop(readers, peer)
        turn.leaves(peer, room)


# -- changes ------------------------------------------------------------------


def neighbours(user: User) -> dict[Form, dict[Peer, None]]:
    """The live sessions that share a room with them, and their own, by form."""
    found: dict[Form, dict[Peer, None]] = {}
    for room in user.rooms:
        for form, readers in room.readers.items():
            if readers:
                found.setdefault(form, {}).update(dict.fromkeys(readers))
    for peer in user.peers:
        if peer.behind is None:
            found.setdefault(peer.form, {})[peer] = None
    return found


def rename(turn: Turn, peer: Peer, command: Rename) -> None:
    """Another nick, everywhere at once. Raises NickInUse, BadName."""
    user = user_of(peer)
    folded = free_nick(turn, peer, command.nick)
    if folded != user.key and account_name(turn, folded) is not None:
        raise NickInUse("this nick belongs to an account", command.nick)
    if command.nick != user.nick:
        occurrence = turn.house.world.token_bytes(8).hex()
        old = user.nick
        for room in user.rooms:
            if room.kind != "direct":
                seq, at = turn.stamp(room)
                turn.append(
                    room,
                    Renamed(
                        room.name, seq, at, old, command.nick, occurrence, user.account
                    ),
                )
        turn.announce(UserRenamed(old, command.nick, user.account), neighbours(user))
        _give_nick(turn, user)
        _take_nick(turn, user, command.nick)
        turn.set(user, "nick", command.nick)
    turn.answer(peer, command, Done(id=command.id))


def away(turn: Turn, peer: Peer, command: SetAway) -> None:
    """Away, or back. Told to neighbours, not kept. Raises TooLong."""
    user = user_of(peer)
    check_bytes(command.text, turn.house.limits.reason_bytes, "away text")
    if command.text != user.away:
        turn.set(user, "away", command.text)
        turn.announce(UserAway(user.nick, command.text, user.account), neighbours(user))
    turn.answer(peer, command, Done(id=command.id))


# -- goodbye ------------------------------------------------------------------


def bye(turn: Turn, peer: Peer, command: Bye) -> None:
    """This session ends now; its user too, if it has no other and does not
    stay (H9)."""
    check_bytes(command.reason, turn.house.limits.reason_bytes, "reason")
    turn.answer(
        peer, command, Goodbye("bye", command.reason or "goodbye", id=command.id)
    )
    _lose(turn, peer, "quit", command.reason, 0)


def lost(turn: Turn, fact: Lost) -> None:
    """A connection is gone."""
    peer = fact.peer
    if not peer.gone:
        window_s = peer.window_s if fact.cause == "lost" else 0
        _lose(turn, peer, fact.cause, fact.reason, window_s)


def _lose(turn: Turn, peer: Peer, cause: Cause, reason: str, window_s: int) -> None:
    turn.set(peer, "gone", True)
    turn.drop(turn.state.peers, peer)
    release_claim(turn, peer)
    user = peer.user
    if user is None:
        return
    detach(turn, peer)
    until_us = turn.house.world.monotonic_us() + window_s * 1_000_000
    if window_s and until_us > user.until_us:
        turn.set(user, "until_us", until_us)
    if user.peers:
        return
    remaining_s = (user.until_us - turn.house.world.monotonic_us()) / 1_000_000
    if remaining_s > 0:
        turn.after.append(lambda hub: hub.wait_for(user, remaining_s, cause, reason))
    else:
        gone(turn, user, cause, reason)


def detach(turn: Turn, peer: Peer) -> None:
    """A session is no longer its user's, and follows nothing."""
    user, device = peer.user, peer.device
    if user is None:
        return
    for room in user.rooms:
        unfollow(turn, peer, room)
    turn.drop(user.peers, peer)
    turn.set(peer, "user", None)
    if peer.behind is not None:
        turn.set(peer, "behind", None)
    if device is not None and device.peer is peer:
        turn.set(device, "peer", None)
        turn.set(peer, "device", None)


def expired(turn: Turn, fact: Expired) -> None:
    """Nobody came back in time."""
    user = fact.user
    if turn.house.world.monotonic_us() < user.until_us:
        return
    if not user.peers and turn.state.users.get(user.key) is user:
        gone(turn, user, fact.cause, fact.reason)


def gone(turn: Turn, user: User, cause: Cause, reason: str) -> None:
    """A user without a session: offline, if they stay; else they quit (H9)."""
    state = turn.state
    cancel_window(turn, user)
    rooms = [room for room in user.rooms if room.kind != "direct"]
    if user.stays or (user.account and not rooms):
        if user.online:
            turn.set(user, "online", False)
            turn.announce(
                UserPresence(user.nick, False, user.account), neighbours(user)
            )
    else:
        quit_rooms(turn, user, rooms, cause, reason)
    if not user.rooms or user.account is None:
        for room in list(user.rooms):
            _close_direct(turn, room)
        _give_nick(turn, user)
        turn.drop(state.users, user.key)


def quit_rooms(
    turn: Turn, user: User, rooms: list[Room], cause: Cause, reason: str
) -> None:
    """One log event per room and one user event, with a shared occurrence (H14)."""
    told = neighbours(user)
    occurrence = turn.house.world.token_bytes(8).hex()
    for room in rooms:
        seq, at = turn.stamp(room)
        event = Left(
            room.name, seq, at, user.nick, reason, cause, user.account, occurrence
        )
        turn.append(room, event)
        remove_member(turn, room, user, event)
    if user.online:
        turn.set(user, "online", False)
    if rooms:
        turn.announce(UserQuit(user.nick, reason, user.account), told)


def _close_direct(turn: Turn, room: Room) -> None:
    """A guest is gone for good, and so is what was said to them alone (H12)."""
    for user, member in list(room.members.items()):
        turn.drop(room.members, user)
        turn.drop(user.rooms, room)
        turn.touch(member)
        turn.touch(user)
        for peer in user.peers:
            unfollow(turn, peer, room)
    turn.seal(room)


def restarted(turn: Turn, fact: Restarted) -> None:
    """Users of before the start: those with a window may still come back (H9)."""
    for user in list(turn.state.users.values()):
        if user.peers or user.stays:
            continue
        if user.window_s:
            turn.set(user, "online", True)
            until_us = turn.house.world.monotonic_us() + user.window_s * 1_000_000
            turn.set(user, "until_us", until_us)
            turn.after.append(_waiter(user))
        else:
            gone(turn, user, "restart", RESTARTED)


def _waiter(user: User) -> Callable[[Afterwards], None]:
    return lambda hub: hub.wait_for(user, user.window_s, "restart", RESTARTED)


def closing(turn: Turn, fact: Closing) -> None:
    """The server stops: everybody hears why."""
    for peer in turn.state.peers:
        turn.close(peer, fact.error)
