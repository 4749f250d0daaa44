"""The service behind ``twistd relaychat-client``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from relaychat.client.core import Conversation
from relaychat.client.happenings import (
    Complaint,
    Down,
    Entered,
    Kept,
    Parting,
    Rejected,
    Shown,
    Shut,
    Up,
)
from relaychat.client.link import Link
from relaychat.client.state import take_device
from relaychat.client.tap import Listener, Options, makeService, told
from relaychat.model import events
from relaychat.model.commands import Hello, Say
from tests.client.test_link import Place


class TapTests(SynchronousTestCase):
    def options(self, *words: str) -> Options:
        options = Options()
        options.parseOptions(["--state", self.mktemp(), *words])
        return options

    def listener(self) -> tuple[Listener, Place]:
        folder = Path(self.mktemp())
        folder.mkdir()
        place = Place()
        conversation = Conversation(Hello("ear", device="0" * 32), everything=True)

        def link_of(heard: Any) -> Link:
            return Link(Clock(), place, conversation, heard)

        return Listener(link_of, take_device(folder)), place

    def test_options(self) -> None:
        """Rooms are arguments; a wrong option is a usage error."""
        options = self.options("--nick", "ear", "#a", "#b")
        self.assertEqual((options["nick"], options["rooms"]), ("ear", ("#a", "#b")))
        self.assertRaises(UsageError, self.options, "--what")

    def test_service(self) -> None:
        """Good options make a service; what can't be used ends with a line."""
        service = makeService(self.options("#a"))
        self.assertIsInstance(service, Listener)
        for words in (
            ("--server", "tls:nowhere"),
            ("--server", "nonsense"),
            ("--fingerprint", "00"),
            ("--password-file", "/nonexistent/file"),
        ):
            self.assertRaises(SystemExit, makeService, self.options(*words))

    def test_logs_what_happens(self) -> None:
        """What happens is in the log, in a line."""
        listener, place = self.listener()
        lines: list[str] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            lines.append(event.get("line") or event.get("text") or "")

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        listener.startService()
        wire = place.wires[0]
        (hello,) = wire.told()
        wire.say(
            {"type": "welcome", "id": hello["id"], "nick": "ear", "server": "s",
             "software": "x", "version": 1},
            {"type": "room", "room": "#a", "epoch": "e", "seq": 3},
            {"type": "said", "room": "#a", "seq": 4, "at": 1, "sender": "bob",
             "text": "hi"},
            {"type": "typing", "room": "#a", "sender": "bob"},
        )  # fmt: skip
        self.assertEqual(lines[:2], ["up as ear on s", "in #a, at 3"])
        self.assertTrue(lines[2].endswith("#a <bob> hi"))
        self.assertEqual(len(lines), 3)
        stopped = listener.stopService()
        wire.lose()
        self.successResultOf(stopped)

    def test_words(self) -> None:
        """Each happening of the link has its words, or none."""
        fault = events.Fault("banned", "no")
        for happening, text in (
            (Down("gone"), "down: gone; trying again"),
            (Shut("#a", fault), "not let into #a: no"),
            (Rejected(fault), "refused: no"),
            (Complaint(fault), "refused: no"),
            (Parting(events.Goodbye("bye", "later")), "the server closes: later"),
            (Kept(Say("#a", "x", cid=1), events.Done()), ""),
        ):
            self.assertEqual(told(happening), text)
        self.assertEqual(told(Up(events.Welcome("a", "s", "x", 1))), "up as a on s")
        self.assertEqual(told(Entered(events.RoomShown("#a", "e", 3))), "in #a, at 3")
        self.assertEqual(told(Shown(fault, b"")), "")
