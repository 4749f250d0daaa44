"""One peer from hello to goodbye: order, bounds, states, the end."""

from __future__ import annotations

from typing import get_args

import msgspec
from twisted.internet.defer import Deferred

from relaychat.model import accounts, commands
from relaychat.model.admission import Admission
from relaychat.model.commands import Hello, Say
from relaychat.model.errors import LoginFailed, ShuttingDown
from relaychat.session.limits import Limits, Rate
from relaychat.session.session import Session
from relaychat.session.states import LEGAL, State
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import RelayTestCase, Speaker

HELLO = b'{"type":"hello","nick":"ann"}\n'
SAY = b'{"type":"send","room":"#tea","text":"x","id":%d}\n'


def kinds(wire: MemoryLink) -> list[str]:
    """What the peer was told, in a word each; of errors their codes."""
    words = [msgspec.json.decode(line) for line in wire.value().splitlines()]
    return [word["code"] if word["type"] == "error" else word["type"] for word in words]


def ids(wire: MemoryLink) -> list[int]:
    """The ids of the answers, in order."""
    words = [msgspec.json.decode(line) for line in wire.value().splitlines()]
    return [word["id"] for word in words if "id" in word]


class OrderTests(RelayTestCase):
    """Answers keep the order of what was asked, whoever gives them."""

    def test_local_answers_wait(self) -> None:
        """An answer that needs no hub stays behind one whose commit takes its time."""
        ann, wire = self.connect("ann", "#tea")
        self.relay.store.hold()
        ann.dataReceived(SAY % 1 + b'{"type":"ping","token":"p","id":2}\nwhat\n')
        self.assertEqual(wire.value(), b"")
        self.relay.store.release()
        self.relay.run()
        self.assertEqual(kinds(wire), ["said", "ok", "pong", "bad_syntax"])

    def test_query_holds_what_follows(self) -> None:
        """Nothing overtakes a query whose answer is read from the log."""
        ann, wire = self.connect("ann", "#tea")
        for number in range(300):
            ann.say(Say("#tea", str(number)))
        wire.clear()
        self.relay.store.hold(reads=True)
        ann.dataReceived(
            b'{"type":"history","room":"#tea","after":1,"limit":2,"id":1}\n'
            b'{"type":"ping","id":2}\n{"type":"rooms","id":3}\nwhat\n'
        )
        self.assertEqual(wire.value(), b"")
        self.assertTrue(wire.paused)
        self.relay.store.release()
        self.relay.run()
        self.assertEqual(kinds(wire), ["history", "pong", "rooms", "bad_syntax"])
        self.assertFalse(wire.paused)

    def test_answer_behind_a_late_one(self) -> None:
        """A frame that comes while a query's answer is being delivered is answered
        behind it."""
        ann, wire = self.connect("ann", "#tea")
        for number in range(300):
            ann.say(Say("#tea", str(number)))
        wire.clear()
        self.relay.store.hold(reads=True)
        ann.dataReceived(b'{"type":"history","room":"#tea","after":1,"id":1}\n')
        self.relay.store.release()
        self.relay.run()
        ann.dataReceived(b'{"type":"ping","id":2}\n')
        self.assertEqual(ids(wire), [1, 2])

    def test_byte_by_byte(self) -> None:
        """It makes no difference in what pieces bytes come."""
        ann, wire = self.open()
        stream = HELLO + b'{"type":"join","room":"#tea"}\r\n' + SAY % 1 + b"\n \n"
        for byte in stream:
            ann.dataReceived(bytes([byte]))
        self.assertEqual(kinds(wire), ["welcome", "joined", "room", "said", "ok"])


