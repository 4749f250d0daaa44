"""Relays that announce themselves by mDNS."""

from __future__ import annotations

import sys
from unittest import mock

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.lan.browse import Browser, announce, on_link
from relaychat.client.lan.findings import Findings, Found
from tests.net.lan import LAN, LOOPBACK
from tests.net.test_mdns import Reactor

PIN = "ab" * 32


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
        for host in ("0.0.0.0", "239.255.76.2", "ff02::1%eth0", "::ffff:127.0.0.1"):
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
