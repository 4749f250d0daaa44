"""What survives the death of the process, and a disk without room or honesty.

These run real processes on real files: what they show can't be shown otherwise.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from shutil import which
from unittest import SkipTest

from twisted.internet.defer import Deferred

from relaychat.store.verify import verify
from tests.store.stores import StoreCase
from tests.unobserved import unobserved

ROOT = Path(__file__).parents[2]


class ChildCase(StoreCase):
    """A store in another process."""

    def setUp(self) -> None:
        """A path for its database."""
        super().setUp()
        self.path = self.folder() / "relaychat.db"

    def child(
        self, *values: int, before: tuple[str, ...] = ()
    ) -> subprocess.Popen[str]:
        """Start it; ``before`` is what runs it, a tracer for instance."""
        numbers = map(str, values)
        command = [sys.executable, "-m", "tests.store.child", str(self.path), *numbers]
        process = subprocess.Popen(
            [*before, *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            env=unobserved(),
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def check(self, seq: int) -> int:
        """The log is whole, up to its head, and reaches at least so far."""
        store = self.sqlite(self.path)
        head = store.open(()).heads[1]
        verdict = self.wait(Deferred.fromCoroutine(verify(store, head)))
        self.assertTrue(verdict.whole, verdict)
        self.assertGreaterEqual(verdict.entries, seq)
        numbers = [int(body.split()[0]) for body in self.bodies(store, 1)]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.wait(store.close())
        return verdict.entries


class KillTests(ChildCase):
    """kill -9."""

    def test_what_was_acknowledged_is_there(self) -> None:
        """Killed in the middle of commits, five times over: every answered row is in
        the log, in one chain, and the next process goes on from there."""
        for after, rows in ((1, 1), (30, 7), (12, 300), (40, 40), (5, 1000)):
            process = self.child(rows, 100_000)
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(after)]
            process.send_signal(signal.SIGKILL)
            lines += process.stdout.read().splitlines()
            self.assertEqual(process.wait(), -signal.SIGKILL)
            # The last line may have been cut short by the kill, and then says less.
            words = [line.split() for line in lines[:-1] or lines]
            self.assertEqual({word[0] for word in words}, {"Committed"})
            acknowledged = max(int(word[1]) for word in words)
            entries = self.check(acknowledged)
            self.assertEqual((entries - acknowledged) % rows, 0)


class DiskTests(ChildCase):
    """A disk with no room, and one that does not sync."""

    def test_no_room_for_the_file_to_grow(self) -> None:
        """The commit that does not fit is surely rolled back; with room again the same
        process goes on."""
        process = self.child(100, 40, 400_000)
        output, _ = process.communicate(timeout=60)
        outcomes = [line.split()[0] for line in output.splitlines()]
        self.assertEqual(outcomes.count("Failed"), 1, output)
        self.assertEqual(outcomes.count("Committed"), 39)
        self.assertIn("SQLITE_IOERR_WRITE", output)
        self.assertEqual(self.check(3900), 3900)

    def traced(self, *inject: str) -> list[str]:
        """What the child says while system calls fail."""
        strace = which("strace")
        if strace is None:
            raise SkipTest("strace is not installed")
        quiet = ("-f", "-qq", "-o", os.devnull)
        process = self.child(5, 12, before=(strace, *quiet, *inject))
        output, _ = process.communicate(timeout=60)
        if process.returncode:
            raise SkipTest("strace may not trace here")
        return output.splitlines()

    def test_a_failed_sync_is_in_doubt_for_good(self) -> None:
        """One fdatasync fails: nothing is promised from then on; what was, holds."""
        lines = self.traced("-e", "inject=fdatasync:error=EIO:when=8")
        outcomes = [line.split()[0] for line in lines]
        first = outcomes.index("InDoubt")
        self.assertGreater(first, 0)
        self.assertEqual(set(outcomes[:first]), {"Committed"})
        self.assertEqual(set(outcomes[first:]), {"InDoubt"})
        self.assertIn("SQLITE_IOERR_FSYNC", lines[first])
        kept = 5 * first
        self.assertIn(self.check(kept), (kept, kept + 5))

    def test_a_full_disk_heals(self) -> None:
        """Writes that find no space fail their commit alone."""
        lines = self.traced("-e", "inject=pwrite64:error=ENOSPC:when=40..42")
        outcomes = [line.split()[0] for line in lines]
        self.assertEqual(set(outcomes), {"Committed", "Failed"})
        self.assertEqual(outcomes[-1], "Committed")
        self.assertTrue(any("SQLITE_FULL" in line for line in lines), lines)
        kept = 5 * outcomes.count("Committed")
        self.assertEqual(self.check(kept), kept)
