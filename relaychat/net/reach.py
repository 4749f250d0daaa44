"""Which doors can be reached by an interface, and who is answered there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TypeAlias

from msgspec import Struct

from relaychat.net.interfaces import IP, Interface

Network: TypeAlias = IPv4Network | IPv6Network


class Open(Struct, frozen=True):
    """A door that stands open."""

    dialect: str
    host: str
    """What it listens on: an address, or a wildcard (``0.0.0.0``, ``::``)."""
    port: int
    tls: bool = False
    fingerprint: str = ""
    """SHA-256 of what most clients are shown, in hexadecimal."""

    @property
    def ip(self) -> IP:
        """What it listens on."""
        return ip_address(self.host.partition("%")[0] or "0.0.0.0")


def reachable(
    doors: Iterable[Open], interface: Interface, source: IP | None = None
) -> Iterator[tuple[Open, IP]]:
    """The doors that can be reached by an interface, with the address there: the one
    nearest to ``source``, or of its IP version, if there are several."""
    for door in doors:
        there = list(_addresses(door, interface))
        if not there:
            continue
        yield door, max(there, key=partial(_nearness, interface, source))


def _addresses(door: Open, interface: Interface) -> Iterator[IP]:
    ip = door.ip
    if ip.is_unspecified:
        # A socket on :: takes both versions, unless the system was told otherwise.
        for address in interface.addresses:
            if address.ip.version <= ip.version:
                yield address.ip
    elif interface.loopback or any(ip == one.ip for one in interface.addresses):
        yield ip


def _nearness(interface: Interface, source: IP | None, ip: IP) -> tuple[bool, bool]:
    if source is None:
        return (False, ip.version == 4)
    near = interface.address_to(source)
    return (near is not None and near.ip == ip, ip.version == source.version)


def may_ask(
    source: IP,
    interface: Interface,
    own: frozenset[IP],
    networks: Iterable[Network] = (),
) -> bool:
    """Whether an address may be answered: it is on the link and no public one, or it is
    in one of ``networks``. ``own``: all of this machine's.

    A public address is one that somebody far away may have forged: it would be us who
    sends to it.
    """
    if any(source in network for network in networks):
        return True
    if interface.loopback and source in own:
        return True
    if source.is_global or source.is_multicast or source.is_unspecified:
        return False
    near = interface.address_to(source)
    return near is not None and source != near.broadcast
