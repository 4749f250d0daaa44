"""The rooms that a client wants to be in, and how it stands to each."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from relaychat.client.cursor import Reader
from relaychat.model.commands import Cursor, Part
from relaychat.model.events import Fault, RoomShown
from relaychat.model.names import fold


class Place:
    """A room that we want to be in. Without a reader its events are not for us."""

    def __init__(self, name: str, key: str, reader: Reader | None) -> None:
        self.name = name
        self.key = key
        self.reader = reader
        self.joining = False
        """A join is under way."""
        self.inside = False
        self.member = False
        """We don't ask to be let in: we are in it, or not any more."""
        self.refused: Fault | None = None
        self.leaving: Part | None = None
        """What was asked to leave it. Until the answer its events are still ours."""
        self.again: Place | None = None
        """What takes this place when it has been left: we want to be in once more."""

    @property
    def direct(self) -> bool:
        """A room of two. It can't be joined: it is there once somebody spoke."""
        return self.name.startswith("@")

    @property
    def refused_for_now(self) -> bool:
        """Whether it may let us in later."""
        refused = self.refused is not None and self.refused.retry
        return refused and self.leaving is None

    @property
    def settled(self) -> bool:
        """Whether all was done to get in."""
        shut = self.refused is not None and not self.refused.retry
        return not self.joining and (self.inside or shut or self.direct)


class Places:
    """All of them, by their folded names; ``everything``: also those that the server
    shows us unasked."""

    def __init__(self, everything: bool, returning: bool) -> None:
        self._everything = everything
        self.returning = returning
        """We were here before: a direct room that we do not know began while we were
        away, and is read from its start."""
        self._places: dict[str, Place] = {}

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places.values())

    def add(self, place: Place) -> None:
        """Want to be in a room."""
        old = self.of(place.name)
        if old is not None and old.leaving is not None:
            old.again = place
        else:
            self._places[fold(place.name)] = place

    def wanted(self, room: str) -> Place | None:
        """The place of a room that we want to be in, or None."""
        place = self.of(room)
        while place is not None and place.leaving is not None:
            place = place.again
        return place

    def leave(self, room: str, reason: str) -> Part | None:
        """Want it no more. Returns what to ask for, if we are in it or may be soon."""
        place = self.wanted(room)
        if place is None:
            return None
        if place.inside or place.joining:
            place.leaving = Part(place.name, reason)
        else:
            self.drop(room)
        return place.leaving

    def left(self, room: str) -> None:
        """A room that we wanted to leave has been left."""
        place = self.of(room)
        if place is not None and place.leaving is not None:
            self.drop(place.name)
            if place.again is not None:
                self._places[fold(place.name)] = place.again

    def drop(self, room: str) -> Place | None:
        """Want it no more."""
        return self._places.pop(fold(room), None)

    def of(self, room: str) -> Place | None:
        """The place of a room, or None if it is not ours."""
        return self._places.get(room) or self._places.get(fold(room))

    def shown(self, room: RoomShown) -> tuple[Place | None, bool]:
        """The place of a room that we are shown to be in, and whether we were not in it
        before. A direct room is wanted by the other's nick and has another name."""
        place = self.of(room.room)
        if place is None and room.direct is not None:
            place = self.drop("@" + room.direct)
            if place is not None:
                self._places[fold(room.room)] = place
        if place is None and self._everything:
            since = 0 if self.returning and room.direct is not None else None
            place = Place(room.room, "", Reader(room.room, since=since))
            self.add(place)
        if place is None:
            return None, False
        entered = not place.inside
        place.name, place.inside, place.joining = room.room, True, False
        return place, entered

    def hello(self) -> dict[str, Cursor]:
        """A new connection begins: the cursors for its hello."""
        resume: dict[str, Cursor] = {}
        for place in list(self):
            if place.again is not None:
                self.left(place.name)
        for place in self:
            place.joining, place.inside, place.refused = False, False, None
            cursor = place.reader.hello() if place.reader else None
            if cursor is not None and place.reader is not None:
                resume[place.reader.room] = cursor
        return resume

    def resume(self) -> dict[str, Cursor]:
        """The cursors of all rooms we are in. A resume starts all of them over: those
        that it does not name would go on from now."""
        cursors: dict[str, Cursor] = {}
        for place in self:
            if place.inside and place.reader and place.reader.cursor:
                place.reader.again()
                cursors[place.reader.room] = place.reader.cursor
        return cursors

    def level(self, rooms: Collection[str]) -> bool:
        """What was resumed is complete in these rooms. False if another room needs a
        resume of its own: we came into it meanwhile. Raises Hole."""
        readers = [place.reader for place in self if place.reader]
        level = [one.level(one.room in rooms) for one in readers]
        return all(level)
