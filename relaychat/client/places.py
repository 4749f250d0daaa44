"""The rooms that a client wants to be in, and how it stands to each."""

from __future__ import annotations

from collections.abc import Iterator

from relaychat.client.cursor import Reader
from relaychat.model.commands import Cursor
from relaychat.model.events import Fault, RoomShown
from relaychat.model.names import fold


class Place:
    """A room that we want to be in. Without a reader its events are not for us."""

    def __init__(self, name: str, key: str, reader: Reader | None) -> None:
        self.name = name
        self.key = key
        self.reader = reader
        self.inside = False
        self.refused: Fault | None = None

    @property
    def direct(self) -> bool:
        """A room of two. It can't be joined: it is there once somebody spoke."""
        return self.name.startswith("@")

    @property
    def refused_for_now(self) -> bool:
        """Whether it may let us in later."""
        return self.refused is not None and self.refused.retry

    @property
    def settled(self) -> bool:
        """Whether all was done to get in."""
        shut = self.refused is not None and not self.refused.retry
        return self.inside or shut or self.direct


class Places:
    """All of them, by their folded names; ``everything``: also those that the server
    shows us unasked."""

    def __init__(self, everything: bool) -> None:
        self._everything = everything
        self._places: dict[str, Place] = {}

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places.values())

    def add(self, place: Place) -> None:
        """Want to be in a room."""
        self._places[fold(place.name)] = place

    def drop(self, room: str) -> Place | None:
        """Want it no more."""
        return self._places.pop(fold(room), None)

    def of(self, room: str) -> Place | None:
        """The place of a room, or None if it is not ours."""
        return self._places.get(room) or self._places.get(fold(room))

    def shown(self, room: RoomShown) -> Place | None:
        """The place of a room that we are shown to be in. A direct room is wanted by
        the other's nick and has another name."""
        place = self.of(room.room)
        if place is None and room.direct is not None:
            place = self.drop("@" + room.direct)
            if place is not None:
                self._places[fold(room.room)] = place
        if place is None and self._everything:
            place = Place(room.room, "", Reader(room.room))
            self.add(place)
        return place

    def hello(self) -> dict[str, Cursor]:
        """A new connection begins: the cursors for its hello."""
        resume: dict[str, Cursor] = {}
        for place in self:
            place.inside, place.refused = False, None
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

    def level(self) -> None:
        """What was resumed is complete. Raises Hole."""
        for place in self:
            if place.reader:
                place.reader.level()
