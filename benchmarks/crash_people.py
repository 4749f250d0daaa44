"""The people of the crash loop whose clients are killed: ``crash_person`` as processes.

Each is killed with -9 again and again, at a random moment or as its outbox syncs for
the n-th time, and comes back with what is on its disk.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from crash_person import Life
from crash_server import PASSWORD, ROOT, STRACE, killed_at

from relaychat.model.commands import Cursor
from relaychat.testing.journal import Journal
from relaychat.testing.notes import decode

PROGRAM = Path(__file__).with_name("crash_person.py")
LOOK_S = 0.05
"""How often it is looked whether they are there still."""
LIFE_S = (1.5, 9.0)
"""So long a life lasts; it takes half a second until it says something."""
TRACED_S = 10.0
SYNCS = 80
"""A life that ends in a sync ends in one of the first so many: about a second's."""
RANDOM, SYNC = "of clients", "of clients at fdatasync"


class KilledPerson:
    """One of them, over all lives."""

    def __init__(
        self, reactor: Any, folder: Path, server: str, nick: str, rooms: list[str],
        *, traced: float, kills: Counter[str], talks: bool = False, answers: str = "",
    ) -> None:  # fmt: skip
        self.journal = Journal(nick)
        self.wrong: list[str] = []
        self.done = False
        """It has read to the end, all is answered, and it has ended."""
        self._reactor = reactor
        self._chance = random.Random(nick)
        self._traced = traced if STRACE else 0
        self._kills = kills
        self._folder = folder / nick
        self._folder.mkdir()
        place = str(self._folder)
        self._life = Life(server, nick, PASSWORD, place, rooms, talks, answers)
        self._read = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._kill_at = 0.0
        self._timer: Any = None
        self._stopped = False
        self._start()

    @property
    def inside(self) -> bool:
        """Whether it has come into its rooms."""
        self._take_notes()
        return len(self.journal.reading) == len(self._life.rooms)

    def finish(self, ends: dict[str, int]) -> None:
        """Live until all is answered and read to these seqs, and be killed no more."""
        self._life.ends = ends
        self.done = False
        self._end()
        self._start()

    def stop(self) -> None:
        """Be no more."""
        self._stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._end()
        self._take_notes()

    # -- its lives ---------------------------------------------------------------------

    def _start(self) -> None:
        life = self._life
        life.reading = {
            room: Cursor(epoch, self.journal.streams[room, epoch].seq)
            for room, epoch in self.journal.reading.items()
        }
        ops = self.journal.ops.values()
        life.open = [op.op for op in ops if not op.acked and not op.refused]
        with contextlib.suppress(FileNotFoundError):
            os.truncate(self._notes, self._read)
        before: tuple[str, ...] = ()
        last_s = self._chance.uniform(*LIFE_S)
        if life.ends is None and self._chance.random() < self._traced:
            last_s = TRACED_S
            before = killed_at("fdatasync", self._chance.randrange(1, SYNCS))
        kept = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE")}
        with (self._folder / "said").open("ab") as said:
            self._process = subprocess.Popen(
                [*before, sys.executable, str(PROGRAM),
                 msgspec.json.encode(life).decode()],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                env={**kept, "PYTHONPATH": str(ROOT)}, start_new_session=True,
            )  # fmt: skip
        self._kill_at = self._reactor.seconds() + last_s
        self._look()

    def _look(self) -> None:
        assert self._process is not None
        self._timer = None
        code = self._process.poll()
        if code is None:
            if self._life.ends is None and self._reactor.seconds() > self._kill_at:
                self._end()
                self._kills[RANDOM] += 1
                self._start()
            else:
                self._timer = self._reactor.callLater(LOOK_S, self._look)
        elif code == 0 and self._life.ends is not None:
            self._take_notes()
            self.done = True
        elif code == -signal.SIGKILL:
            self._take_notes()
            self._kills[SYNC] += 1
            self._start()
        elif not self._stopped:
            self.wrong.append(f"{self.journal.name} ended by itself with {code}")
            self.done = True

    def _end(self) -> None:
        """kill -9, and its tracer with it."""
        assert self._process is not None
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._take_notes()

    def _take_notes(self) -> None:
        """Read on in what it writes; a line that is torn was never written."""
        with contextlib.suppress(FileNotFoundError), self._notes.open("rb") as file:
            file.seek(self._read)
            *lines, torn = file.read().split(b"\n")
            self._read = file.tell() - len(torn)
            for line in lines:
                self.journal.add(decode(line))

    @property
    def _notes(self) -> Path:
        return self._folder / "notes"

    def complaints(self) -> list[str]:
        """What went wrong with it, and what it said, for it should say nothing."""
        said = (self._folder / "said").read_text(errors="replace").splitlines()
        return [*self.wrong, *said[-20:]]
