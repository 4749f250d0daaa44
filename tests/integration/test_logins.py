"""The benchmarks of logins, in short."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.server import ROOT, environment


class LoginsTests(SynchronousTestCase):
    """How long anything takes is the machine's business here."""

    def run_program(self, name: str, *options: str) -> str:
        """What it writes."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "benchmarks" / name), *options],
            env=environment(measured=True), capture_output=True, text=True,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_crowd(self) -> None:
        """Everybody gets in, by each way."""
        short = ["--accounts", "300", "--clients", "20", "--most-ms", "inf"]
        told = self.run_program("logins.py", *short)
        for way in ("password", "SCRAM", "device"):
            self.assertIn(f"by {way} in ", told)

    def test_timing(self) -> None:
        """Everybody is refused, in each way."""
        told = self.run_program("timing.py", "--tries", "100", "--most-t", "inf")
        for way in ("password", "SCRAM", "token"):
            self.assertIn(f"{way} |t| ", told)
