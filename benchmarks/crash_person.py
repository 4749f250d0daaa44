"""A person of the crash loop: the client library in a process that is killed.

It talks, or answers who talks, through ``relaychat.client.api`` and its outbox on the
disk, and is killed with -9 at any moment. What it does and sees it writes as notes into
a file (``relaychat.testing.notes``), each before it goes on. Its one argument is a
``Life`` as JSON, which the loop makes of the notes of the lives before.

It ends by itself when its outbox is empty and it has read to ``ends``.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import msgspec
from msgspec import Struct
from twisted.internet import reactor as installed
from twisted.internet.task import LoopingCall

from relaychat.client.api import Client
from relaychat.client.cursor import Logged
from relaychat.client.happenings import Ready, Shown
from relaychat.model.commands import Cursor, Say
from relaychat.model.events import Done, Said
from relaychat.testing.notes import Acked, Note, Refused, encode
from relaychat.testing.witness import NativeWitness

reactor: Any = installed
WINDOW = 24
"""Messages in the outbox, at most."""
BATCH = 4
"""Of them with one sync."""
PAUSE_S = 0.04


class Life(Struct):
    """What a life begins with."""

    server: str
    nick: str
    password: str
    folder: str
    rooms: list[str]
    talks: bool = False
    answers: str = ""
    """Whom it answers: each message once, in its room."""
    reading: dict[str, Cursor] = {}
    """How far its notes say that it has read."""
    open: list[int] = []
    """The cids of what its notes say was sent, and not what became of it."""
    ends: dict[str, int] | None = None


def answer_to(said: Said) -> str:
    """The text that answers this, and nothing else."""
    return f"heard {said.sender} at {said.seq}"


def now_us() -> int:
    """The clock of all journals."""
    return time.monotonic_ns() // 1000


class Person:
    """See the module."""

    def __init__(self, life: Life) -> None:
        self._life = life
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._file = os.open(f"{life.folder}/notes", flags, 0o600)
        self.client = Client(
            reactor, life.server, life.nick, password=life.password,
            state=life.folder, by_hand=True, jitter=lambda: 0.0,
        )  # fmt: skip
        self._find_out()
        self._witness = NativeWitness(self._note, self.client.conversation, now_us)
        for room, cursor in life.reading.items():
            self._witness.comes_back(room, cursor)
        self._said = self.client.file.high
        self.client.on(object, self._heard)
        self.client.connect()
        for room in life.rooms:
            self.client.join(room)
        self._pace = LoopingCall(self._go_on)
        self._pace.start(PAUSE_S)

    def _note(self, note: Note) -> None:
        os.write(self._file, encode(note) + b"\n")

    def _find_out(self) -> None:
        """What became of what was sent: the outbox knows."""
        file = self.client.file
        waiting = {sending.send.cid for sending in self.client.unsent}
        for cid in self._life.open:
            if cid > file.high:  # ``send`` never returned, and so it is not sent.
                self._note(Refused(cid, "never kept"))
            elif cid not in waiting:
                self._settled(cid)

    def _settled(self, cid: int) -> None:
        found = self.client.file.answered(str(cid))
        if found is None:
            raise SystemExit(f"{cid} was sent, and the outbox does not know it")
        if isinstance(found[1], Done):
            done = found[1]
            self._note(Acked(cid, now_us(), done.room or "", "", done.seq or 0))
        else:
            self._note(Refused(cid, found[1].code))

    def _send(self, *sends: Say) -> None:
        """As the library numbers them, each with its number as its label."""
        first = self.client.file.high + 1
        labelled = []
        for cid, send in enumerate(sends, first):
            one = msgspec.structs.replace(send, id=str(cid))
            self._witness.sent(msgspec.structs.replace(one, cid=cid))
            labelled.append(one)
        self.client.send_all(labelled)

    def _heard(self, what: object) -> None:
        if isinstance(what, Ready):
            self._go_on()
        if not isinstance(what, Shown):
            self._witness.happened(what)  # type: ignore[arg-type]
            return
        self._witness.happened(what)
        event = what.event
        if not isinstance(event, Logged):
            return
        self.client.done(event)
        if isinstance(event, Said) and event.sender == self._life.answers:
            self._send(Say(event.room, answer_to(event)))

    def _go_on(self) -> None:
        ends = self._life.ends
        if ends is not None:
            done = not self.client.unsent and self._level(ends)
            if done and self.client.connected and self._pace.running:
                self._pace.stop()
                reactor.stop()
        elif self._life.talks and len(self.client.unsent) < WINDOW:
            # Also while the relay is away: that is what the outbox is for.
            rooms = self._life.rooms
            batch = []
            for _ in range(BATCH):
                self._said += 1
                text = f"{self._life.nick} says {self._said}"
                batch.append(Say(rooms[self._said % len(rooms)], text))
            self._send(*batch)

    def _level(self, ends: dict[str, int]) -> bool:
        for room, end in ends.items():
            cursor = self.client.read_to(room)
            if room in self._life.rooms and (cursor is None or cursor.seq < end):
                return False
        return True


if __name__ == "__main__":
    Person(msgspec.json.decode(sys.argv[1], type=Life))
    reactor.run()
