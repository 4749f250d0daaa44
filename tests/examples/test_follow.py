"""The reader of the examples, against a relay that says what no relay says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import TestCase

FOLLOW = Path(__file__).parents[2] / "examples" / "follow.py"


class FollowTests(TestCase):
    """``examples/follow.py``."""

    def test_a_damaged_line(self) -> None:
        """A line that makes no sense is a reason to come back, not to die."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "native.sock")
        relay = socket.socket(socket.AF_UNIX)
        self.addCleanup(relay.close)
        relay.settimeout(30)
        relay.bind(path)
        relay.listen()
        bot = subprocess.Popen(
            [sys.executable, FOLLOW, path, "#tea", "bot"], stderr=subprocess.PIPE
        )
        self.addCleanup(bot.communicate)
        self.addCleanup(bot.kill)
        for line in (b'{"type":"said\n', b"\xff\n", b'{"type":"pong"}\n'):
            connection, _ = relay.accept()
            with connection, connection.makefile("rb") as lines:
                self.assertIn(b'"hello"', lines.readline())
                connection.sendall(line)
        self.assertIsNone(bot.poll())
