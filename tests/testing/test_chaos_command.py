"""``relaychat chaos`` as a process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import TestCase

ROOT = Path(__file__).parents[2]


class ChaosCommandTests(TestCase):
    """On UNIX sockets of its own."""

    def setUp(self) -> None:
        """Something that listens."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.inner, self.outer = f"{folder.name}/inner", f"{folder.name}/outer"
        self.server = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.server.close)
        self.server.bind(self.inner)
        self.server.listen()

    def chaos(self, *options: str) -> subprocess.Popen[str]:
        """Start the command."""
        process = subprocess.Popen(
            [sys.executable, "-m", "relaychat", "chaos", *options],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def told(self, process: subprocess.Popen[str]) -> str:
        """The next line that it writes."""
        assert process.stderr is not None
        return process.stderr.readline().strip()

    def test_a_fault_that_is_typed(self) -> None:
        """It passes bytes on, does what is typed, and counts at the end."""
        process = self.chaos(
            "--listen", f"unix:{self.outer}", "--to", f"unix:{self.inner}",
            "--seed", "5", "--delay", "0.01",
        )  # fmt: skip
        self.assertIn("seed 5", self.told(process))
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(self.outer)
        served, _ = self.server.accept()
        self.addCleanup(served.close)
        client.sendall(b"hello")
        self.assertEqual(served.recv(100), b"hello")
        assert process.stdin is not None
        process.stdin.write("rain cut\n")
        process.stdin.flush()
        self.assertEqual(self.told(process), "relaychat: 1: connected")
        self.assertIn("rain: it is one of cut, half-close", self.told(process))
        self.assertEqual(self.told(process), "relaychat: 1: cut")
        self.assertEqual(client.recv(100), b"")
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=30)
        self.assertIn("1 connections, 5 up, 1 cut", rest)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM)

    def test_wrong(self) -> None:
        """What can't be is told in one line."""
        for options, code, text in (
            (("--listen", "tcp:0", "--to", "smoke"), 2, "smoke"),
            (("--listen", "unix:/nowhere/x", "--to", "tcp:a:1"), 3, "/nowhere/x"),
            (("--listen", "tcp:0", "--to", "tcp:a:1", "--delay", "-1"), 2, "delay"),
        ):
            process = self.chaos(*options)
            _, said = process.communicate(timeout=30)
            self.assertEqual(process.returncode, code, said)
            self.assertIn(text, said)
            self.assertNotIn("Traceback", said)
