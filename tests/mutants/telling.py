"""Faults of telling a turn: who gets what, in which order, to the last byte."""

from __future__ import annotations

from typing import Any

from relaychat.hub import delivery
from relaychat.hub.delivery import Share
from relaychat.hub.draft import Barrier, Drafted
from relaychat.hub.peer import Form, Peer
from relaychat.hub.state import Room
from relaychat.hub.turn import Turn
from relaychat.model.events import UserEvent, UserQuit, UserRenamed
from relaychat.net.outlet import Outlet, SocketOutlet
from tests.mutants.planting import Plant, delayed, mutant

Neighbours = dict[Form, dict[Peer, None]]


@mutant
def barrier_overtakes(plant: Plant) -> None:
    """A quit or a rename goes out before what was said ahead of it."""

    def announce(turn: Turn, event: UserEvent, neighbours: Neighbours) -> None:
        turn.ordinal += 1
        turn.segments.insert(0, Barrier(0, event, neighbours))

    plant(Turn, "announce", announce)


@mutant
def rename_not_told(plant: Plant) -> None:
    """IRC clients are not told of a rename."""
    _not_told(plant, UserRenamed)


@delayed
def quit_not_told(plant: Plant) -> None:
    """IRC clients are not told of a quit."""
    _not_told(plant, UserQuit)


def _not_told(plant: Plant, kind: type[UserEvent]) -> None:
    announced = Turn.announce

    def announce(turn: Turn, event: UserEvent, neighbours: Neighbours) -> None:
        announced(turn, event, {} if isinstance(event, kind) else neighbours)

    plant(Turn, "announce", announce)


@mutant
def joiner_sees_before(plant: Plant) -> None:
    """Who comes in is also shown what was said in the turn before."""

    def enters(turn: Turn, peer: Peer, room: Room) -> None:
        turn.special.setdefault(peer, [])
        turn.spans.setdefault(room, {}).setdefault(peer, []).append([0, 2**62])

    plant(Turn, "enters", enters)


@mutant
def leaver_misses_last(plant: Plant) -> None:
    """Who leaves is not shown the event that put them out."""

    def leaves(turn: Turn, peer: Peer, room: Room) -> None:
        turn.special.setdefault(peer, [])
        spans = turn.spans.setdefault(room, {}).setdefault(peer, [[0, 2**62]])
        spans[-1][1] = turn.ordinal - 1

    plant(Turn, "leaves", leaves)


@mutant
def slices_off_by_one(plant: Plant) -> None:
    """Special readers are not shown the first event of a turn."""
    items = Share.items

    def short(*arguments: Any) -> Any:
        return items(*arguments)[1:]

    plant(Share, "items", short)


@mutant
def own_voice_heard(plant: Plant) -> None:
    """IRC clients are shown what they said themselves."""
    plant(Room, "hides_own", lambda *_: False)


@mutant
def own_words_dropped(plant: Plant) -> None:
    """Native clients are not shown what they said themselves."""
    plant(Room, "hides_own", lambda *_: True)


@mutant
def hidden_from_all_sessions(plant: Plant) -> None:
    """What somebody says by IRC is hidden from their other sessions, too."""
    made = Share.__init__

    def hidden(share: Share, drafted: list[Drafted], pieces: list[bytes]) -> None:
        made(share, drafted, pieces)
        speakers = [one.hidden_from for one in drafted if one.hidden_from is not None]
        share.muted = {peer for one in speakers if one.user for peer in one.user.peers}

    def heard_by(share: Any, peer: Peer) -> bytes:
        rest, heard = iter(share._pieces), b""
        for one in share._drafted:
            pieces = [next(rest) for _ in one.events]
            if one.hidden_from is None or one.hidden_from.user is not peer.user:
                heard += b"".join(pieces)
        return heard

    plant(Share, "__init__", hidden)
    plant(Share, "heard_by", heard_by)


@mutant
def told_out_of_order(plant: Plant) -> None:
    """What is told to one session alone is not merged into its place."""
    plant(delivery, "_joined", lambda items: b"".join([data for _, data in items]))


@mutant
def send_overtakes_held(plant: Plant) -> None:
    """What the kernel takes goes out before what is held."""

    def send(outlet: SocketOutlet, payload: bytes) -> bool:
        try:
            sent = outlet._direct(payload)
        except BlockingIOError:
            sent = 0
        except OSError:
            return True
        if sent == len(payload):
            return True
        if outlet._busy:
            return outlet._hold(payload, sent)
        return outlet._block(payload, sent)

    plant(SocketOutlet, "send", send)


@mutant
def partial_send_repeats(plant: Plant) -> None:
    """What the kernel took of a payload is sent once more."""
    block = SocketOutlet._block
    plant(SocketOutlet, "_block", lambda outlet, data, sent: block(outlet, data, 0))


@mutant
def partial_send_drops(plant: Plant) -> None:
    """What the kernel did not take of a payload is lost."""
    block = SocketOutlet._block

    def dropping(outlet: SocketOutlet, data: bytes, sent: int) -> bool:
        return bool(sent) or block(outlet, data, 0)

    plant(SocketOutlet, "_block", dropping)


@delayed
def drain_not_told(plant: Plant) -> None:
    """A reader that was full and has drained is given nothing further."""
    drained = Outlet._drained

    def silent(outlet: Outlet) -> None:
        if not outlet._closing:
            outlet.full = False
        drained(outlet)

    plant(Outlet, "_drained", silent)


@mutant
def never_full(plant: Plant) -> None:
    """An outlet holds whatever it is given, without bound."""
    hold = Outlet._hold

    def boundless(outlet: Outlet, payload: bytes, offset: int) -> bool:
        hold(outlet, payload, offset)
        outlet.full = False
        return True

    plant(Outlet, "_hold", boundless)
