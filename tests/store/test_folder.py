"""What the database stands in is made to stay."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from random import Random
from unittest import SkipTest

from relaychat.store.folder import make_folder, put_file
from relaychat.testing.disk import Disk, Image, Mark
from relaychat.testing.recording import CannotRecord, record
from tests.store.stores import StoreCase

ROOT = Path(__file__).parents[2]
PUT = """
import os, sys
from pathlib import Path
from relaychat.store.folder import make_folder, put_file
path = Path(sys.argv[1])
make_folder(path.parent)
put_file(path, b"first" * 1000)
os.write(1, b"put")
put_file(path, b"second" * 1000)
"""


class FolderTests(StoreCase):
    """Folders and files of our own."""

    def test_a_new_one(self) -> None:
        """It is its owner's alone; one that is there stays as it is."""
        folder = self.folder() / "a" / "b"
        make_folder(folder)
        self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)
        folder.chmod(0o750)
        make_folder(folder)
        self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o750)

    def test_a_file(self) -> None:
        """It is its owner's alone, and nothing is left beside it."""
        path = self.folder() / "file"
        for data in (b"one", b"two"):
            put_file(path, data)
            self.assertEqual(path.read_bytes(), data)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(os.listdir(path.parent), ["file"])

    def test_power_cuts(self) -> None:
        """A file is there whole or not at all, and always once it was put."""
        base = self.folder()
        disk = Disk()
        try:
            made = record(
                [sys.executable, "-c", PUT, str(base / "a" / "b" / "file")],
                base,
                environment={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        except CannotRecord as error:
            raise SkipTest(str(error)) from error
        allowed: set[bytes | None] = {None, b"first" * 1000}
        for step in made.steps:
            disk.take(step)
            if isinstance(step, Mark):
                allowed = {b"first" * 1000, b"second" * 1000}
            found = {
                disk.cut(Random(number)).files.get("a/b/file") for number in range(50)
            }
            self.assertLessEqual(found, allowed)
        self.assertEqual(found, {b"second" * 1000})
        self.assertEqual(Image.of(base), disk.image())
