"""The benchmark of logins, in short."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.server import ROOT, environment


class LoginsTests(SynchronousTestCase):
    """``benchmarks/logins.py`` in its short form."""

    def test_crowd(self) -> None:
        """Everybody gets in, by each way; how long the chat waits is the machine's
        business here."""
        short = ["--accounts", "300", "--clients", "20", "--most-ms", "inf"]
        done = subprocess.run(
            [sys.executable, str(ROOT / "benchmarks" / "logins.py"), *short],
            env=environment(measured=True), capture_output=True, text=True,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for way in ("password", "SCRAM", "device"):
            self.assertIn(f"by {way} in ", done.stdout)
