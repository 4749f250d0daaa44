"""Sockets for discovery: where one asks, where one answers, and what reads them.

Every socket belongs to one interface, so it is known from where a question comes, no
port is open on an interface that nobody is to be answered on, and where two interfaces
claim the same network, each is asked by. Questions reach every relay of a link by three
ways, since networks drop each of them now and then: IPv4 broadcast (to the network's
own address and to all), an IPv4 group, an IPv6 group.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from zope.interface import implementer

from relaychat.model.world import Timer
from relaychat.net.interfaces import IP, Address, Interface

PORT = 7602
"""Beside the doors 7600 and 7601."""
GROUP_4 = IPv4Address("239.255.76.2")
"""In the local scope (239.255.0.0/16, RFC 2365), which everybody may use within a site
and no router lets out. The number is the port's."""
GROUP_6 = IPv6Address("ff12::7602")
"""Link-local scope (2), and not assigned by anybody (1: transient; RFC 4291, 2.7)."""
LIMITED_BROADCAST = IPv4Address("255.255.255.255")
"""All on this link, whatever they think that its netmask is."""

RECEIVE_BYTES = 16 * 1024
"""SO_RCVBUF of an answering socket: a dozen questions (the kernel counts its own part
too). In a flood it drops the rest, and does not have to wake anybody for it."""
READ_AT_ONCE = 16
"""Datagrams that are read before others have their turn, ..."""
PAUSE_S = 0.02
"""... and for how long no more are read if there were so many: 800 a second at most
reach Python."""
DATAGRAM_BYTES = 2048
"""More than any datagram of ours: what was cut would look shorter than it is."""

Sockaddr = tuple[str, int] | tuple[str, int, int, int]
Ancillary = list[tuple[int, int, bytes]]
"""What Linux tells of a datagram beside its bytes, or is told: level, type, data."""
_IP_PKTINFO = 8
"""Not in ``socket`` before Python 3.14."""
_PKTINFO_4 = struct.Struct("@i4s4s")
"""Interface, the address of ours that is concerned, the address in the header."""
_ANCILLARY_BYTES = socket.CMSG_SPACE(20)
"""IPv6's, the longer one."""


class Way(NamedTuple):
    """One way to ask."""

    name: str
    """``broadcast``, ``multicast`` or ``unicast``."""
    to: IP
    sockaddr: Sockaddr


def ways(interface: Interface, address: Address, port: int) -> Iterator[Way]:
    """All ways to ask by one address of an interface."""
    if isinstance(address.ip, IPv6Address):
        if interface.multicast:
            yield _way("multicast", GROUP_6, port, interface.index)
        elif interface.loopback:
            yield _way("unicast", address.ip, port)
        return
    broadcast = address.broadcast
    if broadcast is not None and (interface.broadcast or interface.loopback):
        yield _way("broadcast", broadcast, port)
        if not interface.loopback:
            yield _way("broadcast", LIMITED_BROADCAST, port)
    # Linux's loopback does not say that it can, and can.
    if interface.multicast or interface.loopback:
        yield _way("multicast", GROUP_4, port)


def _way(name: str, to: IP, port: int, scope: int = 0) -> Way:
    return Way(name, to, sockaddr(to, port, scope))


def sockaddr(ip: IP, port: int, scope: int = 0) -> Sockaddr:
    """An address as sockets want it."""
    host = str(ip)
    return (host, port) if ip.version == 4 else (host, port, 0, scope)


def asking_addresses(interface: Interface) -> Iterator[Address]:
    """The addresses that one asks by: every IPv4 one, whose networks may differ, and
    one of IPv6, the link-local one if it is there."""
    yield from interface.of(4)
    six = interface.of(6)
    yield from [one for one in six if one.ip.is_link_local][:1] or six[:1]


