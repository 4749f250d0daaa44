"""Qt's network-chat: its bytes, as another library writes and reads them."""

from __future__ import annotations

from typing import Any

import cbor2
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from examples import qt_beacon, qt_chat
from examples.qt_beacon import Beacon
from examples.qt_chat import END, LIMIT_BYTES, NAMESAKES, Items, QtChat, item
from examples.shout import Shout
from relaychat.model.errors import ProtocolBroken
from relaychat.model.events import Said
from relaychat.testing.conformance import check_dialect
from relaychat.testing.relay import RelayTestCase, Speaker

MESSAGE, PING, PONG, GREETING = range(4)
BEGIN = b"\x9f"


def said(kind: int, text: str | None = None) -> bytes:
    """An item, as another library writes it."""
    return cbor2.dumps({kind: text})


def heard(data: bytes) -> list[dict[int, Any]]:
    """The items of a stream, as another library reads them."""
    if not data.endswith(b"\xff"):
        data += b"\xff"
    whole: list[dict[int, Any]] = cbor2.loads(data)
    return whole


class QtChatTests(RelayTestCase):
    """Whole conversations."""

    dialect = QtChat

    def join(self, user: str = "joe") -> tuple[Speaker, Any]:
        """A peer that has greeted."""
        peer, wire = self.open()
        peer.dataReceived(BEGIN + said(GREETING, user))
        return peer, wire

    def test_conversation(self) -> None:
        """Greetings, then messages both ways; one's own are not sent back."""
        joe, wire = self.join()
        ann, ann_wire = self.connect("ann", "#lan", dialect=Shout)
        joe.dataReceived(said(MESSAGE, "grüß dich") + said(PING))
        ann.dataReceived(b"SAY #lan hello\n")
        self.assertEqual(
            ann_wire.value().decode(), "#lan joe: grüß dich\r\n#lan ann: HELLO\r\n"
        )
        self.assertEqual(
            heard(wire.value()),
            [
                {GREETING: "relay.test"},
                {MESSAGE: "joe has come"},
                {MESSAGE: "ann has come"},
                {PONG: None},
                {MESSAGE: "ann: HELLO"},
            ],
        )

    def test_conforms(self) -> None:
        """It does what every dialect does."""
        check_dialect(QtChat, examples=[said(MESSAGE, "hi"), said(PING)])

    def test_leaving(self) -> None:
        """The end of the array is the end of the connection, and told."""
        joe, joe_wire = self.join("joe")
        _, eve_wire = self.join("eve")
        joe.dataReceived(b"\xff")
        self.assertTrue(joe_wire.closed)
        self.assertEqual(heard(joe_wire.value())[-1], {MESSAGE: "goodbye"})
        self.assertEqual(heard(eve_wire.value())[-1], {MESSAGE: "joe has left"})

    def test_namesakes(self) -> None:
        """Whose name is taken gets another one, up to a number of them."""
        for _ in range(NAMESAKES):
            _, wire = self.join("joe")
        come = heard(wire.value())[-1]
        self.assertEqual(come, {MESSAGE: f"joe-{NAMESAKES} has come"})
        _, wire = self.join("joe")
        self.assertEqual(heard(wire.value())[1], {MESSAGE: "this nick is in use"})
        self.assertTrue(wire.closed)

    def test_names(self) -> None:
        """Any user name makes a nick."""
        for user, nick in [
            ("joe", "joe"), ("Joe Doe", "Joe-Doe"), ("DOMAIN\\joe", "DOMAIN-joe"),
            ("007", "qt-007"), ("", "qt"), ("李", "qt"), ("x" * 99, "x" * 24),
        ]:  # fmt: skip
            self.assertEqual(qt_chat.nick_like(user), nick)

    def test_no_forged_lines(self) -> None:
        """A message of several lines can't look like those of several people."""
        shown = QtChat.form().render(Said("#lan", 9, 0, "ann", "hi\njoe: I resign"))
        self.assertEqual(cbor2.loads(shown), {MESSAGE: "ann: hi\n    joe: I resign"})

    def test_greeting_first(self) -> None:
        """Without a greeting there is nothing else."""
        for begin in (said(MESSAGE, "hi"), b"\xff", said(PING)):
            peer, wire = self.open()
            peer.dataReceived(BEGIN + begin)
            self.assertTrue(wire.closed)

    def test_what_can_not_be_said(self) -> None:
        """A refusal is told in brackets, and the connection lives."""
        joe, wire = self.join()
        joe.dataReceived(said(MESSAGE, "") + said(MESSAGE, "a\0b") + said(9, "?"))
        self.assertEqual(
            heard(wire.value())[-2:],
            [
                {MESSAGE: "(the text is empty)"},
                {MESSAGE: "(a text may not hold NUL or CR)"},
            ],
        )
        self.assertFalse(wire.closed)

    def test_silent_peer(self) -> None:
        """A peer that says nothing is pinged; one that is gone is hung up on."""
        peer, wire = self.open(exempt=False)
        peer.dataReceived(BEGIN + said(GREETING, "joe"))
        peer.dataReceived(said(PONG))
        self.world.advance(16)
        self.assertEqual(heard(wire.value())[-1], {PING: None})
        peer.dataReceived(said(PONG))
        self.world.advance(14)
        self.assertFalse(wire.closed)
        self.world.advance(30)
        self.assertTrue(wire.closed)


