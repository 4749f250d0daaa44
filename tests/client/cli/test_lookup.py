"""The command ``relaychat lookup``, at a name server of the test's."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.names import dns

from relaychat.client.cli.lookup import lookup_job
from relaychat.client.cli.run import REFUSED, UNREACHABLE, USAGE, Trouble
from relaychat.net import names
from tests.client.cli.test_pinning import Output
from tests.net.test_names import NamesCase

SERVICE = "_relaychat._tcp.tea.test"


class LookupTests(NamesCase):
    """What is asked, and how it is told."""

    async def look(
        self,
        name: str,
        kind: str | None = None,
        as_json: bool = False,
        server: str = "",
    ) -> list[str]:
        """Look something up: the lines of the answer. ``notes`` is what is said beside
        it."""
        out, notes = Output(), io.StringIO()
        self.patch(sys, "stdout", out)
        self.patch(sys, "stderr", notes)
        server = server or f"127.0.0.1:{self.server.port}"
        await lookup_job(name, kind, server, as_json)(self.reactor)
        self.notes = notes.getvalue()
        return out.text().splitlines()

    async def trouble(self, *asked: Any, **more: Any) -> tuple[int, str]:
        """The exit code and the words of a look-up that fails."""
        try:
            await self.look(*asked, **more)
        except Trouble as failed:
            return failed.code, str(failed)
        raise AssertionError("it did not fail")

    async def test_domain(self) -> None:
        """Without a type: addresses, where the relay is, and how one goes there."""
        self.server.put("tea.test", dns.Record_A("192.0.2.1"))
        self.server.put(
            SERVICE,
            dns.Record_SRV(20, 0, 7601, "b.test"),
            dns.Record_SRV(10, 0, 7602, "a.test"),
        )
        self.assertEqual(
            await self.look("tea.test"),
            [
                "tea.test                     300  A      192.0.2.1",
                f"{SERVICE}     300  SRV    20 0 7601 b.test",
                f"{SERVICE}     300  SRV    10 0 7602 a.test",
            ],
        )
        self.assertEqual(
            self.notes,
            "relaychat: --server tea.test goes to a.test:7602, then b.test:7601\n",
        )
        kinds = [kind for name, kind in self.server.asked if name == SERVICE]
        self.assertEqual(sorted(kinds), sorted([dns.SRV, dns.TXT]))

    async def test_no_relay(self) -> None:
        """A domain that says that it has none is told so."""
        self.server.put(SERVICE, dns.Record_SRV(0, 0, 0, ""))
        await self.look("tea.test")
        self.assertIn("tea.test says that it has no relay", self.notes)

    async def test_address(self) -> None:
        """Of an address the name behind it, and whether that leads back."""
        self.server.put("1.2.0.192.in-addr.arpa", dns.Record_PTR("tea.test"))
        (line,) = await self.look("192.0.2.1")
        self.assertIn("tea.test  (BUT NOT BACK)", line)
        self.server.put("tea.test", dns.Record_A("192.0.2.1"))
        (line,) = await self.look("192.0.2.1", "PTR")
        self.assertIn("tea.test  (and back)", line)
        back = (
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        )
        self.server.put(back, dns.Record_PTR("tea.test"))
        self.server.put("tea.test", dns.Record_AAAA("2001:db8::1"))
        (line,) = await self.look("2001:DB8:0::1", as_json=True)
        self.assertIs(json.loads(line)["confirmed"], True)

    async def test_hostile_texts(self) -> None:
        """What somebody has published does not reach the terminal as it is."""
        text = "a\x1b[2J\x9b\u202eb"
        self.server.put("tea.test", dns.Record_TXT(text.encode()))
        (line,) = await self.look("tea.test", "TXT")
        self.assertTrue(line.endswith('"a[2Jb"'), line)
        (line,) = await self.look("tea.test", "TXT", as_json=True)
        self.assertTrue(line.isprintable())
        self.assertEqual(json.loads(line)["texts"], [text])

    async def test_service(self) -> None:
        """SRV of a domain is that of relays; of a service, as it is written."""
        self.server.put("_ircs._tcp.tea.test", dns.Record_SRV(0, 0, 6697, "a.test"))
        (line,) = await self.look("tea.test", "SRV")
        self.assertEqual(await self.look("_ircs._tcp.tea.test", "SRV"), [line])
        self.server.put("_x._tcp.tea.test", dns.Record_SRV(0, 0, 1, "a.test"))
        self.assertEqual(len(await self.look("_x._tcp.tea.test", "SRV")), 1)

    async def test_any_is_refused(self) -> None:
        """ANY says when a server does not want to answer it, in either way."""
        everything = ("tea.test", dns.ALL_RECORDS)
        minimal = [dns.Record_HINFO(b"RFC8482", b"")]
        for answer in (dns.EREFUSED, dns.ENOTIMP, minimal):
            self.server.answers[everything] = answer
            code, text = await self.trouble("tea.test", "ANY")
            self.assertEqual(code, REFUSED)
            self.assertIn("many don't", text)
        self.server.answers[everything] = [dns.Record_A("192.0.2.1")]
        self.assertEqual(len(await self.look("tea.test", "ANY")), 1)

    async def test_given_up(self) -> None:
        """Ctrl-C ends it, and all of its questions, without a word of theirs."""
        self.patch(names, "TRIES_S", (0.3,))
        self.server.silent = True
        going = Deferred.fromCoroutine(self.look("tea.test"))
        while not self.server.asked:
            await deferLater(self.reactor, 0, lambda: None)
        going.cancel()
        self.failureResultOf(going, CancelledError)
        # Twisted's own timers of the questions that were given up.
        await deferLater(self.reactor, 0.31, lambda: None)

    async def test_trouble(self) -> None:
        """Each failure has its words and its exit code; the gravest one is told."""
        self.assertEqual(
            await self.trouble("tea.test"),
            (REFUSED, "tea.test (A): there is no such name"),
        )
        self.server.answers["tea.test", dns.AAAA] = dns.ESERVER
        code, text = await self.trouble("tea.test")
        self.assertEqual(code, UNREACHABLE)
        self.assertIn("tea.test (AAAA): the name server failed", text)
        self.patch(names, "TRIES_S", (0.01,))
        self.server.silent = True
        code, text = await self.trouble("tea.test", "MX")
        self.assertEqual(code, UNREACHABLE)
        self.assertIn("does not answer", text)
        self.assertEqual((await self.trouble("a..b"))[0], USAGE)
        self.assertEqual((await self.trouble("a", server="nobody"))[0], USAGE)
