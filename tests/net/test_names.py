"""Questions to the DNS, and what comes of them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase, TestCase

from relaychat.net import names
from relaychat.net.names import (
    BadName,
    LookupFailed,
    Names,
    NoSuchName,
    NoSuchRecord,
    Refused,
    ServerFailure,
    TimedOut,
    server_of,
    servers_in,
    wire_name,
)
from relaychat.net.records import A, Aaaa, Cname, Mx, Ns, Other, Ptr, Srv, Txt, record
from tests.net.nameserver import NameServer


class NamesCase(TestCase):
    """A name server of the test's own."""

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.server = self.serve()
        self.names = Names(reactor, [self.server.address])

    def serve(self) -> NameServer:
        """Start one."""
        server = NameServer(self.reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(server.stop()))
        return server

    async def fails(self, kind: type[LookupFailed], *asked: str) -> str:
        """What a question fails with."""
        try:
            found = await self.names.lookup(*asked)
        except LookupFailed as failed:
            self.assertIs(type(failed), kind, failed)
            return str(failed)
        raise AssertionError(f"{found} in place of {kind}")


class RecordTests(NamesCase):
    """Each type comes as a record of its own."""

    async def test_types(self) -> None:
        """What the server says is what one gets."""
        name = "tea.test"
        for kind, payload, found in (
            ("A", dns.Record_A("192.0.2.1"), A(name, 300, "192.0.2.1")),
            ("AAAA", dns.Record_AAAA("2001:db8::1"), Aaaa(name, 300, "2001:db8::1")),
            ("CNAME", dns.Record_CNAME("t.test"), Cname(name, 300, "t.test")),
            ("MX", dns.Record_MX(10, "mx.test"), Mx(name, 300, 10, "mx.test")),
            ("NS", dns.Record_NS("ns.test"), Ns(name, 300, "ns.test")),
            ("PTR", dns.Record_PTR("tea.test"), Ptr(name, 300, "tea.test")),
            ("SRV", dns.Record_SRV(1, 2, 7601, "r.test"),
             Srv(name, 300, 1, 2, 7601, "r.test")),
            ("TXT", dns.Record_TXT(b"a=b", b"\xff"), Txt(name, 300, ("a=b", "\\xff"))),
        ):  # fmt: skip
            self.server.put(name, payload)
            self.assertEqual(await self.names.lookup(name, kind), [found])

    async def test_any(self) -> None:
        """ANY gives whatever the server has; what we don't know, too."""
        self.server.answers["tea.test", dns.ALL_RECORDS] = [
            dns.Record_A("192.0.2.1"),
            dns.Record_HINFO(b"RFC8482", b""),
        ]
        found = await self.names.lookup("tea.test", "ANY")
        self.assertEqual([one.kind for one in found], ["A", "HINFO"])
        self.assertEqual(found[1], Other("tea.test", 300, dns.HINFO, '"RFC8482" ""'))

    async def test_root(self) -> None:
        """A service that is not offered names the root."""
        self.server.put("_x._tcp.tea.test", dns.Record_SRV(0, 0, 0, ""))
        (found,) = await self.names.lookup("_x._tcp.tea.test", "SRV")
        assert isinstance(found, Srv)
        self.assertFalse(found.is_offered)

    async def test_harmless(self) -> None:
        """No name moves a terminal's cursor, or breaks a line."""
        self.server.put("tea.test", dns.Record_PTR(b"\x1b[2J\nx y.test"))
        (found,) = await self.names.lookup("tea.test", "PTR")
        self.assertEqual(found.data, r"\027[2J\010x\032y.test")

    def test_any_bytes(self) -> None:
        """Whatever Twisted's parser takes for an answer becomes records."""
        message, chance = dns.Message(7, answer=1), random.Random(7)
        payloads = [dns.Record_SRV(1, 2, 7601, b"a.test"), dns.Record_TXT(b"x" * 30),
                    dns.Record_MX(1, b"m"), dns.Record_HINFO(b"a", b"b"),
                    dns.Record_AAAA("::1"), dns.Record_SOA(b"a", b"b")]  # fmt: skip
        message.answers = [
            dns.RRHeader(b"t.test", one.TYPE, payload=one) for one in payloads
        ]
        good, taken = message.toStr(), 0
        for _ in range(3000):
            raw = bytearray(good)
            for _ in range(chance.randrange(1, 8)):
                raw[chance.randrange(len(raw))] = chance.choice((0, 1, 0xC0, 0xFF))
            parsed = dns.Message()
            try:
                parsed.fromStr(bytes(raw))
            except (EOFError, ValueError):
                continue
            for header in parsed.answers:
                self.assertTrue(record(header).kind.isprintable())
                self.assertIsInstance(record(header).data, str)
                taken += 1
        self.assertGreater(taken, 1000)

    async def test_aliases(self) -> None:
        """An alias is followed where the server does not do so."""
        self.server.answers["tea.test", dns.A] = [dns.Record_CNAME("cup.test")]
        self.server.put("cup.test", dns.Record_A("192.0.2.1"))
        found = await self.names.lookup("tea.test", "A")
        self.assertEqual([one.data for one in found], ["cup.test", "192.0.2.1"])

    async def test_circle(self) -> None:
        """Aliases that lead nowhere end."""
        self.server.answers["a.test", dns.A] = [dns.Record_CNAME("b.test")]
        self.server.answers["b.test", dns.A] = [dns.Record_CNAME("a.test")]
        text = await self.fails(ServerFailure, "a.test", "A")
        self.assertIn("aliases", text)
        self.assertEqual(len(self.server.asked), names.ALIASES + 1)

    async def test_long(self) -> None:
        """What does not fit into a datagram is fetched by TCP; of more than enough the
        rest is left out."""
        many = [dns.Record_A(f"192.0.{n // 256}.{n % 256}") for n in range(300)]
        self.server.put("tea.test", *many)
        found = await self.names.lookup("tea.test", "A")
        self.assertEqual(len(found), names.RECORDS)
        self.assertEqual(found[255].data, "192.0.0.255")
        self.assertEqual(len(self.server.asked), 2)

    async def test_idna(self) -> None:
        """A name of other letters is asked for in ASCII."""
        self.server.put("xn--bcher-kva.test", dns.Record_A("192.0.2.1"))
        self.assertEqual(len(await self.names.lookup("bücher.test", "A")), 1)


