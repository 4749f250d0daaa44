"""What one connection was told, held strictly: no hole and no double (H15)."""

from __future__ import annotations

from collections import deque

from relaychat.model import commands as c
from relaychat.model.events import Gap, Joined, LogEvent, Resumed, RoomShown, Withheld
from relaychat.model.words import Word


class Reading:
    """Where a session with echo stands in each of its rooms.

    A hole is allowed in front of one's own join: that is the one after which the room
    is shown.
    """

    def __init__(self, resume: dict[str, c.Cursor] | None) -> None:
        self.resume = resume or {}
        self._asked: deque[dict[str, int]] = deque([{}] if resume is not None else [])
        """Resumes that are not complete yet, oldest first: where each room that did not
        start over yet will go on."""
        self.last: dict[str, int] = {}
        """By room, the seq that was told last."""
        self.joined: dict[str, Joined] = {}
        """Joins that may be one's own: if so, the room is shown next."""
        self.wrong: list[str] = []

    def asked(self, resume: dict[str, c.Cursor]) -> None:
        """It resumes on the same connection: rooms start over from these cursors."""
        self._asked.append({room: cursor.seq for room, cursor in resume.items()})

    def read(self, words: list[Word]) -> None:
        """Take these in."""
        for word in words:
            match word:
                case RoomShown():
                    self._shown(word)
                case Resumed():
                    self.resume.clear()
                    self._asked.popleft()
                case Gap(reason="reset"):
                    self.last[word.room] = word.last
                case Gap() | Withheld():
                    self._starts_over(word.room, word.first)
                    self._follows(word.room, word.first, word)
                    self.last[word.room] = word.last
                case LogEvent():
                    self._event(word)
                case _:
                    continue

    def _shown(self, room: RoomShown) -> None:
        name = room.room
        cursor = self.resume.pop(name, None)
        if (
            name not in self.joined
            and cursor
            and cursor.epoch == room.epoch
            and cursor.seq <= room.seq
        ):
            self.last[name] = cursor.seq
            return
        self.joined.pop(name, None)
        if not room.again:
            self.last[name] = room.seq

    def _event(self, event: LogEvent) -> None:
        room, seq = event.room, event.seq
        self._starts_over(room, seq)
        if isinstance(event, Joined) and seq != self.last.get(room, -1) + 1:
            self.joined[room] = event
        else:
            self._follows(room, seq, event)
        self.last[room] = seq

    def _starts_over(self, room: str, seq: int) -> None:
        for asked in self._asked:
            if asked.get(room) == seq - 1 != self.last.get(room):
                self.last[room] = asked.pop(room)
                return

    def _follows(self, room: str, seq: int, word: Word) -> None:
        if self.last.get(room, -1) + 1 != seq or room in self.joined:
            wrong = f"after {self.last.get(room)} {self.joined.get(room)} came {word}"
            self.wrong.append(wrong)
