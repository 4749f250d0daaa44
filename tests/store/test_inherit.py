"""What a server before has left in the write-ahead log is not lost by opening it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, which
from unittest import SkipTest

from relaychat.store.inherit import INDEX_ROOM_BYTES, room_for_index, spared
from tests.store.stores import RoomLog, StoreCase

ROOT = Path(__file__).parents[2]
OPEN = """
import os, sys
from pathlib import Path
from relaychat.store.sqlite import SqliteStore
SqliteStore(Path(sys.argv[1]), print).open(())
os._exit(0)
"""


class SparedTests(StoreCase):
    """The write-ahead log, when opening fails."""

    def setUp(self) -> None:
        """A log, and where it is spared."""
        super().setUp()
        self.wal = self.folder() / "relaychat.db-wal"
        self.wal.write_bytes(b"log")
        self.spare = self.wal.with_name("relaychat.db-wal.spare")

    def fails(self, take: Callable[[], object]) -> None:
        """Opening fails, after this."""

        def fail() -> None:
            with spared(self.wal):
                take()
                raise ZeroDivisionError

        self.assertRaises(ZeroDivisionError, fail)

    def test_taken_away(self) -> None:
        """It is laid back."""
        self.fails(self.wal.unlink)
        self.assertEqual(self.wal.read_bytes(), b"log")
        self.assertFalse(self.spare.exists())

    def test_not_taken_away(self) -> None:
        """It is what it has become."""
        self.fails(lambda: self.wal.write_bytes(b""))
        self.assertEqual(self.wal.read_bytes(), b"")
        self.assertFalse(self.spare.exists())

    def test_no_failure(self) -> None:
        """Nothing is laid back, and nothing is left."""
        with spared(self.wal):
            self.wal.unlink()
        self.assertEqual(list(self.wal.parent.iterdir()), [])

    def test_nothing_to_spare(self) -> None:
        """Without a log there is none afterwards."""
        self.wal.unlink()
        with spared(self.wal):
            self.assertFalse(self.spare.exists())
        self.assertEqual(list(self.wal.parent.iterdir()), [])

    def test_killed_meanwhile(self) -> None:
        """The next one finds it where it was spared; and leaves no old one there."""
        self.wal.rename(self.spare)
        with spared(self.wal):
            self.assertEqual(self.wal.read_bytes(), b"log")
        self.spare.write_bytes(b"old")
        self.fails(self.wal.unlink)
        self.assertEqual(self.wal.read_bytes(), b"log")
        self.assertFalse(self.spare.exists())


class FailingOpenTests(StoreCase):
    """A real store, opened while calls on its files fail."""

    def test_nothing_is_lost(self) -> None:
        """Whichever of its first calls to open files fail, alone or some in a row."""
        strace = which("strace")
        if strace is None:
            raise SkipTest("strace is not installed")
        folder = self.folder() / "data"
        store = self.opened(self.sqlite(folder / "relaychat.db"))
        for number in (1, 2):
            self.keep(store, RoomLog(number).batch(b"x"))
        for first, last in ((1, 1), (2, 2), (2, 3), (3, 4), (3, 5), (4, 5)):
            copy = self.folder() / "data"
            copytree(folder, copy)  # as if it was killed
            database = copy / "relaychat.db"
            paths = [f"{database}{end}" for end in ("", "-wal", "-shm")]
            only = [word for path in paths for word in ("-P", path)]
            inject = f"inject=openat:error=EMFILE:when={first}..{last}"
            tracing = [strace, "-f", "-qq", "-o", os.devnull, *only, "-e", inject]
            subprocess.run(
                [*tracing, sys.executable, "-c", OPEN, str(database)],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                check=False,
            )
            again = self.opened(self.sqlite(database))
            for number in (1, 2):
                found = self.bodies(again, number)
                self.assertEqual(found, [b"x"], f"{first}..{last}")
            self.wait(again.close())


class RoomTests(StoreCase):
    """A disk where the index might find no room once it is mapped."""

    def test_room(self) -> None:
        """Blocks of a page are always whole; smaller ones need some room."""
        for block, free, enough in (
            (4096, 0, True),
            (1024, 0, False),
            (1024, INDEX_ROOM_BYTES // 1024, True),
        ):
            numbers = (block, block, 9999, free, free, 99, 9, 9, 0, 255)
            self.assertEqual(room_for_index(os.statvfs_result(numbers)), enough)