class FailureTests(NamesCase):
    """Each way not to get an answer has its own error, in words."""

    async def test_codes(self) -> None:
        """What the server answers with is told apart."""
        for code, kind, words in (
            (dns.ENAME, NoSuchName, "no such name"),
            (dns.EREFUSED, Refused, "refuses"),
            (dns.ENOTIMP, Refused, "can't answer"),
            (dns.ESERVER, ServerFailure, "SERVFAIL"),
            (dns.EFORMAT, ServerFailure, "rejects"),
            (9, ServerFailure, "error"),
        ):
            self.server.answers["tea.test", dns.A] = code
            self.assertIn(words, await self.fails(kind, "tea.test", "A"))

    async def test_nothing(self) -> None:
        """A name without such a record is none that is missing."""
        self.server.answers["tea.test", dns.MX] = []
        text = await self.fails(NoSuchRecord, "tea.test", "MX")
        self.assertIn("no MX record", text)

    async def test_silence(self) -> None:
        """A silent server is given up."""
        self.patch(names, "TRIES_S", (0.01, 0.02))
        self.server.silent = True
        await self.fails(TimedOut, "tea.test", "A")
        self.assertEqual(len(self.server.asked), 2)

    async def test_in_all(self) -> None:
        """However slow: a question ends."""
        self.patch(names, "LOOKUP_S", 0.05)
        self.patch(names, "TRIES_S", (0.1,))
        self.server.silent = True
        await self.fails(TimedOut, "tea.test", "A")
        later: Deferred[None] = Deferred()
        self.reactor.callLater(0.06, later.callback, None)
        await later  # Twisted's own timer of the question that was given up.

    async def test_next_server(self) -> None:
        """Where one fails or is silent, the next one is asked; a name that is not there
        is an answer."""
        self.patch(names, "TRIES_S", (0.01,))
        dead, failing = self.serve(), self.serve()
        dead.silent = True
        failing.answers["tea.test", dns.A] = dns.ESERVER
        self.server.put("tea.test", dns.Record_A("192.0.2.1"))
        addresses = [one.address for one in (dead, failing, self.server)]
        found = await Names(self.reactor, addresses).lookup("tea.test", "A")
        self.assertEqual(found[0].data, "192.0.2.1")
        self.names = Names(self.reactor, [failing.address, self.server.address])
        await self.fails(NoSuchName, "other.test", "A")
        self.assertEqual(len(self.server.asked), 1)

    async def test_no_tcp(self) -> None:
        """A long answer that can't be fetched is a failure of the server's."""
        self.server.put("t.test", *(dns.Record_A(f"192.0.2.{n}") for n in range(60)))
        await self.server.stop_tcp()
        text = await self.fails(ServerFailure, "t.test", "A")
        self.assertIn("TCP", text)

    async def test_of_the_machine(self) -> None:
        """Without a list of servers, nobody but this machine is asked."""
        self.patch(names, "TRIES_S", (0.01,))
        self.patch(names, "RESOLV_CONF", Path("/nonexistent"))
        self.names = Names(self.reactor)
        await self.fails(TimedOut, "tea.test", "A")

    async def test_bad_names(self) -> None:
        """What can't be a name is not asked for."""
        for bad in ("a..b", "x" * 64, ".".join(["x" * 60] * 5), "\udc80.test"):
            await self.fails(BadName, bad, "A")
        self.assertEqual(self.server.asked, [])
        self.assertEqual(wire_name("."), b"")


class ServerTests(SynchronousTestCase):
    """Which name servers are asked."""

    def test_of_the_machine(self) -> None:
        """Those of resolv.conf, up to three; else this machine's own."""
        text = "# x\nsearch lan\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\n"
        self.assertEqual(servers_in(text), [("192.0.2.1", 53), ("fe80::1%eth0", 53)])
        self.assertEqual(len(servers_in("nameserver 192.0.2.1\n" * 9)), names.SERVERS)
        self.assertEqual(servers_in("nameserver\n"), [("127.0.0.1", 53)])

    def test_given(self) -> None:
        """An address, and a port if it is another."""
        for text, server in (
            ("192.0.2.1", ("192.0.2.1", 53)),
            ("192.0.2.1:5353", ("192.0.2.1", 5353)),
            ("2001:db8::1", ("2001:db8::1", 53)),
            ("[2001:db8::1]:54", ("2001:db8::1", 54)),
            ("[2001:db8::1]", ("2001:db8::1", 53)),
        ):
            self.assertEqual(server_of(text), server)
        for bad in ("", "ns.test", "192.0.2.1:0", "192.0.2.1:99999", "192.0.2.1:x"):
            self.assertRaises(BadName, server_of, bad)
