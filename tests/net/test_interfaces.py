"""Interfaces: what is made of what the system says."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any, NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from relaychat.net.interfaces import Interface, made_of, read_interfaces


class Given(NamedTuple):
    """An address as psutil has it."""

    address: str
    netmask: str | None
    family: int = socket.AF_INET
    broadcast: str | None = None


class Stats(NamedTuple):
    flags: str


ETHERNET = "up,broadcast,running,multicast"
V6_64 = "ffff:ffff:ffff:ffff::"


def interface(*addresses: Given, flags: str = ETHERNET) -> Interface:
    (one,) = made_of({"eth0": addresses}, {"eth0": Stats(flags)}, lambda name: 7)
    return one


class MadeTests(SynchronousTestCase):
    def test_broadcast_follows_the_netmask(self) -> None:
        """Whatever the size of the network, and whatever the system has been told."""
        for address, mask, broadcast in [
            ("192.168.1.5", "255.255.255.0", "192.168.1.255"),
            ("172.16.5.9", "255.255.0.0", "172.16.255.255"),
            ("10.1.2.3", "255.255.240.0", "10.1.15.255"),
            ("10.0.0.9", "255.255.255.252", "10.0.0.11"),
            ("127.0.0.1", "255.0.0.0", "127.255.255.255"),
        ]:
            (one,) = interface(Given(address, mask, broadcast="1.2.3.4")).addresses
            self.assertEqual(str(one.broadcast), broadcast)

    def test_no_broadcast(self) -> None:
        """A link of two, a single host and IPv6 have none."""
        for given in (
            Given("10.0.0.1", "255.255.255.254"),
            Given("10.0.0.1", "255.255.255.255"),
            Given("10.0.0.1", None),
            Given("fd00::1", V6_64, socket.AF_INET6),
        ):
            (one,) = interface(given).addresses
            self.assertIsNone(one.broadcast)

    def test_flags(self) -> None:
        """A cable that is not there is told from an interface that is off."""
        self.assertTrue(interface().running)
        loose = interface(flags="up,broadcast,multicast")
        self.assertEqual((loose.up, loose.running), (True, False))
        self.assertFalse(interface(flags="broadcast,multicast").up)
        self.assertTrue(interface(flags="up,loopback,running").loopback)
        self.assertFalse(interface(flags="up,pointopoint,running").broadcast)

    def test_scope(self) -> None:
        """A link-local address is dialled with its interface, any other without."""
        one = interface(
            Given("fd00::2", V6_64, socket.AF_INET6),
            Given("fe80::1%eth0", V6_64, socket.AF_INET6),
        )
        self.assertEqual(one.link_local, ip_address("fe80::1"))
        self.assertEqual(one.host(ip_address("fe80::9")), "fe80::9%eth0")
        self.assertEqual(one.host(ip_address("fd00::9")), "fd00::9")
        self.assertIsNone(interface(Given("10.0.0.1", None)).link_local)

    def test_on_link(self) -> None:
        """Who is in one of its networks is on the link, and nobody else."""
        one = interface(
            Given("10.1.2.3", "255.255.0.0"), Given("fd00::1", V6_64, socket.AF_INET6)
        )
        near = one.address_to(ip_address("10.1.200.9"))
        assert near is not None
        self.assertEqual(str(near.ip), "10.1.2.3")
        self.assertIsNotNone(one.address_to(ip_address("fd00::77")))
        for far in ("10.2.0.1", "8.8.8.8", "fd00:1::1", "::1"):
            self.assertIsNone(one.address_to(ip_address(far)))

    def test_odd_ones(self) -> None:
        """Masks with holes, other families and what is no address are left out."""
        one = interface(
            Given("10.0.0.1", "255.0.255.0"),
            Given("02:00:00:00:00:01", None, 17),
            Given("nonsense", "255.0.0.0"),
        )
        self.assertEqual(one.addresses, ())

    def test_gone_meanwhile(self) -> None:
        """An interface that vanishes under our eyes is no error."""

        def index_of(name: str) -> int:
            raise OSError(name)

        self.assertEqual(made_of({}, {"eth0": Stats(ETHERNET)}, index_of), ())


class SystemTests(SynchronousTestCase):
    def test_loopback(self) -> None:
        """The real ones: a loopback is there, with its address and number."""
        found: dict[Any, Interface] = {one.loopback: one for one in read_interfaces()}
        self.assertEqual(found[True].index, socket.if_nametoindex(found[True].name))
        ips = [str(one.ip) for one in found[True].of(4)]
        self.assertIn("127.0.0.1", ips)