def asking_socket(interface: Interface, address: Address) -> socket.socket:
    """A socket to ask from, by one address of an interface, and to hear the answers
    that come in by it. Raises OSError."""
    ip = address.ip
    made = _socket(ip.version)
    try:
        tie(made, interface.name)
        if ip.version == 4:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            mreqn = struct.pack("@4s4si", bytes(4), ip.packed, interface.index)
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, mreqn)
        else:
            made.setsockopt(
                socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, interface.index
            )
        scope = interface.index if ip.is_link_local else 0
        made.bind(sockaddr(ip, 0, scope))
    except OSError:
        made.close()
        raise
    return made


def calling_socket(version: int) -> socket.socket:
    """A socket to ask single hosts from, of IP version 4 or 6."""
    return _socket(version)


def tie(sock: socket.socket, name: str) -> None:
    """Have a socket send and hear by one interface alone, whatever the routes say.
    Linux before 5.7 allows that to root only; then the routes count. Raises OSError."""
    with suppress(PermissionError):
        _bind_to_device(sock, name)


def _bind_to_device(sock: socket.socket, name: str) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode() + b"\0")


def answering_socket(interface: Interface, version: int, port: int) -> socket.socket:
    """A socket that hears the questions which come in by one interface, of IP version 4
    or 6, and to which address. Several relays of a machine may have one each. Raises
    OSError."""
    made = _socket(version)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        _bind_to_device(made, interface.name)
        if version == 4:
            made.bind(("0.0.0.0", port))
            mreqn = struct.pack("@4s4si", GROUP_4.packed, bytes(4), interface.index)
            made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, mreqn)
            made.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        else:
            made.bind(("::", port))
            mreq = struct.pack("@16si", GROUP_6.packed, interface.index)
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, mreq)
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    except OSError:
        made.close()
        raise
    return made


def back(ancillary: Ancillary) -> Ancillary:
    """What an answer is sent with, so that it comes from the address that was asked: a
    machine may have several, and a firewall lets no other in. Empty for a question to a
    group of IPv6; for broadcast and groups of IPv4 the kernel has named an address."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            _, ours, _ = _PKTINFO_4.unpack(data)
            return [(level, kind, _PKTINFO_4.pack(0, ours, bytes(4)))]
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            return [] if IPv6Address(data[:16]).is_multicast else [(level, kind, data)]
    return []


def _socket(version: int) -> socket.socket:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setblocking(False)
    if version == 6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made


@implementer(IReadDescriptor)
class Reader:
    """Reads a socket, a few datagrams at a time, so that a flood costs little: what is
    not read is dropped by the kernel. Closes the socket in the end."""

    _log = Logger(namespace="relaychat.discovery")

    def __init__(
        self,
        reactor: Any,
        later: Callable[[float, Callable[[], None]], Timer],
        sock: socket.socket,
        received: Callable[[bytes, Any, Ancillary], None],
    ) -> None:
        """``received`` is called with each datagram, the address it came from, and what
        else is known of it; ``later`` is ``World.later``, or ``callLater``."""
        self.socket = sock
        self._reactor = reactor
        self._later = later
        self._received = received
        self._pause: Timer | None = None
        reactor.addReader(self)

    def fileno(self) -> int:
        """See IFileDescriptor."""
        return self.socket.fileno()

    def logPrefix(self) -> str:
        """See ILoggingContext."""
        return "discovery"

    def doRead(self) -> None:
        """Read what there is, up to the bound; past that, pause."""
        for _ in range(READ_AT_ONCE):
            try:
                data, ancillary, _, source = self.socket.recvmsg(
                    DATAGRAM_BYTES, _ANCILLARY_BYTES
                )
            except OSError:  # Nothing there; or its interface is gone, as we hear soon.
                return
            try:
                self._received(data, source, ancillary)
            except Exception:
                self._log.failure("a datagram could not be dealt with")
            if self.socket.fileno() < 0:
                return
        self._reactor.removeReader(self)
        self._pause = self._later(PAUSE_S, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._reactor.addReader(self)

    def close(self) -> None:
        """Read no more."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self._reactor.removeReader(self)
        self.socket.close()

    def connectionLost(self, reason: Any) -> None:
        """See IReadDescriptor: called when the reactor ends, or can't read it."""
        self.close()
