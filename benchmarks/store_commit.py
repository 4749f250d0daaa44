"""What a commit costs: CPU per row and time per batch, by shape of batch and by
statement.

    python -m benchmarks.store_commit                 # the store as it is
    python -m benchmarks.store_commit --variants      # other ways to write the same

Batches go through the SQLite store one after the other, each with its fsync, into a log
that has rows already. The second half of the lines has a thread beside it that is
always busy in Python. ``cpu`` is that of the whole process without the busy thread,
checkpoints included, in microseconds a row; ``p50`` and ``max`` are milliseconds from
asking to answer.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

from relaychat.model.chain import body_digest, link
from relaychat.store import sqlite as store_module
from relaychat.store import statements
from relaychat.store.api import Batch, Committed, Head, Outcome, Row
from relaychat.store.sqlite import SqliteStore
from relaychat.store.transaction import Transactions

BODY = (
    b'{"type":"said","room":"#ops","seq":123456,"at":1700000000000,"sender":"ann",'
    b'"account":"ann","text":"a line of about the length that people write, at times"}'
)
AT = 1_700_000_000_000
PREFILL_ROWS = 150_000
SWITCH_INTERVAL_S = 0.0005
"""What the server sets."""


class Shape(NamedTuple):
    """A kind of batch: so many rows, spread evenly over so many rooms and devices."""

    rows: int
    rooms: int
    devices: int


SHAPES = (
    Shape(1, 1, 1),
    Shape(500, 500, 500),
    Shape(1000, 100, 200),
    Shape(1000, 10, 50),
    Shape(2000, 1, 20),
)


class Load:
    """Makes batches of a shape, chained as the hub does it."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.cids = 0
        self.places = {room: (0, bytes(16)) for room in range(1, shape.rooms + 1)}

    def batch(self) -> Batch:
        """The next one."""
        was = {room: seq for room, (seq, _) in self.places.items()}
        rows = [self._row(index) for index in range(self.shape.rows)]
        heads = [
            Head(room, was[room], seq, AT + seq, chain)
            for room, (seq, chain) in self.places.items()
            if seq > was[room]
        ]
        return Batch(rows, heads)

    def _row(self, index: int) -> Row:
        room = 1 + index % self.shape.rooms
        seq, chain = self.places[room]
        seq += 1
        chain = link(chain, seq, AT + seq, body_digest(BODY))
        self.places[room] = seq, chain
        device, self.cids = 1 + self.cids % self.shape.devices, self.cids + 1
        cid, digest = 1 + self.cids // self.shape.devices, self.cids * 7919**3 % 2**62
        return Row(room, seq, AT + seq, BODY, chain, device, cid, digest)


class Figures(NamedTuple):
    """What a run showed."""

    cpu_us: float
    p50_ms: float
    max_ms: float


def measure(shape: Shape, batches: int, busy: bool) -> Figures:
    """Commit so many batches of a shape, after the prefill and a warm-up."""
    load = Load(shape)
    answers: SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]]] = SimpleQueue()
    with TemporaryDirectory(prefix="relaychat-bench-") as folder:
        store = SqliteStore(
            Path(folder) / "relaychat.db",
            lambda call, *values: answers.put((call, values)),
        )
        store.open(())

        def commit(batch: Batch) -> None:
            outcomes: list[Outcome] = []
            store.commit(batch).addCallback(outcomes.append)
            while not outcomes:
                call, values = answers.get()
                call(*values)
            assert isinstance(outcomes[0], Committed), outcomes

        for _ in range(max(5, PREFILL_ROWS // shape.rows if shape.rows > 1 else 5)):
            commit(load.batch())
        made = [load.batch() for _ in range(batches)]
        times = []
        with busy_thread(busy) as busy_cpu_s:
            before = time.process_time() - busy_cpu_s()
            for batch in made:
                asked = time.perf_counter()
                commit(batch)
                times.append(time.perf_counter() - asked)
            cpu_s = time.process_time() - busy_cpu_s() - before
        closed: list[None] = []
        store.close().addCallback(closed.append)
        while not closed:
            call, values = answers.get()
            call(*values)
    cpu_us = cpu_s / (batches * shape.rows) * 1e6
    return Figures(cpu_us, median(times) * 1e3, max(times) * 1e3)


@contextmanager
def busy_thread(wanted: bool) -> Iterator[Callable[[], float]]:
    """A thread that does nothing but run Python, if wanted; tells what CPU it has
    had."""
    if not wanted:
        yield lambda: 0.0
        return
    stop = threading.Event()
    clocks: SimpleQueue[int] = SimpleQueue()

    def spin() -> None:
        clocks.put(time.pthread_getcpuclockid(threading.get_ident()))
        while not stop.is_set():
            sum(range(200))

    thread = threading.Thread(target=spin)
    thread.start()
    clock = clocks.get()
    try:
        yield lambda: time.clock_gettime(clock)
    finally:
        stop.set()
        thread.join()


# -- other ways to write the same -----------------------------------------------------


class OneByOne(Transactions):
    """``executemany``: the interpreter lock changes hands for each row."""

    def _insert_rows(self, rows: list[Row]) -> int:
        first = self._last_pos + 1
        each = [statements.insert(first + n, [row]) for n, row in enumerate(rows)]
        self._connection.executemany(each[0][0], [values for _, values, _ in each])
        return first + len(rows) - 1


class Abortable(Transactions):
    """Without OR ROLLBACK: SQLite copies each page before a statement touches it."""

    def _insert_rows(self, rows: list[Row]) -> int:
        pos = self._last_pos + 1
        for start, size in statements.chunks(len(rows)):
            part = rows[start : start + size]
            sql, values, pos = statements.insert(pos, part)
            self._connection.execute(sql.replace(" OR ROLLBACK", ""), values)
        return pos - 1


def variants() -> Iterator[str]:
    """Try each; names them as they are in force."""
    for name, kind in (("executemany", OneByOne), ("no OR ROLLBACK", Abortable)):
        with patch.object(store_module, "Transactions", kind):
            yield name
    for rows in (1, 16, 64, 128, 256, 512, 1024, 2048):
        with patch.object(statements, "CHUNK_ROWS", rows):
            yield f"{rows} rows a statement"


def report(name: str, shape: Shape, batches: int, busy: bool) -> None:
    """One line."""
    figures = measure(shape, batches, busy)
    beside = "beside a busy thread" if busy else "alone"
    print(
        f"{name:20} {shape.rows:4} rows {shape.rooms:3} rooms {shape.devices:3} devices"
        f"  {beside:20}"
        f"  cpu {figures.cpu_us:7.2f} us/row"
        f"  p50 {figures.p50_ms:7.2f} ms  max {figures.max_ms:7.2f} ms",
        flush=True,
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variants", action="store_true", help="compare statements")
    parser.add_argument("--batches", type=int, default=40, help="batches a line")
    options = parser.parse_args()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    print(f"SQLite {sqlite3.sqlite_version}, Python {sys.version.split()[0]}")
    if options.variants:
        for name in variants():
            for shape in (SHAPES[1], SHAPES[-1]):
                report(name, shape, options.batches, busy=True)
        return
    for busy in (False, True):
        for shape in SHAPES:
            report("store", shape, options.batches, busy)


if __name__ == "__main__":
    main()
