"""What ``relaychat discover`` shows, and what it says of mDNS."""

from __future__ import annotations

import json
import sys
from math import inf
from unittest import mock

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from relaychat.client.cli.run import USAGE, Trouble
from relaychat.client.lan.browse import Browser, announce, on_link
from relaychat.client.lan.findings import Findings, Found
from relaychat.client.lan.quest import Options, Quest, json_of, text_of
from relaychat.wire.discovery import Answer, Door, Load, Room
from tests.net.lan import LAN, LOOPBACK
from tests.net.test_mdns import Reactor

PIN = "ab" * 32
ANSWER = Answer(
    name="tea.example",
    instance="0123456789abcdef",
    at=1_009_000,
    doors=(
        Door("native", "192.168.1.5", 7601, True, PIN),
        Door("irc", "192.168.1.5", 6697, True, PIN),
        Door("irc", "192.168.1.5", 6667),
    ),
    load=Load(3, 16_000, 82_000_000_000),
    rooms=(Room("#tea", 3), Room("#ops", 2)),
    more=4,
)


def heard() -> Found:
    findings = Findings(lambda found: None)
    findings.heard(ANSWER, "eth0", 0.002, 1_000_000)
    return findings.all()[0]


class ShownTests(SynchronousTestCase):
    maxDiff = None

    def test_text(self) -> None:
        """People see how full it is, how to come in, what it claims, its rooms, and
        that its clock is off."""
        self.assertEqual(
            text_of(heard()),
            "tea.example: 3 of 16,000 connections, 2.0 ms, 82.0 GB free, by eth0\n"
            "    relaychat chat --server tls:192.168.1.5:7601\n"
            f"    announces SHA-256 {':'.join(['AB'] * 32)}\n"
            "    irc 192.168.1.5 6697 TLS; irc 192.168.1.5 6667\n"
            "    #tea (3), #ops (2), and 4 more\n"
            "    its clock is 9 s ahead of ours\n",
        )

    def test_announced_only(self) -> None:
        """Of what is only announced no more is claimed to be known."""
        one = Found("tea", "0" * 16, by={"mdns": None})
        self.assertEqual(text_of(one), "tea: by mdns\n")
        shown = json.loads(json_of(one))
        self.assertEqual((shown["latency_ms"], shown["sessions"]), (None, None))
        self.assertEqual(one.latency_s, inf)

    def test_json(self) -> None:
        """Programs get one object a line, with everything."""
        line = json_of(heard())
        self.assertEqual(line.count("\n"), 1)
        shown = json.loads(line)
        self.assertEqual(shown["server"], "tls:192.168.1.5:7601")
        self.assertEqual(shown["skew_ms"], 9001)
        self.assertEqual(shown["doors"][2]["port"], 6667)
        self.assertEqual(shown["rooms"][0], {"room": "#tea", "members": 3})
        self.assertEqual(shown["by"], ["eth0"])


class WantedTests(TestCase):
    async def test_no_such_interface(self) -> None:
        """An interface that is not there is a wrong command line, and those that are
        there are named."""
        from twisted.internet import reactor

        try:
            await Quest(reactor, Options(interfaces=("nowhere0",))).run()
        except Trouble as refused:
            self.assertEqual(refused.code, USAGE)
            self.assertIn("there is no interface nowhere0, but ", str(refused))
        else:
            self.fail("it searched")


class BrowserTests(SynchronousTestCase):
    def test_missing(self) -> None:
        """Without zeroconf a search goes on, and says what it could not do."""
        reactor = Reactor()
        browser = Browser(reactor, Findings(lambda found: None))
        with mock.patch.dict(sys.modules, {"zeroconf": None}):
            begun = Deferred.fromCoroutine(browser.start([LAN]))
            reactor.pool.waiting.pop()()
        self.assertIn("zeroconf is not installed", self.successResultOf(begun))
        self.successResultOf(Deferred.fromCoroutine(browser.stop()))

    def test_stopped_while_opening(self) -> None:
        """A search that is given up while zeroconf begins leaves none open."""
        reactor, zeroconf = Reactor(), mock.Mock()
        browser = Browser(reactor, Findings(lambda found: None))
        with mock.patch.dict(sys.modules, {"zeroconf": zeroconf}):
            begun = Deferred.fromCoroutine(browser.start([LAN]))
            begun.cancel()
            self.successResultOf(Deferred.fromCoroutine(browser.stop()))
            reactor.pool.waiting.pop()()
        self.failureResultOf(begun, CancelledError)
        zeroconf.Zeroconf.return_value.close.assert_called_once_with()
        zeroconf.ServiceBrowser.assert_not_called()

    def test_stopped_while_resolving(self) -> None:
        """What zeroconf says of being closed under a look-up reaches nobody; another
        bug does."""
        browser, closing = Browser(Reactor(), Findings(lambda found: None)), mock.Mock()
        closing.get_service_info.side_effect = AssertionError("not running")
        with self.assertRaises(AssertionError):
            browser._changed(closing, "_irc._tcp.local.", "tea", mock.Mock())
        self.successResultOf(Deferred.fromCoroutine(browser.stop()))
        browser._changed(closing, "_irc._tcp.local.", "tea", mock.Mock())

    def test_on_link(self) -> None:
        """Of a machine's addresses those in our networks count, if there are any."""
        there = ["10.60.0.2", "192.168.1.9", "fe80::9%eth0", "2001:db8::1"]
        self.assertEqual(on_link(there, [LAN]), there[1:3])
        self.assertEqual(on_link(there[:1], [LAN]), there[:1])

    def test_nothing_to_hear_by(self) -> None:
        """On loopback alone nobody is browsed for."""
        browser = Browser(Reactor(), Findings(lambda found: None))
        begun = Deferred.fromCoroutine(browser.start([LOOPBACK]))
        self.assertEqual(self.successResultOf(begun), "")


class AnnouncedTests(SynchronousTestCase):
    """What mDNS brings is checked as strictly as answers are."""

    def announce(self, host: str = "fe80::5%eth0", **other: str) -> list[Found]:
        findings = Findings(lambda found: None)
        text = {"name": "tea", "instance": "0" * 16, "tls": "1", "fingerprint": PIN}
        properties: dict[bytes, bytes | None] = {
            key.encode(): value.encode() for key, value in {**text, **other}.items()
        }
        announce(findings, "native", properties, [host], 7601)
        return findings.all()

    def test_relay(self) -> None:
        """A relay's record makes an entry."""
        (one,) = self.announce()
        self.assertEqual(one.server, "tls:[fe80::5%eth0]:7601")
        self.assertEqual(one.ways, "mdns")

    def test_nobodys_address(self) -> None:
        """An address that nobody can be at makes no door."""
        for host in ("0.0.0.0", "239.255.76.2", "ff02::1%eth0"):
            (one,) = self.announce(host=host)
            self.assertEqual((one.server, one.doors), ("", {}))

    def test_odd(self) -> None:
        """What does not fit, or is no relay of ours, makes none."""
        self.assertEqual(self.announce(name="tea\x1b[2J"), [])
        self.assertEqual(self.announce(instance=""), [])
        self.assertEqual(self.announce(fingerprint="xy"), [])
        self.assertEqual(self.announce(host="nonsense"), [])
        findings = Findings(lambda found: None)
        announce(findings, "irc", {b"\xff": None}, ["192.168.1.5"], 6667)
        self.assertEqual(findings.all(), [])
