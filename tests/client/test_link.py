"""The link, on a clock of the test's and connections in memory."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectError, ConnectionLost
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from relaychat.client.core import Conversation
from relaychat.client.happenings import Down, Happening, Kept, Parting, Rejected, Up
from relaychat.client.link import (
    AGAIN_S,
    FIRST_DELAY_S,
    IDLE_S,
    LONGEST_DELAY_S,
    SILENCE_S,
    Link,
    delay_s,
)
from relaychat.model.commands import Hello, ListRooms, Say
from relaychat.model.events import Fault, RoomList
from relaychat.model.words import Word


class Wire(StringTransport):
    """A connection in memory; to abort it loses it at once."""

    protocol: Any

    def abortConnection(self) -> None:
        super().abortConnection()
        self.lose()

    def lose(self) -> None:
        """The connection is gone."""
        self.protocol.connectionLost(Failure(ConnectionLost()))

    def told(self) -> list[dict[str, Any]]:
        """What was written since the last look."""
        lines = self.value().splitlines()
        self.clear()
        return [json.loads(line) for line in lines]

    def say(self, *words: dict[str, Any]) -> None:
        """The server says something."""
        for word in words:
            self.protocol.dataReceived(json.dumps(word).encode() + b"\n")


@implementer(IStreamClientEndpoint)
class Place:
    """An endpoint with or without a server."""

    def __init__(self) -> None:
        self.up = True
        self.wires: list[Wire] = []
        self.attempts = 0

    def connect(self, factory: Any) -> Deferred[Any]:
        self.attempts += 1
        if not self.up:
            return fail(Failure(ConnectError()))
        wire = Wire()
        wire.protocol = factory.buildProtocol(None)
        self.wires.append(wire)
        wire.protocol.makeConnection(wire)
        return succeed(wire.protocol)


class LinkTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.place = Place()
        self.heard: list[Happening] = []
        self.conversation = Conversation(Hello("ann", device="0" * 32))
        self.link = Link(
            self.clock, self.place, self.conversation, self.heard.append, lambda: 0.5
        )
        self.link.startService()
        self.addCleanup(self.link.stopService)

    @property
    def wire(self) -> Wire:
        return self.place.wires[-1]

    def welcome(self) -> None:
        """The server accepts hello."""
        (hello,) = self.wire.told()
        self.wire.say(
            {"type": "welcome", "id": hello["id"], "nick": "ann", "server": "s",
             "software": "x", "version": 1},
            {"type": "resumed", "id": hello["id"], "rooms": []},
        )  # fmt: skip

    def got(self, kind: type) -> list[Any]:
        return [one for one in self.heard if isinstance(one, kind)]

    def test_says_hello(self) -> None:
        """The first thing on a connection is hello."""
        (hello,) = self.wire.told()
        self.assertEqual((hello["type"], hello["nick"]), ("hello", "ann"))

    def test_up(self) -> None:
        """``up`` fires when hello was accepted, and at once after that."""
        first = self.link.up()
        self.assertNoResult(first)
        self.welcome()
        self.assertEqual(len(self.got(Up)), 1)
        self.successResultOf(first)
        self.successResultOf(self.link.up())

    def test_silent_server(self) -> None:
        """A connection that ends before the server said a word may be one with TLS on
        one side only, and is told so; later on it is not."""
        self.wire.lose()
        self.clock.advance(1)
        self.welcome()
        self.wire.lose()
        silent, plain = self.got(Down)
        self.assertIn("with or without TLS?", silent.reason)
        self.assertEqual(plain.reason, "the connection was lost")

    def test_comes_back(self) -> None:
        """A lost connection is told, and followed by another."""
        self.welcome()
        self.wire.lose()
        self.assertEqual(len(self.got(Down)), 1)
        self.clock.advance(delay_s(1, 0.5))
        self.assertEqual(len(self.place.wires), 2)
        self.welcome()
        self.assertEqual(len(self.got(Up)), 2)

    def test_waits_longer_and_longer(self) -> None:
        """Each failed attempt is told and waits longer, up to a bound; a hello that was
        accepted starts over."""
        self.welcome()
        self.place.up = False
        self.wire.lose()
        waits = []
        for _ in range(20):
            before, waited = self.place.attempts, 0.0
            while self.place.attempts == before:
                self.clock.advance(1 / 16)  # exact in binary
                waited += 1 / 16
            waits.append(waited)
        self.assertEqual(waits, sorted(waits))
        self.assertLess(waits[0], 2 * FIRST_DELAY_S)
        self.assertAlmostEqual(waits[-1], LONGEST_DELAY_S, delta=0.1)
        self.assertEqual(len(self.got(Down)), 21)
        self.place.up = True
        self.clock.advance(LONGEST_DELAY_S)
        self.welcome()
        self.wire.lose()
        self.clock.advance(delay_s(1, 0.5))
        self.assertEqual(len(self.place.wires), 3)

    def test_refused_hello(self) -> None:
        """A refused hello hangs up and comes back later, not in a circle."""
        for attempt in range(1, 5):
            self.wire.say({"type": "error", "code": "unavailable", "text": "later",
                           "retry": True, "id": -attempt})  # fmt: skip
            self.assertTrue(self.wire.disconnecting)
            self.wire.lose()
            self.assertEqual(len(self.place.wires), attempt)
            self.clock.advance(delay_s(attempt, 0.5))
            self.assertEqual(len(self.place.wires), attempt + 1)
        self.assertEqual(len(self.got(Rejected)), 4)
        self.assertEqual(self.got(Down)[-1].reason, "later")

    def test_jitter_spreads(self) -> None:
        """Chance makes a wait half or one and a half times as long."""
        self.assertEqual(delay_s(0, 0.0) * 3, delay_s(0, 1.0))

    def test_hole_reconnects(self) -> None:
        """A stream that is of no use any more is aborted, with the reason."""
        self.welcome()
        self.wire.protocol.dataReceived(b"nonsense\n")
        self.assertTrue(self.wire.disconnected)
        self.assertIn("nonsense", self.got(Down)[0].reason)

    def test_last_words(self) -> None:
        """The server's reason for closing is the reason that is told."""
        self.welcome()
        self.wire.say({"type": "bye", "code": "shutting_down", "text": "come back"})
        self.wire.lose()
        self.assertEqual(len(self.got(Parting)), 1)
        self.assertEqual(self.got(Down)[0].reason, "come back")

    def test_asks_for_a_sign_of_life(self) -> None:
        """Silence is met with a ping, and in the end with another connection."""
        self.welcome()
        self.clock.advance(IDLE_S)
        self.assertEqual([word["type"] for word in self.wire.told()], ["ping"])
        self.wire.say({"type": "pong", "token": ""})
        self.clock.advance(IDLE_S)
        self.assertEqual(len(self.place.wires), 1)
        self.clock.advance(SILENCE_S)
        self.assertTrue(self.place.wires[0].disconnected)
        self.assertIn("no sign of life", self.got(Down)[0].reason)

    def test_mute_server(self) -> None:
        """A server that never answers hello is given up, too."""
        for _ in range(3):
            self.clock.advance(IDLE_S)
        self.assertTrue(self.place.wires[0].disconnected)

    def test_resends_after_refusal_for_now(self) -> None:
        """What was refused for now is sent again after a while."""
        self.welcome()
        self.conversation.send(Say("#ops", "hello", cid=1))
        self.link.flush()
        self.assertEqual(self.wire.told()[0]["cid"], 1)
        self.wire.say({"type": "error", "code": "unavailable", "text": "", "id": 1,
                       "retry": True})  # fmt: skip
        self.assertEqual(self.wire.told(), [])
        self.clock.advance(AGAIN_S)
        self.assertEqual(self.wire.told()[0]["cid"], 1)
        self.wire.say({"type": "ok", "id": 1, "cid": 1, "seq": 1})
        self.assertEqual(len(self.got(Kept)), 1)

    def test_ask(self) -> None:
        """A question's answer comes back to who asked, and to nobody else."""
        early: list[Word] = []
        self.link.ask(ListRooms()).addCallback(early.append)
        self.assertIsInstance(early[0], Fault)
        self.welcome()
        answers: list[Word] = []
        self.link.ask(ListRooms()).addCallback(answers.append)
        (asked,) = self.wire.told()
        self.wire.say({"type": "rooms", "id": asked["id"], "rooms": []})
        self.assertEqual(answers, [RoomList((), id=asked["id"])])
        self.link.ask(ListRooms()).addCallback(answers.append)
        self.wire.lose()
        self.assertEqual(getattr(answers[1], "code", ""), "lost")

    def test_stop(self) -> None:
        """A stopped link leaves no timer behind, and does not come back."""
        self.welcome()
        stopped = self.link.stopService()
        self.assertTrue(self.wire.disconnecting)
        self.wire.lose()
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.got(Down), [])
