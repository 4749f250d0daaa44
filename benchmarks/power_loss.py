"""Power cuts: what a disk may hold after one, opened again, thousands of times over.

A server's store is written to by real processes (``power_story.py``), recorded by
their system calls: a first start in a folder that is not there, batches, redactions,
checkpoints, ends with and without closing, kills between a write and its sync, starts
on what a power cut has left. Then the power is cut: at steps of the recording that are
drawn by chance, each time with one of the states that a disk may be in there
(``relaychat.testing.disk``). Each state is opened, and must hold every batch that was
acknowledged or seen, nothing that was not given, each batch whole, and nothing else;
``PRAGMA integrity_check`` and the chains must find nothing, and the store must go on.

    python benchmarks/power_loss.py [--cuts 20000] [--seed 1] [--jobs 2]

One line of figures; the exit code is 1 if anything was lost or damaged, and 3 if this
machine can't record. ``--plant off`` (or ``normal``, ``early``) breaks the store, to
see that it is found; ``--keep FOLDER`` keeps the states that were found to be bad.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import Pool
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

from power_story import KEY, KIND, PLANTS, Story, found
from twisted.internet.defer import Deferred

from relaychat.store.api import Batch, Committed, Head, StoreBroken
from relaychat.store.sqlite import SqliteStore
from relaychat.store.verify import verify
from relaychat.testing.calls import Calls
from relaychat.testing.disk import Disk, Image, Mark, Step, Sync, Write
from relaychat.testing.recording import CannotRecord, record

ROOT = Path(__file__).resolve().parent.parent
FILE = "state/relay/relaychat.db"
"""In folders that are not there at the first start."""
MAPPED = ("-shm",)
CUTS_PER_STORY = 500
SCRATCH = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""What is opened again needs no disk."""


class Bad(Exception):
    """A state is not as it must be: ``lost`` or ``damaged``, and why."""


class Moment(NamedTuple):
    """What must hold after so many steps."""

    kept: int
    """So many batches were acknowledged, or seen after a start."""
    given: int


class Tale(NamedTuple):
    """A recording: from what the disk held to what it held in the end."""

    before: Image
    steps: list[Step]
    moments: list[Moment]
    """One for each step, behind it."""


class Told:
    """What a store holds after each batch of a story."""

    def __init__(self, seed: int) -> None:
        self._story = Story(seed)
        self._batches: list[Batch] = []
        self._prints = [self._story.print()]

    def batch(self, number: int) -> Batch:
        """The batch that comes after so many."""
        self._tell(number + 1)
        return self._batches[number]

    def print(self, number: int) -> bytes:
        """What is there after so many."""
        self._tell(number)
        return self._prints[number]

    def _tell(self, number: int) -> None:
        while len(self._batches) < number:
            self._batches.append(self._story.next())
            self._prints.append(self._story.print())


# -- recording ------------------------------------------------------------------------


def tale(folder: Path, seed: int, chance: Random, kept: int, plant: str) -> Tale:
    """Lives of a server in a folder, one after the other."""
    before, steps, moments = Image.of(folder), [], []
    given = kept
    for _ in range(3):
        batches = chance.randrange(10, 40)
        ending = chance.choice(("close", "leave", "kill"))
        inject = None
        if ending == "kill":
            inject = f"fdatasync:signal=SIGKILL:when={chance.randrange(1, batches)}"
        command = [sys.executable, str(ROOT / "benchmarks" / "power_story.py")]
        command += [str(folder / FILE), str(seed), str(batches), ending, plant]
        life = record(
            command,
            folder,
            environment={**os.environ, "PYTHONPATH": str(ROOT)},
            inject=inject,
            mapped=MAPPED,
        )
        if life.code and ending != "kill":
            raise SystemExit(f"the store did not live: {life.errors}")
        for step in life.steps:
            if isinstance(step, Mark):
                word, number = step.text.split()
                if word == "given":
                    given = max(given, int(number))
                else:
                    kept = max(kept, int(number))
            steps.append(step)
            moments.append(Moment(kept, given))
    return Tale(before, steps, moments)


# -- checking -------------------------------------------------------------------------


def check(folder: Path, told: Told, moment: Moment, go_on: bool) -> int:
    """Open what is there; the number of batches in it. Raises Bad."""
    calls = Calls()
    store = SqliteStore(folder / FILE, calls.from_thread)
    try:
        number = int(store.open((KIND,)).records[KIND].get(KEY, b"0"))
    except (StoreBroken, OSError) as error:
        raise Bad("damaged", f"it does not open: {error}") from error
    try:
        _look(folder, store, calls)
        if number < moment.kept:
            raise Bad("lost", f"{moment.kept} batches were kept, {number} are there")
        if number > moment.given:
            raise Bad("damaged", f"{moment.given} were given, {number} are there")
        _compare(folder, told.print(number))
        if go_on:
            outcome = calls.wait(store.commit(told.batch(number)))
            if not isinstance(outcome, Committed):
                raise Bad("damaged", f"it does not go on: {outcome}")
    except (StoreBroken, sqlite3.Error) as error:
        raise Bad("damaged", str(error)) from error
    finally:
        calls.wait(store.close())
    if go_on:
        _compare(folder, told.print(number + 1))
    return number


