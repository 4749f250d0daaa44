"""One connection through the chaos proxy, on transports in memory."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from relaychat.testing.chaos import Weather
from relaychat.testing.passage import Passage

RESET = Failure(ConnectionLost())


class Wire(StringTransport):
    """A transport that remembers how it ended."""

    end = ""

    def loseWriteConnection(self) -> None:
        """The peer reads the end."""
        self.end = "half"

    def loseConnection(self) -> None:
        """The peer reads the end, and is not read any more."""
        assert self.producer is None, "Twisted would wait for it"
        self.end = "closed"

    def abortConnection(self) -> None:
        """RST."""
        self.end = "reset"

    def unregisterProducer(self) -> None:
        """As in Twisted, also where there is none."""
        self.producer = None


class PassageTests(SynchronousTestCase):
    """One connection, in memory."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.weather = Weather()
        self.over = 0
        self.proxied()

    def proxied(self, **weather: Any) -> None:
        """A new connection in this weather."""
        self.weather = Weather(**weather)
        self.passage = Passage(self.clock, lambda: self.weather, Random(1), _counts())
        self.passage.on_over = self._over
        self.client, self.server = Wire(), Wire()
        self.passage.client.makeConnection(self.client)
        self.passage.server.makeConnection(self.server)

    def _over(self) -> None:
        self.over += 1

    def test_both_ways(self) -> None:
        """In fair weather bytes pass at once, as they are."""
        self.passage.client.dataReceived(b"question")
        self.passage.server.dataReceived(b"answer")
        self.assertEqual(self.server.value(), b"question")
        self.assertEqual(self.client.value(), b"answer")
        self.assertEqual(self.passage.counts, {"up": 8, "down": 6})

    def test_before_the_server_is_there(self) -> None:
        """What the client says at once waits for the connection to the server."""
        passage = Passage(self.clock, lambda: self.weather, Random(1), _counts())
        passage.client.makeConnection(Wire())
        passage.client.dataReceived(b"early")
        server = Wire()
        passage.server.makeConnection(server)
        self.assertEqual(server.value(), b"early")

    def test_delay(self) -> None:
        """Bytes arrive later by the delay, give or take the jitter, in order."""
        self.proxied(delay_s=1.0, jitter_s=0.5)
        for number in range(10):
            self.passage.client.dataReceived(b"%d" % number)
        self.clock.advance(0.49)
        self.assertEqual(self.server.value(), b"")
        self.clock.advance(0.5)
        early = self.server.value()
        self.assertEqual(early, b"0123456789"[: len(early)])
        self.clock.advance(0.52)
        self.assertEqual(self.server.value(), b"0123456789")

    def test_rate(self) -> None:
        """So many bytes a second, in small pieces."""
        self.proxied(rate=100)
        self.passage.client.dataReceived(b"x" * 150)
        self.clock.pump([0.1] * 10 + [0.01])
        self.assertEqual(len(self.server.value()), 100)
        self.clock.pump([0.1] * 5)
        self.assertEqual(len(self.server.value()), 150)

    def test_bounded(self) -> None:
        """What can't be passed on is not read; when it was, reading goes on."""
        self.proxied(held_bytes=100)
        producer = self.server.producer
        assert producer is not None
        producer.pauseProducing()
        self.passage.client.dataReceived(b"x" * 60)
        self.assertEqual(self.client.producerState, "producing")
        self.passage.client.dataReceived(b"x" * 60)
        self.assertEqual(self.client.producerState, "paused")
        producer.resumeProducing()
        self.assertEqual(len(self.server.value()), 120)
        self.assertEqual(self.client.producerState, "producing")

    def test_cut(self) -> None:
        """Both sides are reset; what was under way is lost."""
        self.proxied(delay_s=1)
        self.passage.client.dataReceived(b"lost")
        self.passage.cut()
        self.assertEqual((self.client.end, self.server.end), ("reset", "reset"))
        self.passage.client.connectionLost(RESET)
        self.passage.server.connectionLost(RESET)
        self.assertEqual((self.over, self.clock.getDelayedCalls()), (1, []))

    def test_half_close(self) -> None:
        """One side reads the end, behind what was said; the other hears it still."""
        self.passage.server.dataReceived(b"last words")
        self.passage.flows["down"].end()
        self.assertEqual(self.client.value(), b"last words")
        self.assertEqual((self.client.end, self.server.end), ("half", ""))
        self.passage.server.dataReceived(b"into the void")
        self.passage.client.dataReceived(b"are you there?")
        self.assertEqual(self.server.value(), b"are you there?")
        self.assertEqual(self.client.value(), b"last words")

    def test_hanging_up_politely(self) -> None:
        """Each side's end is passed on; with the second it is over."""
        self.passage.client.dataReceived(b"bye")
        self.passage.client.readConnectionLost()
        self.assertEqual((self.server.value(), self.server.end), (b"bye", "half"))
        self.passage.server.dataReceived(b"goodbye")
        self.passage.server.readConnectionLost()
        self.assertEqual(self.client.value(), b"goodbye")
        self.assertEqual((self.client.end, self.server.end), ("closed", "closed"))
        self.assertEqual(self.over, 1)

    def test_a_side_that_breaks_off(self) -> None:
        """Its last bytes arrive, and then its error."""
        self.proxied(delay_s=1)
        self.passage.client.dataReceived(b"aargh")
        self.passage.client.connectionLost(RESET)
        self.assertEqual(self.server.end, "")
        self.clock.advance(1)
        self.assertEqual((self.server.value(), self.server.end), (b"aargh", "reset"))

    def test_both_sides_gone(self) -> None:
        """Nothing is left of it, whoever went first."""
        self.proxied(delay_s=1)
        self.passage.client.connectionLost(Failure(ConnectionDone()))
        self.passage.server.connectionLost(Failure(ConnectionDone()))
        self.assertEqual((self.over, self.clock.getDelayedCalls()), (1, []))

    def test_the_server_comes_too_late(self) -> None:
        """The client was cut before the server was reached."""
        passage = Passage(self.clock, lambda: self.weather, Random(1), _counts())
        passage.client.makeConnection(Wire())
        passage.cut()
        late = Wire()
        passage.server.makeConnection(late)
        self.assertEqual(late.end, "reset")

    def test_half_open(self) -> None:
        """Everything is read, nothing is passed on, and nobody is told of anything."""
        self.proxied(delay_s=1, held_bytes=10)
        self.passage.client.dataReceived(b"x" * 20)
        self.passage.swallow()
        self.passage.client.dataReceived(b"hello?")
        self.passage.server.dataReceived(b"hello?")
        self.clock.advance(5)
        self.assertEqual((self.client.value(), self.server.value()), (b"", b""))
        self.assertEqual(self.client.producerState, "producing")
        self.passage.client.readConnectionLost()
        self.assertEqual((self.client.end, self.server.end), ("closed", ""))
        self.passage.client.connectionLost(Failure(ConnectionDone()))
        self.assertEqual((self.server.end, self.over), ("", 0))
        self.passage.server.connectionLost(RESET)
        self.assertEqual(self.over, 1)

    def test_half_open_behind_an_end(self) -> None:
        """Who had said their last word is let go."""
        self.passage.client.readConnectionLost()
        self.passage.swallow()
        self.assertEqual((self.client.end, self.server.end), ("closed", "half"))

    def test_stall(self) -> None:
        """For a while nothing passes; then all of it, and nothing is lost."""
        self.passage.stall(2)
        self.passage.client.dataReceived(b"one ")
        self.clock.advance(1.9)
        self.passage.client.dataReceived(b"two")
        self.assertEqual(self.server.value(), b"")
        self.clock.advance(0.2)
        self.assertEqual(self.server.value(), b"one two")

    def test_corrupt(self) -> None:
        """One bit of the next byte, and only there."""
        self.passage.flows["up"].corrupt()
        self.passage.client.dataReceived(b"abc")
        self.passage.client.dataReceived(b"def")
        changed = [a ^ b for a, b in zip(self.server.value(), b"abcdef", strict=True)]
        self.assertEqual(bin(changed[0]).count("1"), 1)
        self.assertEqual(changed[1:], [0] * 5)

    def test_the_end_of_a_stopped_target(self) -> None:
        """A transport that ends its producer is sent nothing more."""
        producer = self.server.producer
        assert producer is not None
        producer.stopProducing()
        self.passage.client.dataReceived(b"x")
        self.assertEqual(self.server.value(), b"")


def _counts() -> Counter[str]:
    return Counter()
