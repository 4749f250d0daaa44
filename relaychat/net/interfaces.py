"""The network interfaces of this machine: what each can do, its addresses, and their
networks.

The broadcast address is reckoned from the netmask, so it is right for every size of
network: what a machine has been told can be missing or stale, and Linux delivers to the
reckoned one in any case.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv6Address,
    IPv6Interface,
    ip_address,
    ip_interface,
)
from typing import Any, TypeAlias

import psutil
from msgspec import Struct

IP: TypeAlias = IPv4Address | IPv6Address

POINT_TO_POINT_BITS = 31
"""From here on a network has no broadcast address (RFC 3021)."""


class Address(Struct, frozen=True):
    """One address of an interface, with its network."""

    network: IPv4Interface | IPv6Interface
    """Address and netmask. A link-local one is without its scope, which is the
    interface."""

    @property
    def ip(self) -> IP:
        """The address alone."""
        return self.network.ip

    @property
    def broadcast(self) -> IPv4Address | None:
        """Where all hosts of its network hear; None where there is no such address."""
        if not isinstance(self.network, IPv4Interface):
            return None
        if self.network.network.prefixlen >= POINT_TO_POINT_BITS:
            return None
        return self.network.network.broadcast_address

    def reaches(self, ip: IP) -> bool:
        """Whether an address is in its network."""
        return ip in self.network.network


class Interface(Struct, frozen=True):
    """One network interface."""

    name: str
    index: int
    """The system's number for it: what a scoped IPv6 address has as its scope."""
    up: bool
    """Switched on."""
    running: bool
    """Switched on, and there is something at the other end of the cable."""
    loopback: bool
    broadcast: bool
    """Whether it can send to all; a tunnel can't."""
    multicast: bool
    """Whether it says that it can send to groups. Linux's loopback does not say so, and
    can."""
    addresses: tuple[Address, ...]

    def address_to(self, ip: IP) -> Address | None:
        """The address whose network another address is in: that one is on the link.
        None if none is."""
        return next((one for one in self.addresses if one.reaches(ip)), None)

    def of(self, version: int) -> tuple[Address, ...]:
        """The addresses of IP version 4 or 6."""
        return tuple(one for one in self.addresses if one.ip.version == version)

    @property
    def link_local(self) -> IPv6Address | None:
        """Its link-local IPv6 address, if it has one."""
        for one in self.addresses:
            if isinstance(one.ip, IPv6Address) and one.ip.is_link_local:
                return one.ip
        return None

    def host(self, ip: IP) -> str:
        """An address as one dials it here: a link-local one with its scope."""
        scoped = isinstance(ip, IPv6Address) and ip.is_link_local
        return f"{ip}%{self.name}" if scoped else str(ip)


def read_interfaces() -> tuple[Interface, ...]:
    """Those that are there now, by their index. Takes half a millisecond.

    Raises OSError.
    """
    return made_of(psutil.net_if_addrs(), psutil.net_if_stats(), socket.if_nametoindex)


def made_of(
    addresses: Mapping[str, Iterable[Any]],
    stats: Mapping[str, Any],
    index_of: Callable[[str], int],
) -> tuple[Interface, ...]:
    """Interfaces of what psutil says of them. One that is gone meanwhile is left out,
    and an address that is none."""
    found = []
    for name, stat in stats.items():
        try:
            index = index_of(name)
        except OSError:
            continue
        flags = stat.flags.split(",")
        interface = Interface(
            name=name,
            index=index,
            up="up" in flags,
            running="up" in flags and "running" in flags,
            loopback="loopback" in flags,
            broadcast="broadcast" in flags,
            multicast="multicast" in flags,
            addresses=tuple(_addresses(addresses.get(name, ()))),
        )
        found.append(interface)
    return tuple(sorted(found, key=lambda one: one.index))


def _addresses(given: Iterable[Any]) -> Iterator[Address]:
    for one in given:
        if one.family not in (socket.AF_INET, socket.AF_INET6):
            continue
        try:
            ip = ip_address(one.address.partition("%")[0])
            most = ip.max_prefixlen
            bits = int(ip_address(one.netmask)) if one.netmask else (1 << most) - 1
            prefix = bits.bit_count()
            if bits != ((1 << prefix) - 1) << (most - prefix):
                continue  # A mask with holes is a network that nobody can reckon with.
            yield Address(ip_interface((ip, prefix)))
        except ValueError:
            continue
