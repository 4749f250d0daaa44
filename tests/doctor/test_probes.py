"""Probes, at sockets of the test's own on loopback."""

from __future__ import annotations

import errno
import random
import socket
import time
from ipaddress import ip_address

from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from relaychat.doctor import probes
from relaychat.doctor.probes import (
    SERVICE,
    SYSTEM,
    Heard,
    Prober,
    answers_mdns,
    call,
    mdns_query,
    outcome_of,
    run,
)
from relaychat.doctor.report import Outcome
from relaychat.wire.discovery import Answer, Door, answer, read_query
from tests.net.lan import interface

HERE = ip_address("127.0.0.1")
SAID = Answer(
    name="tea", instance="0" * 16, at=0, doors=(Door("native", "10.0.0.2", 1),)
)


class ProbeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.peer.close)
        self.peer.bind((str(HERE), 0))
        self.peer.settimeout(5)
        self.port: int = self.peer.getsockname()[1]

    def test_answered(self) -> None:
        """Who repeats the nonce has answered, and what it said is heard; what somebody
        else sends is nothing."""
        prober = Prober(self.port, HERE)
        probe = prober.one(SYSTEM, HERE, 0)
        probe.start()
        data, source = self.peer.recvfrom(2048)
        nonce = read_query(data)
        assert nonce is not None
        for sent in (b"junk", answer(bytes(16), SAID), answer(nonce, SAID)):
            self.peer.sendto(sent, source)
        run([probe])
        self.assertEqual(probe.outcome, Outcome.OK)
        (heard,) = prober.heard
        self.assertEqual((heard.source, heard.answer), (str(HERE), SAID))

    def test_silent(self) -> None:
        """Who does not answer is asked once more, and the time is kept."""
        self.patch(probes, "AGAIN_S", 0.05)
        probe = Prober(self.port, HERE).one(SYSTEM, HERE, 0)
        begun = time.monotonic()
        probe.within_s = 0.1
        run([probe])
        self.assertEqual(probe.outcome, Outcome.SILENT)
        self.assertLess(time.monotonic() - begun, 3)
        self.assertEqual(self.peer.recv(2048), self.peer.recv(2048))

    def test_refused(self) -> None:
        """Where nobody listens is told, of UDP and of TCP; the rest goes on."""
        self.peer.close()
        with socket.create_server((str(HERE), 0)) as server:
            open_port = server.getsockname()[1]
            tried = [
                Prober(self.port, HERE).one(SYSTEM, HERE, 0),
                call(SYSTEM, HERE, self.port, 0),
                call("lo", HERE, open_port, 0),
            ]
            run(tried)
        self.assertEqual(
            [one.outcome for one in tried],
            [Outcome.REFUSED, Outcome.REFUSED, Outcome.OK],
        )

    def test_no_route(self) -> None:
        """What can't be sent has its outcome without a wait."""
        probe = Prober(1, None).one(SYSTEM, ip_address("fe80::1"), 0)
        run([probe])
        self.assertNotIn(probe.outcome, (Outcome.OK, Outcome.SILENT))

    def test_no_interface(self) -> None:
        """By an interface that is gone nothing is sent, and the rest goes on."""
        ghost = interface("rcghost0", 99, "127.0.0.1/8")
        prober = Prober(1, None)
        self.assertEqual(prober.everybody(ghost), [])
        tried = [prober.one(ghost.name, HERE, 0), call(ghost.name, HERE, 1, 0)]
        run(tried)
        self.assertEqual([one.outcome for one in tried], [Outcome.UNREACHABLE] * 2)

    def test_errors(self) -> None:
        """Errors of sockets are told apart."""
        for number, outcome in (
            (errno.ENETUNREACH, Outcome.NO_ROUTE),
            (errno.EHOSTUNREACH, Outcome.UNREACHABLE),
            (errno.EPERM, Outcome.DENIED),
            (errno.ETIMEDOUT, Outcome.SILENT),
        ):
            self.assertIs(outcome_of(OSError(number, "x")), outcome)

    def test_whose(self) -> None:
        """An answer is from who sent it, and from who has a door at its address."""
        heard = Heard("eth0", "broadcast", "fe80::2%eth0", SAID)
        for text, is_it in (("fe80::2", True), ("10.0.0.2", True), ("10.0.0.3", False)):
            self.assertIs(heard.is_from(ip_address(text)), is_it)


class MdnsTests(SynchronousTestCase):
    def test_question(self) -> None:
        """It asks for our service."""
        message = dns.Message()
        message.fromStr(mdns_query(7))
        self.assertEqual(message.queries[0].name.name, SERVICE)
        self.assertEqual(message.queries[0].type, dns.PTR)

    def test_answer(self) -> None:
        """An instance of our service is an answer; a question or another service is
        none."""
        message = dns.Message(7, answer=1)
        pointer = dns.Record_PTR(b"tea._relaychat._tcp.local")
        message.answers = [dns.RRHeader(SERVICE, dns.PTR, payload=pointer)]
        self.assertTrue(answers_mdns(message.toStr(), ""))
        message.answers = [dns.RRHeader(b"_x._tcp.local", dns.PTR, payload=pointer)]
        self.assertFalse(answers_mdns(message.toStr(), ""))
        self.assertFalse(answers_mdns(mdns_query(7), ""))

    def test_junk(self) -> None:
        """Anything may come from a network."""
        chance = random.Random(7)
        good = mdns_query(7)
        for _ in range(2000):
            junk = bytearray(good)
            for _ in range(chance.randrange(1, 6)):
                junk[chance.randrange(len(junk))] = chance.randrange(256)
            self.assertFalse(answers_mdns(bytes(junk[: chance.randrange(40)]), ""))
            answers_mdns(bytes(junk), "")