def _look(folder: Path, store: SqliteStore, calls: Calls) -> None:
    with closing(sqlite3.connect(folder / FILE)) as reading:
        said = reading.execute("PRAGMA integrity_check").fetchall()
        heads = reading.execute("SELECT room, seq, seq, at, chain FROM head").fetchall()
    if said != [("ok",)]:
        raise Bad("damaged", f"integrity_check: {said[:3]}")
    for head in heads:
        walk = verify(store, Head._make(head))
        verdict = calls.wait(Deferred.fromCoroutine(walk))
        if not verdict.whole:
            raise Bad("damaged", f"{verdict}")


def _compare(folder: Path, expected: bytes) -> None:
    with closing(sqlite3.connect(folder / FILE)) as reading:
        if found(reading) != expected:
            raise Bad("damaged", "it is not what was given")


def cuts(tale: Tale, count: int, chance: Random) -> Iterator[tuple[int, Image]]:
    """States after cuts at steps drawn by chance: the number of steps before, and what
    is there."""
    disk = Disk(tale.before, MAPPED)
    places = range(len(tale.steps) + 1)
    drawn = Counter(chance.choices(places, [1, *_weights(tale.steps)], k=count))
    for index in places:
        if index:
            disk.take(tale.steps[index - 1])
        for _ in range(drawn[index]):
            yield index, disk.cut(chance)


def _weights(steps: list[Step]) -> Iterator[int]:
    """What is rare is looked at more often: the time about a start, names that change,
    and the database file while it takes over what the write-ahead log has."""
    since_start = 0
    for step in steps:
        since_start += 1
        if isinstance(step, Mark):
            since_start = 0 if step.text.startswith("seen") else since_start
        rare = not isinstance(step, Write | Mark | Sync) or step == Sync(FILE)
        yield 10 if since_start < 15 or rare else 1


class Task(NamedTuple):
    """What one process does at a time."""

    seed: int
    cuts: int
    plant: str
    keep: Path | None


def carry_out(task: Task) -> Counter[str]:
    """Record a story in two parts, the second on what a cut has left of the first, and
    cut both."""
    chance, told = Random(task.seed), Told(task.seed)
    tally: Counter[str] = Counter(stories=1)
    kept, image = 0, Image([], {})
    for part in range(2):
        with TemporaryDirectory(prefix="relaychat-power-") as place:
            image.put(Path(place))
            story = tale(Path(place), task.seed, chance, kept, task.plant)
        tally["steps"] += len(story.steps)
        first = Moment(kept, kept)
        good = []
        for index, image in cuts(story, task.cuts // 2, chance):
            moment = story.moments[index - 1] if index else first
            tally["cuts"] += 1
            try:
                number = opened(image, told, moment, tally["cuts"] % 5 == 0)
            except Bad as bad:
                tally[bad.args[0]] += 1
                complain(
                    task, f"{task.seed}-{part}-{index}-{tally['cuts']}", bad, image
                )
            else:
                good.append((number, image))
        if not good:
            break
        kept, image = chance.choice(good)
    return tally


def opened(image: Image, told: Told, moment: Moment, go_on: bool) -> int:
    """Open a state in a folder of its own; the batches in it. Raises Bad."""
    with TemporaryDirectory(prefix="relaychat-cut-", dir=SCRATCH) as place:
        image.put(Path(place))
        return check(Path(place), told, moment, go_on)


def complain(task: Task, name: str, bad: Bad, image: Image) -> None:
    """Say what is wrong, and keep it if asked."""
    if not task.plant:
        print(f"{name}: {bad.args[0]}: {bad.args[1]}", file=sys.stderr)
    if task.keep:
        (task.keep / name).mkdir(parents=True)
        image.put(task.keep / name)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first story")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--plant", choices=PLANTS, default="")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    stories = max(1, options.cuts // CUTS_PER_STORY)
    tasks = [
        Task(options.seed + n, options.cuts // stories, options.plant, options.keep)
        for n in range(stories)
    ]
    begun = time.monotonic()
    tally: Counter[str] = Counter(lost=0, damaged=0)
    try:
        with Pool(options.jobs) as pool:
            for one in pool.imap_unordered(carry_out, tasks):
                tally.update(one)
    except CannotRecord as error:
        print(f"not tried: {error}")
        sys.exit(3)
    seconds = time.monotonic() - begun
    print(
        f"{tally['cuts']} power cuts in {tally['stories']} recordings of"
        f" {tally['steps']} steps, {seconds:.0f} s: {tally['lost']} lost,"
        f" {tally['damaged']} damaged"
    )
    sys.exit(bool(tally["lost"] or tally["damaged"]))


if __name__ == "__main__":
    main()
