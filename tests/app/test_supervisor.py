"""What systemd is told."""

from __future__ import annotations

import socket
from tempfile import TemporaryDirectory

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.supervisor import Supervisor


class SupervisorTests(SynchronousTestCase):
    """Against a socket such as systemd's."""

    def setUp(self) -> None:
        """Somebody listens."""
        folder = TemporaryDirectory(dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.path = f"{folder.name}/notify"
        self.ear = self.listen(self.path)
        self.clock = Clock()

    def listen(self, path: str) -> socket.socket:
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(ear.close)
        ear.bind(path)
        ear.setblocking(False)
        return ear

    def heard(self, ear: socket.socket | None = None) -> list[str]:
        """All that was told since the last time."""
        words = []
        while True:
            try:
                words.append((ear or self.ear).recv(4096).decode())
            except BlockingIOError:
                return words

    def test_up_and_down(self) -> None:
        """It is told when the doors are open and when they close, each once."""
        supervisor = Supervisor({"NOTIFY_SOCKET": self.path})
        self.assertEqual(self.heard(), [])
        supervisor.ready(self.clock)
        self.clock.advance(3600)
        self.assertEqual(self.heard(), ["READY=1"])
        supervisor.stopping()
        self.assertEqual(self.heard(), ["STOPPING=1"])

    def test_watchdog(self) -> None:
        """A sign of life comes twice in the time that is asked for, until the end."""
        environment = {
            "NOTIFY_SOCKET": self.path,
            "WATCHDOG_USEC": "20000000",
            "WATCHDOG_PID": "77",
            "PATH": "/bin",
        }
        supervisor = Supervisor(environment, lambda: 77)
        self.assertEqual(environment, {"PATH": "/bin"})
        supervisor.ready(self.clock)
        self.assertEqual(self.heard(), ["READY=1", "WATCHDOG=1"])
        self.clock.pump([5, 5, 5, 5])
        self.assertEqual(self.heard(), ["WATCHDOG=1"] * 2)
        supervisor.stopping()
        self.clock.advance(3600)
        self.assertEqual(self.heard(), ["STOPPING=1"])

    def test_somebody_elses_watchdog(self) -> None:
        """What is meant for another process is not answered."""
        told = {
            "NOTIFY_SOCKET": self.path,
            "WATCHDOG_USEC": "20000000",
            "WATCHDOG_PID": "78",
        }
        Supervisor(told, lambda: 77).ready(self.clock)
        self.assertEqual(self.heard(), ["READY=1"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_abstract(self) -> None:
        """A name that begins with @ is one of Linux's abstract sockets."""
        ear = self.listen(f"\0{self.path}")
        Supervisor({"NOTIFY_SOCKET": f"@{self.path}"}).stopping()
        self.assertEqual(self.heard(ear), ["STOPPING=1"])

    def test_nobody(self) -> None:
        """Without a supervisor nothing is told, and no timer runs."""
        supervisor = Supervisor({"WATCHDOG_USEC": "20000000"})
        supervisor.ready(self.clock)
        supervisor.stopping()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_gone(self) -> None:
        """One that is gone, or has told nonsense, harms nobody."""
        supervisor = Supervisor(
            {"NOTIFY_SOCKET": f"{self.path}/x", "WATCHDOG_USEC": "soon"}
        )
        supervisor.ready(self.clock)
        supervisor.stopping()
        self.assertEqual(self.heard(), [])
