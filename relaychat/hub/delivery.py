"""Telling a committed turn: one render per form, one write per reader (H6, H21, H31).

Most readers of a room are sent one payload, the room's whole turn in their form.
*Special* ones (being answered, coming, going, hearing their own voice) get slices of
the same rendering, merged with what is told to them alone, in the turn's order.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice

from relaychat.hub.peer import Form, Peer, Send
from relaychat.hub.state import Room
from relaychat.hub.turn import Barrier, Drafted, Turn
from relaychat.model.words import Word

BURST_READERS = 1000
"""Readers sent to without a break (H7): some 5 ms of system calls."""

Items = list[tuple[int, bytes]]
Fallen = dict[Peer, None]
"""Readers that could not take it all (H18)."""
Report = Callable[[str], None]


def deliver(turn: Turn, fallen: Fallen, report: Report) -> Iterator[None]:
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
    readers = 0
    for part in turn.parts():
        if isinstance(part, Barrier):
            _tell_neighbours(part, special, fallen, report)
            continue
        for room, drafted in part.items():
            readers += yield from _tell_room(room, drafted, turn, fallen, report)
            if readers >= BURST_READERS:
                readers = 0
                yield
    for peer, items in special.items():
        if items and not peer.send(_joined(items)):
            fallen[peer] = None


def rendered(form: Form, events: Sequence[Word], report: Report) -> list[bytes]:
    """A form's rendering of each of these; empty where it fails."""
    try:
        return form.rendered(events)
    except Exception:
        report(f"rendering with {form!r} failed")
    if len(events) == 1:
        return [b""]
    return [rendered(form, [event], report)[0] for event in events]


def _joined(items: Items) -> bytes:
    if len(items) == 1:
        return items[0][1]
    items.sort(key=_ordinal)
    return b"".join([data for _, data in items])


def _ordinal(item: tuple[int, bytes]) -> int:
    return item[0]


def _tell_room(
    room: Room, drafted: list[Drafted], turn: Turn, fallen: Fallen, report: Report
) -> Generator[None, None, int]:
    """Returns how many readers were told since it yielded last."""
    events = [event for one in drafted for event in one.events]
    pieces_of: dict[Form, list[bytes]] = {}
    told = 0
    for form, readers in room.readers.items():
        if not readers:
            continue
        pieces = pieces_of[form] = rendered(form, events, report)
        share = Share(room, drafted, pieces, turn)
        rest = iter(readers.items())
        for _ in range(len(readers) // BURST_READERS):
            share.tell(islice(rest, BURST_READERS), fallen)
            yield
        share.tell(rest, fallen)
        told += len(readers) % BURST_READERS
    if turn.spans:
        _tell_movers(room, drafted, pieces_of, turn, report)
    return told


class Share:
    """What the readers of one form are told of a room's turn."""

    __slots__ = ("_drafted", "_muted", "_payload", "_pieces", "_room", "_turn")

    def __init__(
        self, room: Room, drafted: list[Drafted], pieces: list[bytes], turn: Turn
    ) -> None:
        self._room = room
        self._drafted = drafted
        self._pieces = pieces
        self._payload = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._muted = {one.hidden_from for one in drafted}
        """Who does not hear some of it: their own voice."""
        self._turn = turn

    def tell(self, readers: Iterable[tuple[Peer, Send]], fallen: Fallen) -> None:
        """Send it to these, or keep it for those who are told other things as well."""
        payload, muted = self._payload, self._muted
        special, spans = self._turn.special, self._turn.spans
        for peer, send in readers:
            if peer in special:
                if (peer, self._room) not in spans:
                    special[peer] += _slices(self._drafted, self._pieces, peer)
                continue
            mine = self._heard_by(peer) if peer in muted else payload
            if mine and not send(mine):
                fallen[peer] = None

    def _heard_by(self, peer: Peer) -> bytes:
        heard: list[bytes] = []
        start = 0
        for one in self._drafted:
            end = start + len(one.events)
            if one.hidden_from is not peer:
                heard += self._pieces[start:end]
            start = end
        return b"".join(heard)


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
            events = [event for one in drafted for event in one.events]
            pieces = pieces_of[peer.form] = rendered(peer.form, events, report)
        turn.special[peer].extend(
            item
            for item in _slices(drafted, pieces, peer)
            if any(first <= item[0] <= last for first, last in stays)
        )


def _slices(drafted: list[Drafted], pieces: list[bytes], peer: Peer) -> Items:
    items: Items = []
    rest = iter(pieces)
    for one in drafted:
        for n, piece in enumerate(islice(rest, len(one.events))):
            if piece and one.hidden_from is not peer:
                items.append((one.ordinal + n * one.step, piece))
    return items


def _tell_neighbours(
    barrier: Barrier,
    special: dict[Peer, Items],
    fallen: Fallen,
    report: Report,
) -> None:
    for form, peers in barrier.neighbours.items():
        data = rendered(form, [barrier.event], report)[0]
        if not data:
            continue
        for peer in peers:
            items = special.get(peer)
            if items is not None:
                items.append((barrier.ordinal, data))
            elif not peer.send(data):
                fallen[peer] = None
