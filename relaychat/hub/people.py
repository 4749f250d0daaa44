"""Users come and go: hello, presence, goodbye (H8, H9, H14, H16)."""

from __future__ import annotations

from collections.abc import Callable

from relaychat import __version__
from relaychat.hub.doors import follow, remove_member, stop_reading, unfollow
from relaychat.hub.draft import Afterwards, Cause
from relaychat.hub.facts import Closing, Expired, Lost, Restarted
from relaychat.hub.lookup import check_bytes, user_of
from relaychat.hub.nicks import (
    forget_absent,
    free_nick,
    make_way,
    neighbours,
    release_claim,
    take_nick,
    tell_change,
)
from relaychat.hub.peer import Peer
from relaychat.hub.shown import shown
from relaychat.hub.state import Device, Room, User
from relaychat.hub.turn import Turn
from relaychat.model.admission import Admission, Enter
from relaychat.model.commands import Bye, Cursor, Resume, SetAway
from relaychat.model.errors import (
    LoginFailed,
    OutOfOrder,
    Replaced,
)
from relaychat.model.events import (
    Done,
    Gap,
    Goodbye,
    Left,
    UserAway,
    UserPresence,
    UserQuit,
    Welcome,
)
from relaychat.model.names import fold

PROTOCOL_VERSION = 1
SOFTWARE = f"relaychat {__version__}"
RESTARTED = "the relay was restarted"


# -- hello --------------------------------------------------------------------


def enter(turn: Turn, peer: Peer, command: Enter) -> None:
    """A hello whose login is done. Raises OutOfOrder, NickInUse,
    BadName, LoginFailed."""
    admission = command.admission
    if peer.user is not None or peer.control:
        raise OutOfOrder(OutOfOrder.again)
    if admission.control:
        turn.set(peer, "control", True)
        turn.answer(peer, command, welcome(turn, peer, command, False))
        return
    device = _device(turn, admission)
    user = _user(turn, peer, command, device)
    release_claim(turn, peer)
    replaced = _fence(turn, device)
    if admission.scope is not None:
        turn.set(peer, "rooms", admission.scope.rooms)
        turn.set(peer, "token", admission.token)
    if admission.administrator:
        turn.set(peer, "administrator", True)
    _attach(turn, peer, user, admission, device)
    resume = command.hello.resume or {}
    rooms = list(filter(peer.sees, user.rooms))
    resumed = any(_standing(room, resume) is not None for room in rooms)
    turn.answer(peer, command, welcome(turn, peer, command, resumed))
    for room in rooms:
        turn.tell(peer, shown(turn, room, user, peer))
    if command.hello.resume is None:
        for room in rooms:
            follow(turn, peer, room)
    else:
        known = {r.name: resume[r.name] for r in rooms if r.name in resume}
        resume_at(turn, peer, user, Resume(known, id=command.id))
    if replaced is not None and replaced is not user and not replaced.peers:
        gone(turn, replaced, "quit", Replaced.default)


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
            "custom_bytes": limits.custom_bytes,
            "topic_bytes": limits.topic_bytes,
            "reason_bytes": limits.reason_bytes,
            "rooms_per_user": limits.rooms_per_user,
        },
        id=command.id,
    )


def _device(turn: Turn, admission: Admission) -> Device | None:
    """The device of this hello, known or new."""
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
    return device


def _fence(turn: Turn, device: Device | None) -> User | None:
    """A device has one session at a time: the old one ends here (H16). Returns whose
    it was."""
    if device is None or device.peer is None:
        return None
    old, user = device.peer, user_of(device.peer)
    turn.close(old, Replaced())
    detach(turn, old, user)
    turn.set(old, "gone", True)
    turn.drop(turn.state.peers, old)
    return user


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
        if user is not None:
            return user
        make_way(turn, account)
        user = User(key, account, account)
    elif owner is not None and owner.account is None:
        return owner
    elif device and device.owner and not device.owner.startswith("~"):
        raise LoginFailed("this device belongs to an account; log in to it")
    else:
        free_nick(turn, peer, nick)
        user = User("~" + turn.house.world.token_bytes(6).hex(), nick, None)
    turn.put(state.users, user.key, user)
    take_nick(turn, user, user.nick)
    return user


def _attach(
    turn: Turn, peer: Peer, user: User, admission: Admission, device: Device | None
) -> None:
    if not user.online:
        turn.set(user, "online", True)
        if user.rooms:
            tell_change(turn, user, UserPresence(user.nick, True, user.account))
    turn.set(peer, "user", user)
    turn.put(user.peers, peer, None)
    if device is not None:
        turn.set(peer, "device", device)
        turn.set(device, "peer", peer)
        turn.drop(turn.state.idle, device)
        if device.owner != user.key:
            turn.set(device, "owner", user.key)
    cancel_window(turn, user)
    turn.set(peer, "window_s", admission.window_s)
    if admission.stays and not user.stays:
        turn.set(user, "stays", True)
    if admission.window_s > user.window_s:
        turn.set(user, "window_s", admission.window_s)


def cancel_window(turn: Turn, user: User) -> None:
    """A session is attached again, or the user is gone: nothing is waited for."""
    if user.until_us:
        turn.set(user, "until_us", 0)


