"""Who is there, as finger clients are told."""

from __future__ import annotations

from examples.finger import ROOMS, Finger, finger
from relaychat.model.commands import Hello, Join, SetAway, SetPolicy, SetTopic
from relaychat.model.events import Fault, Goodbye
from relaychat.model.policy import PolicyChange
from relaychat.testing.conformance import check_dialect
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import RelayTestCase


class FingerTests(RelayTestCase):
    """Whole connections: one line in, some lines out."""

    def setUp(self) -> None:
        """Somebody in two rooms, somebody in one of them."""
        super().setUp()
        self.ann, self.ann_wire = self.connect("ann", "#ops", "#tea")
        self.bob, _ = self.connect("bob", "#tea")
        self.ann.say(SetTopic("#tea", "two \x1b[2Jlumps"))
        self.bob.say(SetAway("at\x07lunch"))

    def ask(self, query: bytes) -> MemoryLink:
        """A connection that said this."""
        peer, wire = self.open(Finger)
        peer.dataReceived(query)
        return wire

    def answer(self, query: bytes) -> str:
        """What is said to it, once the relay has hung up."""
        wire = self.ask(query)
        self.assertTrue(wire.closed)
        return wire.value().decode()

    def test_everybody(self) -> None:
        """An empty line asks for the rooms and who is in them."""
        self.assertEqual(
            self.answer(b"\r\n"),
            "Open rooms on relay.test: 2\r\n"
            "\r\n#ops\r\n  ann\r\n"
            "\r\n#tea  two ?[2Jlumps\r\n  ann bob*\r\n",
        )

    def test_offline(self) -> None:
        """Whoever is a member, but not here, is not shown as if they were."""
        self.relay.stays = True
        self.relay.account("eve")
        eve, _ = self.open()
        eve.say(Hello("eve", "pw"), Join("#tea"))
        self.assertIn("ann bob* eve\r\n", self.answer(b"\r\n"))
        eve.connectionLost()
        self.assertNotIn("eve", self.answer(b"\r\n"))
        self.assertEqual(
            self.answer(b"eve\r\n"),
            "Nick: eve                             Account: eve\r\n"
            "Not here\r\nRooms: #tea\r\n",
        )

    def test_somebody(self) -> None:
        """A nick asks for one; ``/W`` is nothing special."""
        self.world.advance(180)
        told = (
            "Nick: bob                             Account: (a guest)\r\n"
            "Here, idle for 3 min; away: at?lunch\r\n"
            "Rooms: #tea\r\n"
        )
        self.assertEqual(self.answer(b"bob\r\n"), told)
        self.assertEqual(self.answer(b"/W bob\r\n"), told)

    def test_nobody(self) -> None:
        """Who is not there is said to be so, whatever it is."""
        for query in (b"zoe\r\n", b"a b\r\n", b"\xff\r\n", b"/x\r\n"):
            self.assertEqual(self.answer(query), "nobody here has this name\r\n")

    def test_no_forwarding(self) -> None:
        """Other hosts are not asked (RFC 1288, 3.2.1)."""
        self.assertEqual(
            self.answer(b"ann@elsewhere\r\n"), "Finger forwarding service denied\r\n"
        )

    def test_secret_rooms(self) -> None:
        """A secret room is in no answer."""
        self.ann.say(SetPolicy("#ops", PolicyChange(secret=True)))
        self.assertNotIn("#ops", self.answer(b"\r\n") + self.answer(b"ann\r\n"))

    def test_direct_rooms(self) -> None:
        """Who talks to whom is nobody's business."""
        self.ann.dataReceived(b'{"type":"send","room":"@bob","text":"psst"}\n')
        self.assertNotIn("@", self.answer(b"\r\n") + self.answer(b"ann\r\n"))

    def test_leaves_no_trace(self) -> None:
        """Nobody in the rooms hears of a question, and the guest is gone."""
        self.ann_wire.clear()
        self.answer(b"\r\n")
        self.assertEqual(self.ann_wire.value(), b"")
        users = self.relay.hub.state.users.values()
        self.assertEqual(sorted(one.nick for one in users), ["ann", "bob"])

    def test_one_question(self) -> None:
        """A connection has one answer, whatever else it says."""
        told = self.answer(b"\r\nann\r\nbob\r\n")
        self.assertNotIn("Nick", told)

    def test_limits(self) -> None:
        """Of many rooms only the first are shown, and of a long list of names the lines
        stay short."""
        for number in range(ROOMS + 1):
            self.bob.say(Join(f"#r{number:02}"))
        for number in range(30):
            self.connect(f"somebody-{number}", "#tea")
        lines = self.answer(b"\r\n").split("\r\n")
        self.assertEqual(lines[0], "Open rooms on relay.test: the first 20")
        self.assertEqual(len([line for line in lines if line.startswith("#")]), 20)
        self.assertLessEqual(max(map(len, lines)), 78)

    def test_too_long(self) -> None:
        """A line without end is no question."""
        wire = self.ask(b"x" * 513 + b"\r\n")
        self.assertEqual(wire.value(), b"a line has at most 512 bytes\r\n")
        self.assertTrue(wire.closed)

    def test_closed_meanwhile(self) -> None:
        """A room that closes before its turn is left out."""
        peer, _ = self.open(Finger)
        gone = Fault("no_such_room", "there is no such room", command="members")
        self.assertEqual(peer.session.tell(gone), b"")

    def test_refusal(self) -> None:
        """Who is not let in is told why, by the form alone."""
        told = Finger.form().encode(Goodbye("too_many", "come back later"))
        self.assertEqual(told, b"come back later\r\n")

    def test_conforms(self) -> None:
        """It does what every dialect does."""
        check_dialect(Finger)

    def test_is_announced(self) -> None:
        """The plugin carries the protocol's name."""
        self.assertEqual((finger.name, finger.found), ("finger", Finger))
