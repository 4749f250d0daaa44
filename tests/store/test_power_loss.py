"""What a power cut leaves behind opens again, and holds what was acknowledged.

``benchmarks/power_loss.py`` is the whole of it; here are its short form, with the
faults that it must find, and the cuts that once lost something.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from unittest import SkipTest

from relaychat.testing.disk import Disk, Image, Mark
from relaychat.testing.recording import CannotRecord, Recording, record
from tests.store.stores import StoreCase, heads
from tests.unobserved import unobserved

ROOT = Path(__file__).parents[2]
ENVIRONMENT = unobserved()
OPEN = """
import os, sys
from pathlib import Path
from relaychat.store.sqlite import SqliteStore
snapshot = SqliteStore(Path(sys.argv[1]), print).open(())
os.write(1, b"seen %d\\n" % snapshot.heads[1].seq)
"""
"""Opens a store, says how far room 1 has come, and ends without closing."""
UPGRADE = """
import os, sqlite3, sys
from pathlib import Path
from relaychat.store import schema
path, known = Path(sys.argv[1]), [*schema.upgrades(), (2, "CREATE TABLE more (x);")]
schema.upgrade(sqlite3.connect(path, isolation_level=None), path, known)
os.write(1, b"upgraded")
"""
"""Upgrades a database by something of its own."""


class ShortForm(StoreCase):
    """The program itself, on few cuts."""

    def cuts(self, count: int, plant: str = "") -> re.Match[str]:
        """Run it; what it says."""
        command = [sys.executable, str(ROOT / "benchmarks" / "power_loss.py")]
        command += ["--cuts", str(count), "--jobs", "1", "--plant", plant]
        ended = subprocess.run(
            command, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )
        if ended.returncode == 3:
            raise SkipTest(ended.stdout.strip())
        said = re.search(r"(\d+) power cuts.* (\d+) lost, (\d+) damaged", ended.stdout)
        assert said is not None, ended.stderr
        self.assertEqual(ended.returncode, int(said[2] != "0" or said[3] != "0"))
        return said

    def test_nothing_is_lost(self) -> None:
        """Nor damaged."""
        said = self.cuts(400)
        self.assertEqual(said.groups(), ("400", "0", "0"), said[0])

    def test_a_store_that_does_not_sync(self) -> None:
        """Is found to lose and to damage; one that syncs at checkpoints only loses."""
        said = self.cuts(80, "off")
        self.assertGreater(int(said[2]), 10)
        self.assertGreater(int(said[3]), 0)
        said = self.cuts(60, "normal")
        self.assertGreater(int(said[2]), 10)
        self.assertEqual(said[3], "0")


class FoundTests(StoreCase):
    """Cuts that once lost something."""

    def setUp(self) -> None:
        """A folder to be looked at, and a database in folders that are not there."""
        super().setUp()
        self.base = self.folder()
        self.path = self.base / "var" / "relay" / "relaychat.db"
        self.disk = Disk(Image.of(self.base), ("-shm",))

    def life(self, *command: str, inject: str | None = None) -> Recording:
        """Run Python, and have the disk take what it does."""
        try:
            return record(
                [sys.executable, *command],
                self.base,
                environment=ENVIRONMENT,
                inject=inject,
                mapped=("-shm",),
            )
        except CannotRecord as error:
            raise SkipTest(str(error)) from error

    def after_cuts(self, count: int) -> Iterator[int]:
        """How far room 1 has come in states after cuts of the power here."""
        for number in range(count):
            folder = self.folder()
            self.disk.cut(Random(number)).put(folder)
            store = self.sqlite(folder / self.path.relative_to(self.base))
            yield heads(store.open(())).get(1, 0)
            self.wait(store.close())

    def marked(self, recording: Recording, count: int) -> Iterator[list[str]]:
        """So many marks, each with the disk as it is there."""
        for step in recording.steps:
            self.disk.take(step)
            if isinstance(step, Mark):
                yield step.text.split()
                count -= 1
        self.assertEqual(count, 0, recording.errors)

    def test_folders_that_were_not_there(self) -> None:
        """They are as durable as what is in them, all of them."""
        life = self.life("-m", "tests.store.child", str(self.path), "1", "1")
        for word, seq, *_ in self.marked(life, 1):
            self.assertEqual((word, seq), ("Committed", "1"))
            self.assertEqual(set(self.after_cuts(20)), {1})

    def test_what_a_killed_server_had_not_synced(self) -> None:
        """The next one finds it in the log, and may show it only when it is there to
        stay."""
        kill = "fdatasync:signal=SIGKILL:when=12"
        life = self.life(
            "-m", "tests.store.child", str(self.path), "1", "20", inject=kill
        )
        kept = [int(seq) for _, seq, *_ in self.marked(life, 11)]
        self.assertEqual(kept, list(range(1, 12)))
        for mark in self.marked(self.life("-c", OPEN, str(self.path)), 1):
            self.assertEqual(mark, ["seen", "12"])
            self.assertEqual(set(self.after_cuts(30)), {12})

    def test_the_copy_before_an_upgrade(self) -> None:
        """It is there before the upgrade is."""
        made = self.life("-m", "tests.store.child", str(self.path), "1", "2")
        for _ in self.marked(made, 2):
            pass
        copy = "var/relay/relaychat.db.before-0002"
        for _ in self.marked(self.life("-c", UPGRADE, str(self.path)), 1):
            whole = (self.base / copy).read_bytes()
            for number in range(20):
                left = self.disk.cut(Random(number)).files
                self.assertEqual(left.get(copy), whole)
