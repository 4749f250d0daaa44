"""The bot of the examples lives with a bad network, as ``docs/chaos.md`` says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner
from twisted.trial.unittest import TestCase

from relaychat.testing.chaos_command import chaos

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "chaos.md").read_text()
EXAMPLE = ROOT / "examples" / "bad_weather.py"


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """The example, in this weather."""
    return subprocess.run(
        [sys.executable, EXAMPLE, *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


class BadWeatherTests(TestCase):
    """``examples/bad_weather.py`` and the page about it."""

    def test_it_lives(self) -> None:
        """The bot writes everything down, once, over cuts, pauses and half-closes."""
        done = run()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(done.stdout.strip(), PAGE)
        for fault in ("cut", "stall"):
            self.assertRegex(done.stderr, rf"[1-9]\d* {fault}")

    def test_page(self) -> None:
        """The page shows the example as it is, and every option of the command."""
        block = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)[0]
        self.assertIn(block, EXAMPLE.read_text())
        options = re.findall(
            r"^  (--[a-z-]+)", CliRunner().invoke(chaos, "--help").output, re.M
        )
        self.assertGreater(len(options), 10)
        for option in set(options) - {"--help", "--quiet"}:
            self.assertIn(f"{option}", PAGE)

    def test_python(self) -> None:
        """What the page shows of Python has the names that there are."""
        block = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)[1]
        space: dict[str, object] = {}
        exec(block, space)
        proxy = space["ChaosProxy"]
        for name in re.findall(r"proxy\.(\w+)\(", block):
            self.assertTrue(callable(getattr(proxy, name)), name)
