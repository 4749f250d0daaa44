"""PARCEL: what a binary protocol gets of the framework."""

from __future__ import annotations

import struct

from examples.parcel import LIMIT_BYTES, Frames, Kind, Parcel, frame, name, parcel
from relaychat.testing.conformance import check_dialect
from relaychat.testing.relay import RelayTestCase

HELLO = frame(Kind.VERSION, b"\x01\x02") + frame(Kind.HELLO, b"ann")


class ParcelTests(RelayTestCase):
    """Whole conversations, bytes in, bytes out."""

    dialect = Parcel

    def test_say(self) -> None:
        """What one member says, the others read, in whatever pieces it comes."""
        ann, _ = self.open()
        said = HELLO + frame(Kind.JOIN, b"#tea")
        said += frame(Kind.SAY, name("#tea") + "zwei Stück".encode())
        _, bob_wire = self.connect("bob", "#tea")
        for byte in said:
            ann.dataReceived(bytes([byte]))
        self.assertEqual(
            bob_wire.value(), b"\x00\x15\x06\x04#tea\x03ann" + "zwei Stück".encode()
        )

    def test_handshake(self) -> None:
        """The highest version that both speak, then the name."""
        ann, wire = self.open()
        ann.dataReceived(HELLO)
        self.assertEqual(wire.value(), b"\x00\x02\x01\x01" + b"\x00\x04\x03ann")

    def test_out_of_order(self) -> None:
        """Before the versions nothing else is taken, and behind them no others; rooms
        are for who has a name."""
        ann, wire = self.open()
        ann.dataReceived(frame(Kind.HELLO, b"ann"))
        late = frame(
            Kind.FAULT, name("out_of_order") + b"the versions come first, and once"
        )
        self.assertEqual(wire.value(), late)
        wire.clear()
        ann.dataReceived(frame(Kind.VERSION, b"\x01") + frame(Kind.JOIN, b"#tea"))
        early = frame(Kind.FAULT, name("out_of_order") + b"say hello first")
        self.assertEqual(wire.value(), frame(Kind.VERSION, b"\x01") + early)
        wire.clear()
        ann.dataReceived(frame(Kind.VERSION, b"\x01"))
        self.assertEqual(wire.value(), late)

    def test_no_common_version(self) -> None:
        """Who speaks none of them is told so, and hung up on."""
        for versions in (b"", b"\x02\x03"):
            ann, wire = self.open()
            ann.dataReceived(frame(Kind.VERSION, versions))
            self.assertIn(b"these versions are spoken: 1", wire.value())
            self.assertTrue(wire.closed)

    def test_faults(self) -> None:
        """What makes no sense is answered, and the connection lives."""
        ann, wire = self.connect("ann", "#tea")
        ann.dataReceived(frame(Kind.VERSION, b"\x01"))
        wrong = [
            (frame(Kind.SAY, b""), "bad_syntax", "the frame ends within a name"),
            (frame(Kind.SAY, b"\x04#te"), "bad_syntax", "the frame ends within a name"),
            (frame(Kind.JOIN, b"\xff"), "bad_syntax", "a text is not UTF-8"),
            (b"\x00\x01\x2a", "unknown_command", "no such kind: 42"),
            (frame(Kind.SAID, b""), "unknown_command", "no such kind: 6"),
        ]
        for said, code, text in wrong:
            wire.clear()
            ann.dataReceived(said)
            self.assertEqual(
                wire.value(), frame(Kind.FAULT, name(code) + text.encode())
            )
        self.assertFalse(wire.closed)

    def test_sizes(self) -> None:
        """A size that can't be ends the connection: behind it nobody knows where a
        frame begins."""
        for size in (0, LIMIT_BYTES + 1):
            ann, wire = self.connect("ann", "#tea")
            ann.dataReceived(struct.pack(">H", size))
            self.assertIn(b"protocol_broken", wire.value())
            self.assertTrue(wire.closed)

    def test_many_small_frames(self) -> None:
        """What comes at once is cut at once, and only the rest is held."""
        frames = Frames()
        self.assertEqual(frames.feed(b"\x00\x01x" * 50_000 + b"\x00"), [b"x"] * 50_000)
        self.assertEqual(frames.held, b"\x00")

    def test_conforms(self) -> None:
        """It does what every dialect does."""
        check_dialect(Parcel, examples=[HELLO])

    def test_is_announced(self) -> None:
        """The plugin carries the protocol's name."""
        self.assertEqual((parcel.name, parcel.found), ("parcel", Parcel))