class LoginTests(RelayTestCase):
    """Hello, and what waits behind it."""

    def setUp(self) -> None:
        """Logins take their time."""
        super().setUp()
        self.logins: list[Deferred[Admission]] = []
        self.cancelled: list[Deferred[Admission]] = []
        self.patch(self.relay, "admit", self.admit)

    def admit(self, hello: Hello, session: Session) -> Deferred[Admission]:
        """A login that is decided by the test."""
        self.logins.append(Deferred(self.cancelled.append))
        return self.logins[-1]

    def test_input_waits(self) -> None:
        """What was sent behind hello is taken once it was welcomed."""
        ann, wire = self.open()
        ann.dataReceived(HELLO + b'{"type":"join","room":"#tea"}\n' + SAY % 1)
        self.assertTrue(wire.paused)
        ann.say(Say("#tea", "x"))
        self.assertEqual(wire.value(), b"")
        self.logins[0].callback(Admission())
        self.relay.run()
        self.assertEqual(
            kinds(wire), ["welcome", "joined", "room", "said", "ok", "said", "ok"]
        )
        self.assertFalse(wire.paused)

    def test_refused(self) -> None:
        """A refused hello may be said again; what came behind it came too early."""
        ann, wire = self.open()
        ann.dataReceived(HELLO + SAY % 1)
        self.logins[0].errback(LoginFailed())
        self.assertEqual(kinds(wire), ["login_failed", "out_of_order"])
        ann.dataReceived(HELLO)
        self.logins[1].callback(Admission())
        self.relay.run()
        self.assertEqual(kinds(wire)[2:], ["welcome"])
        self.assertTrue(ann.session.ready)

    def test_refused_by_the_hub(self) -> None:
        """The same when it is the hub that refuses."""
        self.connect_known("ann")
        ann, wire = self.open()
        ann.dataReceived(HELLO)
        self.logins[1].callback(Admission())
        self.relay.run()
        self.assertEqual(kinds(wire), ["nick_in_use"])
        self.assertEqual(ann.session.state, State.NEW)
        self.assertEqual(ann.session.name, "")

    def connect_known(self, nick: str) -> Speaker:
        """Somebody who is welcome."""
        speaker, _ = self.open()
        speaker.say(Hello(nick))
        self.logins[-1].callback(Admission())
        self.relay.run()
        self.assertEqual(speaker.session.name, nick)
        return speaker

    def test_bug(self) -> None:
        """A login that fails by a bug says so, without a word of it."""
        ann, wire = self.open()
        ann.dataReceived(HELLO)
        self.logins[0].errback(KeyError("secret"))
        self.assertEqual(kinds(wire), ["internal"])
        self.assertNotIn(b"secret", wire.value())
        self.assertIn("Hello failed", self.relay.bugs.pop())

    def test_peer_goes(self) -> None:
        """A login whose peer is gone is cancelled."""
        ann, wire = self.open()
        ann.dataReceived(HELLO)
        ann.connectionLost()
        self.assertEqual(self.cancelled, self.logins)
        self.assertEqual(wire.value(), b"")

    def test_gone_before_the_answer(self) -> None:
        """A session that ends between login and welcome, or refusal, stays ended."""
        known = self.connect_known("ann")
        for nick in (b"ann", b"bob"):
            speaker, _ = self.open()
            speaker.session.receive(HELLO.replace(b"ann", nick))
            self.logins[-1].callback(Admission())
            speaker.connectionLost()
            self.assertEqual(speaker.session.state, State.CLOSED)
        known.connectionLost()
        self.assertIsNone(self.world.next_us())

    def test_nothing_but_hello(self) -> None:
        """Before hello everything else is out of order, but for what keeps a
        connection; hello itself is, later."""
        ann, wire = self.open()
        ann.dataReceived(SAY % 1 + b'{"type":"ping"}\n{"type":"pong"}\n')
        self.assertEqual(kinds(wire), ["out_of_order", "pong"])
        ann.dataReceived(HELLO)
        self.logins[0].callback(Admission())
        self.relay.run()
        wire.clear()
        ann.dataReceived(HELLO + b'{"type":"claim","nick":"bob"}\n')
        self.assertEqual(kinds(wire), ["out_of_order", "out_of_order"])


