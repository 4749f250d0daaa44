"""Where the relay of a domain is: SRV and TXT records."""

from __future__ import annotations

import random
from collections import Counter

from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from relaychat.net.records import A, Record, Srv, Txt
from relaychat.net.service import (
    TARGETS,
    NotOffered,
    Target,
    fingerprints_of,
    has_domain,
    in_order,
    published,
    targets_of,
)
from tests.net.test_names import NamesCase

SRV = "_relaychat._tcp.tea.test"


def srv(priority: int, weight: int, host: str) -> Srv:
    return Srv(SRV, 300, priority, weight, 7601, host)


class OrderTests(SynchronousTestCase):
    """In which order targets are tried (RFC 2782)."""

    def test_priority(self) -> None:
        """A lower number comes first, whatever the weights."""
        found = in_order([srv(20, 9, "c"), srv(5, 0, "a"), srv(10, 9, "b")], lambda: 0)
        self.assertEqual([one.host for one in found], ["a", "b", "c"])

    def test_weight(self) -> None:
        """Of equals, one is first as often as its weight says, and all of them come."""
        chance = random.Random(5)
        records = [srv(1, 60, "a"), srv(1, 30, "b"), srv(1, 10, "c"), srv(1, 0, "d")]
        first: Counter[str] = Counter()
        for _ in range(10_000):
            found = in_order(records, chance.random)
            self.assertEqual({one.host for one in found}, set("abcd"))
            first[found[0].host] += 1
        for host, share in (("a", 0.6), ("b", 0.3), ("c", 0.1)):
            self.assertLess(abs(first[host] / 10_000 - share), 0.02)
        self.assertGreater(first["d"], 0)

    def test_no_weights(self) -> None:
        """Where all weigh nothing, all of them come."""
        found = in_order([srv(1, 0, host) for host in "abc"], lambda: 0.5)
        self.assertEqual({one.host for one in found}, set("abc"))
        self.assertEqual(in_order([], lambda: 0.5), [])


class DomainTests(SynchronousTestCase):
    def test_who_is_asked_for(self) -> None:
        """Addresses, hosts of this machine and network, and short names are not."""
        for host in ("tea.test", "Tea.Test.", "chat.example.org", "localhost.example"):
            self.assertTrue(has_domain(host), host)
        for host in ("127.0.0.1", "::1", "fe80::1%lo", "localhost", "a.localhost",
                     "printer.local", "Printer.LOCAL.", "relay"):  # fmt: skip
            self.assertFalse(has_domain(host), host)

    def test_fingerprints(self) -> None:
        """They are texts of a certain form; there may be several."""
        records: list[Record] = [
            Txt(SRV, 300, ("v=1", "fingerprint=AB:CD")),
            Txt(SRV, 300, ("Fingerprint= 12 ", "a fingerprint=no")),
            A(SRV, 300, "192.0.2.1"),
        ]
        self.assertEqual(published(records), ["AB:CD", "12"])


class TargetTests(NamesCase):
    """What a domain's records say."""

    def put(self, *records: tuple[int, str]) -> None:
        """Publish SRV records."""
        self.server.put(SRV, *(dns.Record_SRV(p, 1, 7601, host) for p, host in records))

    async def targets(self) -> list[Target]:
        return await targets_of(self.names, "tea.test", lambda: 0.5)

    async def test_targets(self) -> None:
        """They come in their order, and no more of them than one should try."""
        self.put(*((n, f"r{n}.test") for n in range(TARGETS + 3, 0, -1)))
        found = await self.targets()
        self.assertEqual(found[0], Target("r1.test", 7601))
        self.assertEqual(len(found), TARGETS)

    async def test_none(self) -> None:
        """A domain without the record has no targets, with or without the name."""
        self.assertEqual(await self.targets(), [])
        self.server.answers[SRV, dns.SRV] = []
        self.assertEqual(await self.targets(), [])

    async def test_not_offered(self) -> None:
        """The root says that there is none; beside others it says nothing."""
        self.put((0, ""))
        try:
            await self.targets()
        except NotOffered as said:
            self.assertIn("tea.test says that it has no relay", str(said))
        else:
            self.fail("it is not offered")
        self.put((0, ""), (1, "r1.test"))
        self.assertEqual(await self.targets(), [Target("r1.test", 7601)])

    async def test_fingerprints(self) -> None:
        """They are in the TXT record of the service; none is none."""
        self.assertEqual(await fingerprints_of(self.names, "tea.test"), [])
        self.server.put(SRV, dns.Record_TXT(b"fingerprint=AB"))
        self.assertEqual(await fingerprints_of(self.names, "tea.test"), ["AB"])
