"""Recordings of real programs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import SkipTest

from twisted.trial.unittest import TestCase

from relaychat.testing.disk import (
    Link,
    Make,
    MakeFolder,
    Mark,
    Remove,
    Rename,
    Resize,
    Sync,
    Write,
)
from relaychat.testing.recording import CannotRecord, Recording, Unexpected, record


class RecordingTests(TestCase):
    """Python programs in a folder of their own."""

    def setUp(self) -> None:
        """An empty folder."""
        place = TemporaryDirectory(prefix="relaychat-record-")
        self.addCleanup(place.cleanup)
        self.folder = Path(place.name)

    def record(self, program: str, inject: str | None = None) -> Recording:
        """Run a program that begins in a folder beside the one that is looked at."""
        command = [sys.executable, "-Sc", f"import os\n{program}", str(self.folder)]
        program = (
            f"import os, sys\nos.chdir(sys.argv[1])\nhere = sys.argv[1]\n{program}"
        )
        command = [sys.executable, "-Sc", program, str(self.folder)]
        try:
            return record(command, self.folder, inject=inject)
        except CannotRecord as error:
            raise SkipTest(str(error)) from error

    def test_all_kinds(self) -> None:
        """Each call is a step, with its path and its data."""
        done = self.record(
            "os.mkdir(here + '/d')\n"
            "f = os.open(here + '/d/f', os.O_RDWR | os.O_CREAT)\n"
            "os.write(f, b'one'); os.write(f, b'two\\0\\xff')\n"
            "os.pwrite(f, b'TWO', 3)\n"
            "os.ftruncate(f, 5)\n"
            "os.fsync(f); os.write(1, b'synced 1\\nand\\n'); os.fdatasync(f)\n"
            "os.close(os.open(here + '/d/f', os.O_WRONLY | os.O_TRUNC))\n"
            "os.link(here + '/d/f', here + '/h')\n"
            "os.rename(here + '/d/f', here + '/g')\n"
            "os.fsync(os.open(here, os.O_RDONLY))\n"
            "os.unlink(here + '/g')\n"
            "os._exit(3)"
        )
        self.assertEqual(done.code, 3)
        self.assertEqual(
            done.steps,
            [
                MakeFolder("d"),
                Make("d/f"),
                Write("d/f", 0, b"one"),
                Write("d/f", 3, b"two\0\xff"),
                Write("d/f", 3, b"TWO"),
                Resize("d/f", 5),
                Sync("d/f"),
                Mark("synced 1"),
                Mark("and"),
                Sync("d/f"),
                Resize("d/f", 0),
                Link("d/f", "h"),
                Rename("d/f", "g"),
                Sync(""),
                Remove("g"),
            ],
        )

    def test_what_fails_is_no_step(self) -> None:
        """Nor is what happens elsewhere."""
        done = self.record(
            "for call in (os.unlink, os.mkdir):\n"
            "    try: call(here + '/no/such')\n"
            "    except OSError: pass\n"
            "f = os.open(os.devnull, os.O_RDWR | os.O_CREAT)\n"
            "os.write(f, b'x'); os.write(2, b'told')\n"
        )
        self.assertEqual((done.steps, done.errors), ([], "told"))

    def test_a_kill(self) -> None:
        """A program that is killed on its way into a sync has not synced."""
        done = self.record(
            "f = os.open(here + '/f', os.O_RDWR | os.O_CREAT)\n"
            "for n in range(9): os.pwrite(f, b'x', n); os.fdatasync(f)\n",
            inject="fdatasync:signal=SIGKILL:when=2",
        )
        self.assertNotEqual(done.code, 0)
        self.assertEqual(
            done.steps,
            [Make("f"), Write("f", 0, b"x"), Sync("f"), Write("f", 1, b"x")],
        )

    def test_what_it_does_not_see(self) -> None:
        """Files that are not what the steps make of them are an error."""
        with self.assertRaisesRegex(Unexpected, "f is not what was written"):
            self.record(
                "import mmap\n"
                "f = os.open(here + '/f', os.O_RDWR | os.O_CREAT)\n"
                "os.ftruncate(f, 4096)\n"
                "mmap.mmap(f, 4096)[:1] = b'x'\n"
            )

    def test_what_it_does_not_know(self) -> None:
        """So are calls that it does not understand."""
        for call in (
            "os.symlink(here + '/f', here + '/g')",
            "os.writev(f, [b'x'])",
            "os.posix_fallocate(f, 0, 9)",
            "os.open(here, os.O_RDWR | os.O_TMPFILE)",
            "os.rename(here + '/f', '/tmp/' + os.path.basename(here) + '.gone')",
        ):
            with self.assertRaises(Unexpected):
                self.record(f"f = os.open(here + '/f', os.O_RDWR | os.O_CREAT)\n{call}")
        os.unlink(f"/tmp/{self.folder.name}.gone")

    def test_without_strace(self) -> None:
        """It says so."""
        path = os.environ["PATH"]
        self.addCleanup(os.environ.update, {"PATH": path})
        os.environ["PATH"] = str(self.folder)
        with self.assertRaisesRegex(CannotRecord, "not installed"):
            record([sys.executable, "-c", ""], self.folder)
        (self.folder / "strace").write_text("#!/bin/sh\necho no >&2; exit 1\n")
        (self.folder / "strace").chmod(0o700)
        with self.assertRaisesRegex(CannotRecord, "may not trace here: no"):
            record([sys.executable, "-c", ""], self.folder)