class StateTests(RelayTestCase):
    """The table of states."""

    def test_table_is_whole(self) -> None:
        """Every state has a row; whatever can be asked is legal in some state."""
        self.assertEqual(set(LEGAL), set(State))
        legal = set().union(*LEGAL.values())
        asked = {*get_args(commands.AnyCommand), *get_args(accounts.AnyErrand)}
        self.assertEqual(legal, asked)

    def test_bye(self) -> None:
        """Bye is answered behind all that was asked, ends the session, and what comes
        after it is not heard."""
        ann, wire = self.connect("ann", "#tea")
        ann.dataReceived(SAY % 1 + b'{"type":"bye","id":2}\n' + SAY % 3)
        self.assertEqual(kinds(wire), ["said", "ok", "bye"])
        self.assertTrue(wire.closed)
        ann.dataReceived(SAY % 4)
        ann.connectionLost()
        self.assertEqual(kinds(wire), ["said", "ok", "bye"])

    def test_bye_before_hello(self) -> None:
        """Who has not come in may leave as well."""
        ann, wire = self.open()
        ann.dataReceived(b'{"type":"bye"}\n')
        self.assertEqual(kinds(wire), ["bye"])
        self.assertTrue(wire.closed)

    def test_server_stops(self) -> None:
        """The hub's goodbye is the last that is said."""
        ann, wire = self.connect("ann")
        self.relay.hub.close()
        self.relay.run()
        ann.session.close(ShuttingDown())
        self.assertEqual(
            wire.value(),
            b'{"type":"bye","code":"shutting_down",'
            b'"text":"the relay is shutting down"}\n',
        )
        self.assertTrue(wire.closed)
        ann.session.drained()

    def test_connection_lost(self) -> None:
        """The others hear that a guest is gone, and nothing is left that waits."""
        ann, _ = self.connect("ann", "#tea")
        _, bob_wire = self.connect("bob", "#tea")
        ann.connectionLost("connection reset")
        self.assertIn(b'"reason":"connection reset","cause":"lost"', bob_wire.value())

    def test_broken_stream(self) -> None:
        """A stream without a line end for 16 limits ends with a reason."""
        ann, wire = self.connect("ann")
        for _ in range(17):
            ann.dataReceived(b"x" * 65536)
        self.assertEqual(kinds(wire), ["too_long", "bye"])
        self.assertIn(b"protocol_broken", wire.value())
        self.assertTrue(wire.closed)

    def test_wrong_door(self) -> None:
        """TLS and HTTP are hung up on without a word: a browser can be made to send
        chat behind its request line."""
        for opening in (
            b"\x16\x03\x01\x02\x00",
            b"POST / HTTP/1.1\r\n" + HELLO + SAY % 1,
        ):
            ann, wire = self.open()
            ann.dataReceived(opening)
            self.assertEqual(wire.value(), b"")
            self.assertTrue(wire.closed)
            self.assertEqual(ann.session.state, State.CLOSED)

    def test_not_at_a_door(self) -> None:
        """What begins a later segment opens nothing: only a peer's first bytes tell
        that it speaks TLS."""
        ann, wire = self.open()
        for byte in (b"x", b"\x16", b"\n"):
            ann.dataReceived(byte)
        self.assertFalse(wire.closed)
        self.assertIn(b"bad_syntax", wire.value())


class FlightTests(RelayTestCase):
    """How much a session may have in the hub."""

    def test_commands(self) -> None:
        """At most so many commands: past them it is not read until they are answered,
        and nothing is lost."""
        ann, wire = self.connect("ann", "#tea")
        self.relay.store.hold()
        ann.dataReceived(b"".join([SAY % number for number in range(1000)]))
        self.assertTrue(wire.paused)
        while self.relay.store.waiting:
            self.assertLessEqual(len(self.relay.store.waiting[0].batch.rows), 256)
            self.relay.store.release(1)
            self.relay.run()
        self.assertEqual(ids(wire), list(range(1000)))
        self.assertFalse(wire.paused)

    def test_bytes(self) -> None:
        """At most so many bytes."""
        ann, wire = self.connect("ann", "#tea")
        self.relay.store.hold()
        long = b'{"type":"send","room":"#tea","text":"%s"}\n' % (b"x" * 30_000)
        ann.dataReceived(long * 20)
        self.assertTrue(wire.paused)
        self.relay.store.release()
        self.relay.run()
        self.assertEqual(kinds(wire).count("ok"), 20)
        self.assertFalse(wire.paused)

    def test_slow_reader_is_not_read(self) -> None:
        """Who does not read its answers is not asked for more questions."""
        ann, wire = self.connect("ann", "#tea")
        wire.hold()
        long = b'{"type":"send","room":"#tea","text":"%s"}\n' % (b"x" * 30_000)
        for _ in range(20):
            ann.dataReceived(long)
        self.assertTrue(wire.paused)
        wire.release()
        self.relay.run()
        while wire.full:
            self.relay.run()
        self.assertEqual(kinds(wire).count("ok"), 20)
        self.assertFalse(wire.paused)


class PaceTests(RelayTestCase):
    """How fast a peer from elsewhere is read."""

    limits = Limits(
        guest_rate=Rate(per_s=1, burst=4), account_rate=Rate(per_s=0, burst=1)
    )

    def test_guest(self) -> None:
        """A guest's burst is taken at once, the rest in time; none is lost."""
        ann, wire = self.open(exempt=False)
        ann.dataReceived(HELLO + b'{"type":"join","room":"#tea"}\n')
        ann.dataReceived(b"".join([SAY % number for number in range(4)]))
        self.assertEqual(ids(wire), [0, 1])
        self.assertTrue(wire.paused)
        self.world.advance(1.1)
        self.assertEqual(ids(wire), [0, 1, 2])
        self.world.advance(1.1)
        self.assertEqual(ids(wire), [0, 1, 2, 3])
        self.assertFalse(wire.paused)

    def test_account(self) -> None:
        """An account has a rate of its own; 0 is none."""
        self.relay.account("Ann", "pw")
        ann, wire = self.open(exempt=False)
        ann.dataReceived(b'{"type":"hello","nick":"ann","password":"pw"}\n')
        ann.dataReceived(b'{"type":"join","room":"#tea"}\n')
        ann.dataReceived(b"".join([SAY % number for number in range(50)]))
        self.assertEqual(ids(wire), list(range(50)))
        self.assertEqual(ann.session.account, "Ann")

    def test_gone_meanwhile(self) -> None:
        """A peer that goes while it waits leaves nothing behind."""
        ann, _ = self.open(exempt=False)
        ann.dataReceived(b"x\n" * 9)
        ann.connectionLost()
        self.world.advance(100)
        self.assertIsNone(self.world.next_us())


