"""Which doors are told where, and who is answered."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from relaychat.net.interfaces import Interface
from relaychat.net.reach import Open, may_ask, reachable
from tests.net.lan import LAN, LOOPBACK, OFFICE, interface

PRIVATE = Open("native", "127.0.0.1", 7600)
EVERYWHERE = Open("native", "0.0.0.0", 7601, True, "ab" * 32)
DUAL = Open("irc", "::", 6697, True)
AT_LAN = Open("irc", "192.168.1.5", 6667)


def told(door: Open, at: Interface, source: str = "") -> list[str]:
    asker = ip_address(source) if source else None
    return [str(ip) for _, ip in reachable([door], at, asker)]


class ReachableTests(SynchronousTestCase):
    def test_loopback_is_told_to_loopback(self) -> None:
        """A door of this machine is told to this machine alone."""
        self.assertEqual(told(PRIVATE, LOOPBACK, "127.0.0.1"), ["127.0.0.1"])
        self.assertEqual(told(PRIVATE, LAN, "192.168.1.9"), [])

    def test_wildcard(self) -> None:
        """A door on all addresses is told with that of the interface asked."""
        self.assertEqual(told(EVERYWHERE, LAN, "192.168.1.9"), ["192.168.1.5"])
        self.assertEqual(told(EVERYWHERE, OFFICE, "10.1.9.9"), ["10.1.2.3"])
        self.assertEqual(told(EVERYWHERE, LOOPBACK, "127.0.0.1"), ["127.0.0.1"])

    def test_wildcard_of_both_versions(self) -> None:
        """Asked by IPv6, it is told with the address in the asker's own network."""
        self.assertEqual(told(DUAL, LAN, "fe80::9"), ["fe80::5"])
        self.assertEqual(told(DUAL, LAN, "fd00::9"), ["fd00::5"])
        self.assertEqual(told(DUAL, LAN, "192.168.1.9"), ["192.168.1.5"])

    def test_other_version(self) -> None:
        """Who asks by IPv6 is told an IPv4 door all the same."""
        self.assertEqual(told(EVERYWHERE, LAN, "fe80::9"), ["192.168.1.5"])

    def test_several_networks_on_one_interface(self) -> None:
        """The address is the one of the network that the asker is in."""
        both = interface("eth0", 2, "192.168.1.5/24", "10.0.0.5/8")
        self.assertEqual(told(EVERYWHERE, both, "10.9.9.9"), ["10.0.0.5"])

    def test_certain_address(self) -> None:
        """A door on one address is told on its interface, and on the machine."""
        self.assertEqual(told(AT_LAN, LAN, "192.168.1.9"), ["192.168.1.5"])
        self.assertEqual(told(AT_LAN, OFFICE, "10.1.9.9"), [])
        self.assertEqual(told(AT_LAN, LOOPBACK, "127.0.0.1"), ["192.168.1.5"])


class AskerTests(SynchronousTestCase):
    def may(self, source: str, at: Interface, *networks: str) -> bool:
        own = frozenset(
            one.ip for lan in (LOOPBACK, LAN, OFFICE) for one in lan.addresses
        )
        return may_ask(
            ip_address(source), at, own, [ip_network(one) for one in networks]
        )

    def test_on_link(self) -> None:
        """Who is in a network of the interface that was asked is answered."""
        self.assertTrue(self.may("192.168.1.9", LAN))
        self.assertTrue(self.may("fe80::9", LAN))
        self.assertTrue(self.may("127.0.0.1", LOOPBACK))

    def test_off_link(self) -> None:
        """Anybody else is not: another network, another interface's, far away."""
        for source in ("192.168.2.9", "10.1.2.9", "8.8.8.8", "127.0.0.1", "fd01::1"):
            self.assertFalse(self.may(source, LAN), source)

    def test_no_host(self) -> None:
        """Nor is what can be no host's address."""
        for source in ("192.168.1.255", "0.0.0.0", "224.0.0.1", "255.255.255.255"):
            self.assertFalse(self.may(source, LAN), source)

    def test_public_addresses(self) -> None:
        """A public address may be forged from afar: only where it is allowed by name,
        though it be on the link."""
        public = interface("eth0", 2, "8.8.8.5/24", "2001:4860::5/64")
        for source, network in (
            ("8.8.8.9", "8.8.8.0/24"),
            ("2001:4860::9", "2001:4860::/64"),
        ):
            self.assertFalse(self.may(source, public))
            self.assertTrue(self.may(source, public, network))

    def test_named_networks(self) -> None:
        """Another VLAN is answered if the configuration names it."""
        self.assertTrue(self.may("192.168.2.9", LAN, "192.168.2.0/24"))

    def test_this_machine(self) -> None:
        """What this machine sends to an address of its own comes in by loopback."""
        self.assertTrue(self.may("192.168.1.5", LOOPBACK))
        self.assertFalse(self.may("192.168.1.9", LOOPBACK))
        away = replace(LAN, addresses=())
        self.assertFalse(self.may("192.168.1.5", away))