class ItemsTests(TestCase):
    """The part of CBOR that is read."""

    def test_pieces(self) -> None:
        """The same frames, in whatever pieces the bytes come."""
        stream = BEGIN + said(GREETING, "joe") + said(PING) + said(MESSAGE, "é" * 300)
        whole = Items().feed(stream)
        self.assertEqual(whole[:2], [b"\x03joe", b"\x01"])
        items = Items()
        bytewise = [one for byte in stream for one in items.feed(bytes([byte]))]
        self.assertEqual(bytewise, whole)

    def test_ways_to_write(self) -> None:
        """Lengths in any width, texts in chunks."""
        text = "x" * 5
        for written in (
            b"\x65xxxxx", b"\x78\x05xxxxx", b"\x79\0\x05xxxxx", b"\x7a\0\0\0\x05xxxxx",
            b"\x7b" + bytes(7) + b"\x05xxxxx", b"\x7f\x62xx\x60\x63xxx\xff",
        ):  # fmt: skip
            self.assertEqual(cbor2.loads(b"\xa1\0" + written), {0: text})
            frames = Items().feed(BEGIN + b"\xa1\0" + written + b"\xff")
            self.assertEqual(frames, [b"\0xxxxx", bytes([END])])

    def test_what_is_none(self) -> None:
        """Anything else ends the stream, and nothing of it is held."""
        for wrong in (
            b"\x80", b"\xa1", b"GET /", b"\x9f\xa2", b"\x9f\xbf", b"\x9f\xa1\x20",
            b"\x9f\xa1\x18\xff", b"\x9f\xa1\x00\x41x", b"\x9f\xa1\x00\xf5",
            b"\x9f\xa1\x00\xf8\x16", b"\x9f\xa1\x00\x1c", b"\x9f\xa1\x00\x7f\x41x",
            b"\x9f\xa1\x00\x7f\x7f", b"\x9f\xa1\x00\x7a\0\x01\0\x01",
            b"\x9f\xa1\x00\x7b" + b"\xff" * 8,
            b"\x9f\xa1\x00\x7f" + (b"\x78\xff" + b"x" * 255) * (LIMIT_BYTES // 255 + 1),
        ):  # fmt: skip
            items = Items()
            *_, error = items.feed(wrong)
            self.assertIsInstance(error, ProtocolBroken, wrong[:9])
            self.assertEqual((items.feed(b"x" * 99), len(items.held)), ([], 0))

    def test_what_is_written(self) -> None:
        """Another library reads it; lengths have 32 bits."""
        for text in ("", "é" * 70_000):
            self.assertEqual(cbor2.loads(item(MESSAGE, text)), {MESSAGE: text})


class Unreachable:
    """A network that is away, and another that is not."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Any]] = []

    def setBroadcastAllowed(self, allowed: bool) -> None:
        """See IUDPTransport."""

    def write(self, data: bytes, address: Any) -> None:
        """See IUDPTransport."""
        if address[0] == "192.0.2.255":
            raise OSError(101, "Network is unreachable")
        self.sent.append((data, address))


class BeaconTests(TestCase):
    """What the relay says on the network."""

    def test_goes_on(self) -> None:
        """A network that is away keeps it neither from others nor from later."""
        clock = Clock()
        beacon = Beacon("relay", 45001, ["192.0.2.255", "198.51.100.255"], clock)
        beacon.transport = Unreachable()
        beacon.startProtocol()
        clock.advance(qt_beacon.EVERY_S)
        said = (b"relay@45001", ("198.51.100.255", qt_beacon.PORT))
        self.assertEqual(beacon.transport.sent, [said, said])
        beacon.stopProtocol()

    def test_beacon(self) -> Deferred[None]:
        """Every two seconds, to every network, who it is and where."""
        clock = Clock()
        heard: list[bytes] = []
        done: Deferred[None] = Deferred()

        class Peer(DatagramProtocol):
            def datagramReceived(self, datagram: bytes, addr: object) -> None:
                heard.append(datagram)
                done.callback(None)

        listening: Any = reactor
        peer = listening.listenUDP(0, Peer(), interface="127.255.255.255")
        self.addCleanup(peer.stopListening)
        self.patch(qt_beacon, "PORT", peer.getHost().port)
        beacon = Beacon("relay", 45001, ["127.255.255.255"], clock)
        said = listening.listenUDP(0, beacon)
        self.addCleanup(said.stopListening)
        return done.addCallback(lambda _: self.assertEqual(heard, [b"relay@45001"]))