def _standing(room: Room, resume: dict[str, Cursor]) -> Cursor | None:
    cursor = resume.get(room.name)
    if cursor is not None and cursor.epoch == room.epoch and cursor.seq <= room.seq:
        return cursor
    return None


def resume_at(turn: Turn, peer: Peer, user: User, resume: Resume) -> None:
    """Let a session start over: from its cursors where it gave any, else from where it
    is (H15). It is behind until it has caught up, and told then."""
    was, behind = peer.behind or {}, {}
    for room in filter(peer.sees, user.rooms):
        cursor, standing = resume.rooms.get(room.name), _standing(room, resume.rooms)
        if cursor is not None and standing is None:
            gap = Gap(room.name, cursor.seq + 1, room.seq, "reset", room.epoch)
            turn.tell(peer, gap)
        if standing is not None:
            behind[room] = standing.seq
        else:
            # A room that it does not name may be one that it has not heard of yet.
            behind[room] = room.seq if cursor is not None else was.get(room, room.seq)
        stop_reading(turn, peer, room)
    turn.set(peer, "resuming", resume)
    if peer.behind is None:
        turn.set(peer, "saw_changes", turn.state.changes)
    turn.set(peer, "behind", behind)
    turn.after.append(lambda hub: hub.catch_up(peer))


# -- changes ------------------------------------------------------------------


def away(turn: Turn, peer: Peer, command: SetAway) -> None:
    """Away, or back. Told to neighbours, not kept. Raises TooLong."""
    user = user_of(peer)
    check_bytes(command.text, turn.house.limits.reason_bytes, "away text")
    if command.text != user.away:
        turn.set(user, "away", command.text)
        tell_change(turn, user, UserAway(user.nick, command.text, user.account))
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
    detach(turn, peer, user)
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


def detach(turn: Turn, peer: Peer, user: User) -> None:
    """A session is no longer its user's, and follows nothing."""
    device = peer.device
    for room in user.rooms:
        unfollow(turn, peer, room)
    turn.drop(user.peers, peer)
    turn.set(peer, "user", None)
    if peer.behind is not None:
        turn.set(peer, "behind", None)
    if device is not None:
        turn.set(device, "peer", None)
        turn.set(peer, "device", None)
        turn.put(turn.state.idle, device, None)
        if len(turn.state.idle) > turn.house.limits.devices:
            _forget_device(turn, next(iter(turn.state.idle)))


def _forget_device(turn: Turn, device: Device) -> None:
    turn.drop(turn.state.idle, device)
    turn.drop(turn.state.devices, device.key)


def expired(turn: Turn, fact: Expired) -> None:
    """Nobody came back in time."""
    user = fact.user
    left_us = user.until_us - turn.house.world.monotonic_us()
    if left_us > 0:  # The timer's clock is not ours, and was ahead of it.
        wait = (user, left_us / 1_000_000, fact.cause, fact.reason)
        turn.after.append(lambda hub: hub.wait_for(*wait))
        return
    if not user.peers and turn.state.users.get(user.key) is user:
        gone(turn, user, fact.cause, fact.reason)


def gone(turn: Turn, user: User, cause: Cause, reason: str) -> None:
    """A user without a session: offline, if they stay; else they quit (H9)."""
    cancel_window(turn, user)
    leaving = [one for one in user.rooms if one.kind != "direct" and not user.stays]
    staying = [one for one in user.rooms if one not in leaving]
    if user.online:
        turn.set(user, "online", False)
        if staying:
            event = UserPresence(user.nick, False, user.account)
            tell_change(turn, user, event, staying)
    if leaving:
        quit_rooms(turn, user, leaving, cause, reason)
    if user.account is None:
        for room in list(user.rooms):
            leave_direct(turn, room, user)
    forget_absent(turn, user)


def quit_rooms(
    turn: Turn, user: User, rooms: list[Room], cause: Cause, reason: str
) -> None:
    """One log event per room and one user event, with a shared occurrence (H14)."""
    told = neighbours(user, rooms)
    occurrence = turn.house.world.token_bytes(8).hex()
    for room in rooms:
        seq, at = turn.stamp(room)
        event = Left(
            room.name, seq, at, user.nick, reason, cause, user.account, occurrence
        )
        turn.append(room, event)
        remove_member(turn, room, user, event)
    turn.announce(UserQuit(user.nick, reason, user.account), told)


def leave_direct(turn: Turn, room: Room, user: User) -> None:
    """A guest is gone for good, or an account. What was said stays with the other one,
    who can say nothing more there (H12)."""
    member = user.rooms[room]
    turn.drop(room.members, user)
    turn.drop(user.rooms, room)
    turn.touch(member)
    turn.touch(user)
    if not room.members:
        turn.seal(room)
        return
    turn.set(room, "departed", user.nick)
    for other in list(room.members):
        _bound_departed(turn, other)


def _bound_departed(turn: Turn, user: User) -> None:
    """Of the direct rooms that somebody has left, a user keeps the latest."""
    left = [room for room in user.rooms if room.departed]
    for room in left[: -turn.house.limits.departed_per_user]:
        member = user.rooms[room]
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
