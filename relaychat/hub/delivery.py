"""Telling a committed turn: one render per form, one write per reader (H6, H21, H31).

Most readers of a room are sent one payload, the room's whole turn in their form.
*Special* ones (being answered, coming, going, hearing their own voice) get slices of
the same rendering, merged with what is told to them alone, in the turn's order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from relaychat.hub.peer import Form, Peer, Send
from relaychat.hub.state import Room
from relaychat.hub.turn import Barrier, Drafted, Turn
from relaychat.model.words import Word

BURST_READERS = 1000
"""Readers sent to without a break (H7): some 5 ms of system calls."""

Items = list[tuple[int, bytes]]
Report = Callable[[str], None]


def deliver(turn: Turn, fallen: dict[Peer, None], report: Report) -> Iterator[None]:
    """Send everything that the turn tells. Yields now and then, so that a long fan-out
    can be spread: nothing of the state changes before its end. Readers that could not
    take it all are put into ``fallen`` (H18). ``report`` is told of forms that fail:
    what they can't render they don't show."""
    special = turn.special
    for told in turn.told:
        data = told.peer.outcome(told.command, told.word)
        if data:
            items = special.get(told.peer)
            if items is None:
                items = special[told.peer] = []
            items.append((told.ordinal, data))
    for part in turn.parts():
        if isinstance(part, Barrier):
            _tell_neighbours(part, special, fallen, report)
            continue
        for room, drafted in part.items():
            yield from _tell_room(room, drafted, turn, fallen, report)
    for peer, items in special.items():
        if items and not peer.send(_joined(items)):
            fallen[peer] = None


def rendered(
    render: Callable[[Word], bytes], events: Sequence[Word], report: Report
) -> list[bytes]:
    """A form's rendering of each of these; empty where it fails."""
    try:
        return [render(event) for event in events]
    except Exception:
        report(f"rendering with {render!r} failed")
    if len(events) == 1:
        return [b""]
    return [rendered(render, [event], report)[0] for event in events]


def _joined(items: Items) -> bytes:
    if len(items) == 1:
        return items[0][1]
    items.sort(key=_ordinal)
    return b"".join([data for _, data in items])


def _ordinal(item: tuple[int, bytes]) -> int:
    return item[0]


def _tell_room(
    room: Room,
    drafted: list[Drafted],
    turn: Turn,
    fallen: dict[Peer, None],
    report: Report,
) -> Iterator[None]:
    events = [one.event for one in drafted]
    pieces_of: dict[Form, list[bytes]] = {}
    for form, readers in room.readers.items():
        if not readers:
            continue
        pieces = pieces_of[form] = rendered(form.render, events, report)
        payload = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        plain = turn.special.keys().isdisjoint(readers)
        rest = iter(readers.items())
        for _ in range(0, len(readers), BURST_READERS):
            burst = islice(rest, BURST_READERS)
            if not plain:
                _tell_mixed(room, drafted, pieces, payload, burst, turn, fallen)
            elif payload:
                for peer, send in burst:
                    if not send(payload):
                        fallen[peer] = None
            yield
    if turn.spans:
        _tell_movers(room, drafted, pieces_of, turn, report)


def _tell_mixed(
    room: Room,
    drafted: list[Drafted],
    pieces: list[bytes],
    payload: bytes,
    readers: Iterable[tuple[Peer, Send]],
    turn: Turn,
    fallen: dict[Peer, None],
) -> None:
    """Readers of one form, some of them special."""
    special, spans = turn.special, turn.spans
    for peer, send in readers:
        items = special.get(peer)
        if items is None:
            if payload and not send(payload):
                fallen[peer] = None
        elif (peer, room) not in spans:
            items.extend(_slices(drafted, pieces, peer))


def _tell_movers(
    room: Room,
    drafted: list[Drafted],
    pieces_of: dict[Form, list[bytes]],
    turn: Turn,
    report: Report,
) -> None:
    """Sessions that came or went in this turn hear the part of it that they were in."""
    for (peer, its_room), stays in turn.spans.items():
        if its_room is not room:
            continue
        pieces = pieces_of.get(peer.form)
        if pieces is None:
            events = [one.event for one in drafted]
            pieces = pieces_of[peer.form] = rendered(peer.form.render, events, report)
        turn.special[peer].extend(
            item
            for item in _slices(drafted, pieces, peer)
            if any(first <= item[0] <= last for first, last in stays)
        )


def _slices(drafted: list[Drafted], pieces: list[bytes], peer: Peer) -> Items:
    return [
        (one.ordinal, piece)
        for one, piece in zip(drafted, pieces, strict=True)
        if piece and one.hidden_from is not peer
    ]


def _tell_neighbours(
    barrier: Barrier,
    special: dict[Peer, Items],
    fallen: dict[Peer, None],
    report: Report,
) -> None:
    for form, peers in barrier.neighbours.items():
        data = rendered(form.render, [barrier.event], report)[0]
        if not data:
            continue
        for peer in peers:
            items = special.get(peer)
            if items is not None:
                items.append((barrier.ordinal, data))
            elif not peer.send(data):
                fallen[peer] = None
