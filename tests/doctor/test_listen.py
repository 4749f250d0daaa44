"""The doctor's other end."""

from __future__ import annotations

import io
import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from relaychat.doctor.listen import MET, Answering, Speaker
from relaychat.net.discovery import Settings
from relaychat.net.reach import Open
from relaychat.testing.world import SimulatedWorld
from relaychat.wire.discovery import query
from tests.net.lan import LAN, Readers

DOOR = Open("native", "0.0.0.0", 7601)


class AnsweringTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.told = io.StringIO()
        self.patch(sys, "stderr", self.told)
        self.answering = Answering(
            Readers(), SimulatedWorld(), Settings(), "doctor", Speaker(DOOR)
        )
        self.out: list[bytes] = []

    def hear(self, data: bytes, *sender: Any) -> list[str]:
        """A datagram comes: what is told of it."""
        self.told.truncate(self.told.seek(0))
        self.answering.received(data, sender, LAN, self.out.append)
        return self.told.getvalue().splitlines()

    def test_who_asks(self) -> None:
        """Who asks is told once, though it may get no answer; what is no question is
        nothing."""
        self.assertEqual(self.hear(b"noise", "192.168.1.9", 40000), [])
        told = self.hear(query(b"n" * 16), "192.168.1.9", 40000)
        self.assertEqual(told, ["relaychat: 192.168.1.9 asks by eth0"])
        self.assertEqual(self.hear(query(b"m" * 16), "192.168.1.9", 40000), [])
        self.assertEqual(len(self.out), 2)
        self.assertEqual(len(self.hear(query(b"o" * 16), "10.0.0.1", 40000)), 1)
        self.assertEqual(len(self.out), 2)

    def test_bounded(self) -> None:
        """Of a flood of forged addresses so many are told, and remembered."""
        hosts = [f"10.0.{n >> 8}.{n & 255}" for n in range(2 * MET)]
        told = [one for host in hosts for one in self.hear(query(b"n" * 16), host, 1)]
        self.assertEqual(len(told), MET)
