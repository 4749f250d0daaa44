"""Nicks: who has one, who may take it, and what looks like it (H13, H25)."""

from __future__ import annotations

from collections.abc import Iterable

from relaychat.hub.lookup import account_like, user_of
from relaychat.hub.peer import Form, Peer
from relaychat.hub.shown import shown_again
from relaychat.hub.state import Room, User
from relaychat.hub.turn import Turn
from relaychat.model.commands import Claim, Rename
from relaychat.model.errors import NickInUse, OutOfOrder
from relaychat.model.events import Done, Renamed, UserEvent, UserRenamed
from relaychat.model.names import check_nick, fold, skeleton


def free_nick(turn: Turn, peer: Peer, nick: str) -> str:
    """The folded form of a nick that this peer may take.

    Raises BadName, TooLong, NickInUse.
    """
    folded = check_nick(nick)
    state = turn.state
    for other in (folded, *state.looks.get(skeleton(folded), ())):
        holder = state.nicks.get(other)
        if holder is None or holder is peer or holder is peer.user:
            continue
        if other == folded:
            raise NickInUse(about=nick)
        if _alike(folded, other):
            raise NickInUse("this nick looks like one that is in use", nick)
    return folded


def _alike(one: str, other: str) -> bool:
    """Whether two folded names of the same looks are too much alike: among ASCII names
    looks don't count (H13)."""
    return one == other or not (one.isascii() and other.isascii())


def take_nick(turn: Turn, user: User, nick: str) -> None:
    """The nick is this user's from now on."""
    state, folded = turn.state, fold(nick)
    turn.put(state.nicks, folded, user)
    look = skeleton(folded)
    turn.put(state.looks, look, (*state.looks.get(look, ()), folded))


def give_nick(turn: Turn, user: User) -> None:
    """The user's nick is free again."""
    state, folded = turn.state, fold(user.nick)
    turn.drop(state.nicks, folded)
    look = skeleton(folded)
    others = tuple(one for one in state.looks[look] if one != folded)
    if others:
        turn.put(state.looks, look, others)
    else:
        turn.drop(state.looks, look)


def forget_absent(turn: Turn, user: User) -> None:
    """Somebody may have lost what they were kept for: without a session, a window and
    a room a user is gone."""
    state = turn.state
    if user.peers or user.until_us or user.rooms or user.key not in state.users:
        return
    give_nick(turn, user)
    turn.drop(state.users, user.key)


def claim(turn: Turn, peer: Peer, command: Claim) -> None:
    """Keep a nick for somebody who is still registering (H25). Raises NickInUse,
    BadName."""
    if peer.user is not None:
        raise OutOfOrder(OutOfOrder.again)
    folded = free_nick(turn, peer, command.nick)
    release_claim(turn, peer)
    turn.put(turn.state.nicks, folded, peer)
    turn.set(peer, "nick", folded)
    turn.answer(peer, command, Done(id=command.id))


def release_claim(turn: Turn, peer: Peer) -> None:
    """The nick that a session claimed is free again, or somebody's by now."""
    if peer.nick:
        if turn.state.nicks.get(peer.nick) is peer:
            turn.drop(turn.state.nicks, peer.nick)
        turn.set(peer, "nick", "")


def neighbours(
    user: User, rooms: Iterable[Room] | None = None
) -> dict[Form, dict[Peer, None]]:
    """The live sessions that share a room with them, or one of ``rooms``, and their
    own, by form."""
    found: dict[Form, dict[Peer, None]] = {}
    for room in user.rooms if rooms is None else rooms:
        for form, readers in room.readers.items():
            found.setdefault(form, {}).update(dict.fromkeys(readers))
    for peer in user.peers:
        if peer.behind is None:
            found.setdefault(peer.form, {})[peer] = None
    return found


def tell_change(
    turn: Turn, user: User, event: UserEvent, rooms: Iterable[Room] | None = None
) -> None:
    """Somebody went away or offline, or came back: their neighbours hear it now, and
    who is behind once they are level (H18)."""
    turn.set(turn.state, "changes", turn.state.changes + 1)
    turn.set(user, "changed", turn.state.changes)
    for room in user.rooms:
        turn.set(room, "changed", turn.state.changes)
    turn.announce(event, neighbours(user, rooms))


def rename(turn: Turn, peer: Peer, command: Rename) -> None:
    """Another nick, everywhere at once. Raises NickInUse, BadName."""
    user = user_of(peer)
    folded = free_nick(turn, peer, command.nick)
    if folded != user.key and account_like(turn, command.nick) not in (None, user.key):
        raise NickInUse("this nick is an account's, or looks like one", command.nick)
    if command.nick != user.nick:
        change_nick(turn, user, command.nick)
    turn.answer(peer, command, Done(id=command.id))


def change_nick(turn: Turn, user: User, nick: str) -> None:
    """Call a user by another nick from now on, and tell everybody (H14)."""
    occurrence = turn.house.world.token_bytes(8).hex()
    for room in user.rooms:
        if room.kind != "direct":
            seq, at = turn.stamp(room)
            event = Renamed(
                room.name, seq, at, user.nick, nick, occurrence, user.account
            )
            turn.append(room, event)
    renamed = UserRenamed(user.nick, nick, user.account)
    turn.announce(renamed, neighbours(user))
    for peer in user.peers:
        if peer.behind is not None:
            # What one is called oneself can't wait until one has caught up.
            turn.tell(peer, renamed)
    give_nick(turn, user)
    take_nick(turn, user, nick)
    turn.set(user, "nick", nick)
    for room in user.rooms:
        if room.kind == "direct":
            _show_partner(turn, room, user)


def _show_partner(turn: Turn, room: Room, user: User) -> None:
    """A direct room has no entry for a rename (H12): its other side is shown it as it
    is called now."""
    for other in room.members:
        if other is not user:
            again = shown_again(room, other)
            for peer in filter(lambda peer: peer.sees(room), other.peers):
                turn.tell(peer, again)


def make_way(turn: Turn, account: str) -> None:
    """The owner of an account comes in: whoever has its name as a nick, or one that
    looks like it, since before there was the account, is called something else."""
    state, folded = turn.state, fold(account)
    for other in (folded, *state.looks.get(skeleton(folded), ())):
        holder = state.user_of(other)
        if holder is not None and _alike(folded, other):
            change_nick(turn, holder, "guest-" + turn.house.world.token_bytes(4).hex())
