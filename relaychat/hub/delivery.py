"""Telling a committed turn: one render per form, one write per reader (H6, H21, H31).

Most readers of a room are sent one payload, the room's whole turn in their form.
*Special* ones (being answered, coming, going, hearing their own voice) get slices of
the same rendering, merged with what is told to them alone, in the turn's order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from relaychat.hub.draft import Barrier, Drafted
from relaychat.hub.peer import Form, Peer, Send
from relaychat.hub.state import Room
from relaychat.hub.turn import Turn
from relaychat.model.words import Word

BURST = 1000
"""Sends, and events rendered or put in order, without a break (H7): some 5 ms."""

Items = list[tuple[int, bytes]]
Fallen = dict[Peer, None]
"""Readers that could not take it all (H18)."""
Report = Callable[[str], None]
Stays = list[list[int]]
"""First and last ordinals of what somebody is shown of a room."""
Movers = dict[Peer, Stays]


def deliver(turn: Turn, fallen: Fallen, report: Report) -> Iterator[None]:
    """Send everything that the turn tells. Yields now and then, so that a long fan-out
    can be spread: nothing of the state changes before its end. Readers that could not
    take it all are put into ``fallen`` (H18). ``report`` is told of forms that fail:
    what they can't render they don't show."""
    return Delivery(turn, fallen, report).steps()


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


class Share:
    """What the readers of one form are told of a room's turn."""

    __slots__ = ("_drafted", "_pieces", "muted", "payload")

    def __init__(self, drafted: list[Drafted], pieces: list[bytes]) -> None:
        self._drafted = drafted
        self._pieces = pieces
        self.payload = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self.muted = {one.hidden_from for one in drafted}
        """Who does not hear some of it: their own voice."""

    def heard_by(self, peer: Peer) -> bytes:
        """What one of these hears of it."""
        heard: list[bytes] = []
        start = 0
        for one in self._drafted:
            end = start + len(one.events)
            if one.hidden_from is not peer:
                heard += self._pieces[start:end]
            start = end
        return b"".join(heard)

    def items(self, peer: Peer, stays: Stays | None) -> Items:
        """The same piece by piece, of all or of some stays."""
        items: Items = []
        rest = iter(self._pieces)
        for one in self._drafted:
            for n, piece in enumerate(islice(rest, len(one.events))):
                if piece and one.hidden_from is not peer:
                    items.append((one.ordinal + n * one.step, piece))
        if stays is None:
            return items
        return [
            item
            for item in items
            if any(first <= item[0] <= last for first, last in stays)
        ]


class Delivery:
    """A committed turn on its way out."""

    def __init__(self, turn: Turn, fallen: Fallen, report: Report) -> None:
        self._turn = turn
        self._fallen = fallen
        self._report = report
        self._shares: dict[Peer, list[tuple[Share, Stays | None]]] = {}
        """What special ones hear of rooms. It is taken apart for one of them at a time:
        a crowd that comes at once would be its square in pieces."""
        self._work = 0
        """Since the last break."""

    def steps(self) -> Iterator[None]:
        """All of it, with a break where it yields."""
        self._answer()
        for part in self._turn.parts():
            if isinstance(part, Barrier):
                yield from self._tell_neighbours(part)
                continue
            for room, drafted in part.items():
                yield from self._tell_room(room, drafted)
        yield from self._tell_special()

    def _due(self, work: int) -> bool:
        """Whether it is time for a break, after so much more work."""
        self._work += work
        if self._work < BURST:
            return False
        self._work = 0
        return True

    def _answer(self) -> None:
        special = self._turn.special
        for told in self._turn.told:
            data = told.peer.outcome(told.command, told.word)
            if data:
                items = special.get(told.peer)
                if items is None:
                    items = special[told.peer] = []
                items.append((told.ordinal, data))

    def _tell_room(self, room: Room, drafted: list[Drafted]) -> Iterator[None]:
        events = [event for one in drafted for event in one.events]
        movers = self._turn.spans.get(room)
        shares: dict[Form, Share] = {}
        for form, readers in room.readers.items():
            share = Share(drafted, rendered(form, events, self._report))
            if movers:
                shares[form] = share
            rest = iter(readers.items())
            for _ in range(len(readers) // BURST):
                self._tell(share, islice(rest, BURST), movers)
                yield
            self._tell(share, rest, movers)
            if self._due(len(events) + len(readers) % BURST):
                yield
        if movers:
            self._tell_movers(movers, drafted, shares)

    def _tell_movers(
        self, movers: Movers, drafted: list[Drafted], shares: dict[Form, Share]
    ) -> None:
        """Sessions that came or went in this turn hear the part that they were in."""
        for peer, stays in movers.items():
            share = shares.get(peer.form)
            if share is None:
                events = [event for one in drafted for event in one.events]
                pieces = rendered(peer.form, events, self._report)
                share = shares[peer.form] = Share(drafted, pieces)
            self._shares.setdefault(peer, []).append((share, stays))

    def _tell(
        self,
        share: Share,
        readers: Iterable[tuple[Peer, Send]],
        movers: Movers | None,
    ) -> None:
        """Send it to these, or keep it for those who are told other things as well."""
        payload, muted, special = share.payload, share.muted, self._turn.special
        for peer, send in readers:
            if peer in special:
                if movers is None or peer not in movers:
                    self._shares.setdefault(peer, []).append((share, None))
                continue
            mine = share.heard_by(peer) if peer in muted else payload
            if mine and not send(mine):
                self._fallen[peer] = None

    def _tell_neighbours(self, barrier: Barrier) -> Iterator[None]:
        special = self._turn.special
        for form, peers in barrier.neighbours.items():
            data = rendered(form, [barrier.event], self._report)[0]
            for peer in peers if data else ():
                items = special.get(peer)
                if items is not None:
                    items.append((barrier.ordinal, data))
                elif not peer.send(data):
                    self._fallen[peer] = None
                if self._due(1):
                    yield

    def _tell_special(self) -> Iterator[None]:
        for peer, own in self._turn.special.items():
            items = own.copy()
            for share, stays in self._shares.pop(peer, ()):
                items += share.items(peer, stays)
            if items and not peer.send(_joined(items)):
                self._fallen[peer] = None
            if self._due(len(items)):
                yield
