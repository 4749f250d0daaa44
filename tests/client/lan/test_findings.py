"""What a search has found: one entry a relay, the best door, the best first."""

from __future__ import annotations

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.lan.findings import MOST, MOST_DOORS, Findings, Found, best_first
from relaychat.net.dial import place_of
from relaychat.wire.discovery import Answer, Door, Load, Room

PIN = "ab" * 32
TLS = Door("native", "192.168.1.5", 7601, True, PIN)
PLAIN = Door("native", "192.168.1.5", 7600)
HERE = Door("native", "127.0.0.1", 7600)
LINK = Door("native", "fe80::5", 7601, True, PIN)
IRC = Door("irc", "192.168.1.5", 6697, True, PIN)
INSTANCE = "0123456789abcdef"


def said(*doors: Door, instance: str = INSTANCE, load: Load = Load(1, 10, 5)) -> Answer:  # noqa: B008
    return Answer(name="tea", instance=instance, at=5_000, doors=doors, load=load)


class FindingsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.told: list[Found] = []
        self.findings = Findings(self.told.append)

    def test_one_relay_by_several_ways(self) -> None:
        """However it is heard, a relay is one entry, told once; its best latency
        counts, and all of its doors."""
        self.findings.heard(said(TLS, IRC), "eth0", 0.004, 5_000)
        self.findings.heard(said(HERE, TLS), "lo", 0.002, 5_000, here=True)
        self.findings.heard(said(TLS), "eth1", 0.009, 5_000)
        (one,) = self.findings.all()
        self.assertEqual(self.told, [one])
        self.assertEqual(one.ways, "eth0, lo, eth1")
        self.assertEqual(one.latency_s, 0.002)
        self.assertEqual(len(one.doors), 3)

    def test_two_of_one_name(self) -> None:
        """Relays that are called alike are told apart."""
        self.findings.heard(said(TLS), "eth0", 0.1, 0)
        self.findings.heard(said(TLS, instance="f" * 16), "eth0", 0.1, 0)
        self.assertEqual(len(self.findings), 2)

    def test_the_latest_load_counts(self) -> None:
        """An answer is newer than the one before it."""
        self.findings.heard(said(load=Load(1, 10)), "eth0", 0.1, 0)
        answer = replace(said(load=Load(9, 10)), rooms=(Room("#tea", 2),), more=3)
        self.findings.heard(answer, "eth0", 0.2, 0)
        (one,) = self.findings.all()
        assert one.load is not None
        self.assertEqual((one.load.sessions, one.rooms, one.more), (9, answer.rooms, 3))

    def test_clock(self) -> None:
        """The skew of its clock takes half of the way into account."""
        self.findings.heard(said(), "eth0", 0.2, 5_200)
        self.assertEqual(self.told[0].skew_ms, -100)

    def test_announced_only(self) -> None:
        """One that was heard by mDNS alone has no load; then asked, it has."""
        self.findings.announced("tea", INSTANCE, [("192.168.1.5", TLS)], "mdns")
        (one,) = self.findings.all()
        self.assertEqual((one.load, one.free), (None, 0.0))
        self.assertEqual(one.server, "tls:192.168.1.5:7601")
        self.findings.heard(said(TLS), "eth0", 0.1, 0)
        self.assertEqual((one.ways, one.free), ("mdns, eth0", 0.9))

    def test_bounded(self) -> None:
        """Forgers fill no memory: so many relays, so many doors each."""
        for number in range(2 * MOST):
            self.findings.heard(said(instance=f"{number:016x}"), "eth0", 0.1, 0)
        self.findings.announced("coffee", INSTANCE, [], "mdns")
        self.assertEqual((len(self.findings), len(self.told)), (MOST, MOST))
        for port in range(1, 100):
            door = Door("native", "192.168.1.5", port)
            self.findings.heard(said(door, instance="0" * 16), "eth0", 0.1, 0)
        self.assertEqual(len(self.findings.all()[0].doors), MOST_DOORS)

    def test_who_comes_first(self) -> None:
        """A later answer does not put another fingerprint on a door."""
        self.findings.heard(said(TLS), "eth0", 0.1, 0)
        forged = replace(TLS, fingerprint="cd" * 32)
        self.findings.heard(said(forged), "eth0", 0.1, 0)
        self.assertEqual(self.told[0].fingerprint, ":".join(["AB"] * 32))


class ServerTests(SynchronousTestCase):
    """The address for ``--server``."""

    def server(self, *doors: Door, scope: str = "eth0", here: bool = False) -> str:
        findings = Findings(lambda found: None)
        findings.heard(said(*doors), "eth0", 0.1, 0, scope, here)
        return findings.all()[0].server

    def test_best_door(self) -> None:
        """On this machine a plain one; elsewhere TLS, an address without a scope
        first; and only native ones."""
        self.assertEqual(self.server(TLS, HERE, here=True), "tcp:127.0.0.1:7600")
        self.assertEqual(self.server(PLAIN, LINK, TLS), "tls:192.168.1.5:7601")
        self.assertEqual(self.server(PLAIN, LINK), "tls:[fe80::5%eth0]:7601")
        self.assertEqual(self.server(PLAIN), "tcp:192.168.1.5:7600")
        self.assertEqual(self.server(IRC), "")

    def test_somebody_elses_loopback(self) -> None:
        """Who answers from elsewhere, or announces itself, leads nobody to a port of
        this machine."""
        self.assertEqual(self.server(TLS, HERE), "tls:192.168.1.5:7601")
        self.assertEqual(self.server(HERE, Door("native", "::1", 22)), "")
        findings = Findings(lambda found: None)
        findings.announced("tea", INSTANCE, [("127.0.0.1", HERE)], "mdns")
        self.assertEqual(findings.all()[0].server, "")

    def test_scope(self) -> None:
        """A link-local address is dialled by the interface that it was heard by."""
        server = self.server(LINK, scope="eth7")
        self.assertEqual(place_of(server).host, "fe80::5%eth7")
        plain = replace(LINK, tls=False)
        self.assertEqual(self.server(plain), r"tcp:fe80\:\:5%eth0:7601")


def found(name: str, **other: object) -> Found:
    return Found(name, INSTANCE, **other)  # type: ignore[arg-type]


class OrderTests(SynchronousTestCase):
    def names(self, order: str, *all_of_them: Found) -> str:
        return "".join(one.name for one in best_first(all_of_them, order))

    def test_capacity(self) -> None:
        """Free capacity first; where it is about the same latency; then free disk."""
        a = found("a", load=Load(9, 10, 900), latency_s=0.001)
        b = found("b", load=Load(0, 10, 100), latency_s=0.002)
        c = found("c", load=Load(1, 100, 100), latency_s=0.0011)
        d = found("d", load=Load(0, 100, 800), latency_s=0.0012)
        e = found("e")
        self.assertEqual(self.names("capacity", e, a, b, c, d), "dcbae")

    def test_others(self) -> None:
        """Or by one thing alone."""
        a = found("a", load=Load(0, 10, 1), latency_s=0.003)
        b = found("b", load=Load(5, 10, 3), latency_s=0.002)
        c = found("c", load=Load(9, 10, 2), latency_s=0.001)
        self.assertEqual(self.names("latency", a, b, c), "cba")
        self.assertEqual(self.names("disk", a, b, c), "bca")
        self.assertEqual(self.names("name", c, b, a), "abc")

    def test_free(self) -> None:
        """Without a limit all is free; over the limit nothing."""
        self.assertEqual(found("a", load=Load(5, 0)).free, 1.0)
        self.assertEqual(found("a", load=Load(15, 10)).free, 0.0)
