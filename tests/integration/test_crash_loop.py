"""The crash loop, in its short form."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

ROOT = Path(__file__).parent.parent.parent


class CrashLoopTests(TestCase):
    """``benchmarks/crash_loop.py``."""

    def test_short(self) -> None:
        """Killed six times, at random moments, and nothing is lost."""
        done = subprocess.run(
            [sys.executable, "benchmarks/crash_loop.py", "--kills", "6",
             "--messages", "20000", "--traced", "0.4", "--patient"],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"^6 kills in ")
        found = re.search(r"(\d+) acknowledged, 0 lost, 0 doubled", done.stdout)
        assert found is not None, done.stdout
        self.assertGreater(int(found[1]), 100)