class HeartbeatTests(RelayTestCase):
    """Whether the peer is still there."""

    def test_no_hello(self) -> None:
        """Who says no hello in time is told so and hung up on."""
        _, wire = self.open(exempt=False)
        self.world.advance(9.9)
        self.assertFalse(wire.closed)
        self.world.advance(0.1)
        self.assertIn(b'"code":"timed_out","text":"no hello in time"', wire.value())
        self.assertTrue(wire.closed)

    def test_slow_login(self) -> None:
        """A login that waits for its turn is not cut; a refused one is, in time."""
        logins: list[Deferred[Admission]] = [Deferred()]
        self.patch(self.relay, "admit", lambda hello, session: logins[0])
        ann, wire = self.open(exempt=False)
        ann.dataReceived(HELLO)
        self.world.advance(25)
        self.assertFalse(wire.closed)
        logins[0].errback(LoginFailed())
        self.world.advance(5)
        self.assertEqual(kinds(wire), ["login_failed", "bye"])

    def test_dead_connection(self) -> None:
        """A silent peer is asked after 15 s, and given up 15 s later."""
        _, wire = self.connect("ann", exempt=False)
        self.world.advance(14.9)
        self.assertEqual(wire.value(), b"")
        self.world.advance(0.1)
        self.assertEqual(kinds(wire), ["ping"])
        self.world.advance(15)
        self.assertEqual(kinds(wire), ["ping", "bye"])
        self.assertTrue(wire.closed)

    def test_signs_of_life(self) -> None:
        """Any line is one, and no ping is sent to somebody who talks."""
        ann, wire = self.connect("ann", exempt=False)
        for _ in range(10):
            self.world.advance(14)
            ann.dataReceived(b"\n")
        self.assertEqual(wire.value(), b"")
        self.world.advance(16)
        ann.dataReceived(b'{"type":"pong","token":"x"}\n')
        self.world.advance(14.9)
        self.assertEqual(kinds(wire), ["ping"])
        self.world.advance(0.2)
        self.assertEqual(kinds(wire), ["ping", "ping"])

    def person(self) -> tuple[Speaker, MemoryLink]:
        """Somebody at a terminal on this machine."""
        return self.connect("ann")

    def test_person_at_a_terminal(self) -> None:
        """On this machine a person may be silent for as long as they like."""
        ann, wire = self.person()
        self.world.advance(3600)
        self.assertEqual(kinds(wire), ["ping"])
        ann.dataReceived(b"\n")
        self.world.advance(3600)
        self.assertEqual(kinds(wire), ["ping", "ping"])
        self.assertFalse(wire.closed)

    def test_program_on_this_machine(self) -> None:
        """Who has answered once, or says what it is, has to answer."""
        ann, wire = self.person()
        self.world.advance(15)
        ann.dataReceived(b'{"type":"pong"}\n')
        self.world.advance(30)
        self.assertTrue(wire.closed)
        bot, wire = self.open()
        bot.dataReceived(b'{"type":"hello","nick":"bot","client":"bot/1"}\n')
        self.world.advance(30)
        self.assertTrue(wire.closed)

    def test_silence_of_our_making(self) -> None:
        """Who is not read because much is in the hub is not taken for dead."""
        ann, wire = self.connect("ann", "#tea", exempt=False)
        self.relay.store.hold(reads=True)
        ann.dataReceived((SAY % 1) * 10)
        ann.dataReceived(b'{"type":"rooms"}\n' * 2)
        self.assertTrue(wire.paused)
        self.world.advance(100)
        self.assertEqual(wire.value(), b"")
        self.relay.store.release()
        self.relay.run()
        self.assertEqual(kinds(wire).count("ok"), 10)

    def test_full_link_is_not_pinged(self) -> None:
        """A peer that does not read is not sent pings on top."""
        ann, wire = self.connect("ann", "#tea", exempt=False)
        bob, _ = self.connect("bob", "#tea")
        wire.clear()
        wire.hold()
        for _ in range(5):
            bob.say(Say("#tea", "x" * 30_000))
        self.assertTrue(wire.full)
        self.world.advance(15)
        wire.release()
        self.relay.run()
        self.assertNotIn("ping", kinds(wire))
        self.assertFalse(ann.session.link.full)
