"""Probes of a network: datagrams and connections by each interface, all at the same
time, without a reactor.

What is sent is what clients of a relay send: questions of discovery by broadcast,
multicast and unicast, one of mDNS, and attempts to connect. Each socket is tied to its
interface, so that no routing comes in between; ``system`` ones are not, as clients' are
not.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Any

from twisted.names import dns

from relaychat.doctor.report import Outcome
from relaychat.net.datagrams import (
    DATAGRAM_BYTES,
    Sockaddr,
    asking_addresses,
    asking_socket,
    sockaddr,
    tie,
    ways,
)
from relaychat.net.interfaces import IP, Interface
from relaychat.wire.discovery import NONCE_BYTES, Answer, query, read_answer

AGAIN_S = 1.2
"""When what has no answer is asked once more: a relay answers the same question once a
second."""
ANSWER_S = 2.4
"""How long datagrams have in all."""
CONNECT_S = 4.0
"""How long a connection may take: the kernel needs 3 seconds to see that nobody has an
address."""
HEARD = 1024
"""Answers that are looked at: several each of more relays than a network has."""
MDNS = (IPv4Address("224.0.0.251"), 5353)
SERVICE = b"_relaychat._tcp.local"

_ERRORS = {
    errno.ECONNREFUSED: Outcome.REFUSED,
    errno.ENETUNREACH: Outcome.NO_ROUTE,
    errno.EPERM: Outcome.DENIED,
    errno.EACCES: Outcome.DENIED,
    errno.ETIMEDOUT: Outcome.SILENT,
    errno.EADDRNOTAVAIL: Outcome.UNABLE,
    errno.ENOPROTOOPT: Outcome.UNABLE,
}
SYSTEM = "system"
"""In place of an interface's name: whichever one the system takes."""


def outcome_of(error: OSError) -> Outcome:
    """What an error of a socket says."""
    return _ERRORS.get(error.errno or 0, Outcome.UNREACHABLE)


class Heard:
    """An answer: who, from where, by which interface and probe."""

    def __init__(self, by: str, probe: str, source: str, answer: Answer) -> None:
        self.by = by
        self.probe = probe
        self.source = source
        self.answer = answer

    def is_from(self, ip: IP) -> bool:
        """Whether it comes from an address, or names a door there."""
        doors = [door.host for door in self.answer.doors]
        return str(ip) in (self.source.partition("%")[0], *doors)


class Probe:
    """One socket, and what came of it."""

    event = selectors.EVENT_READ
    """What it waits for, ..."""
    within_s = ANSWER_S
    """... and how long."""

    def __init__(self, by: str, kind: str, sock: socket.socket | None) -> None:
        """``by``: the interface's name. ``kind``: one of ``report.PROBES``."""
        self.by = by
        self.kind = kind
        self.socket = sock
        self.outcome = Outcome.SILENT

    def start(self) -> None:
        """Send, or send again."""

    def ready(self) -> bool:
        """It can be read or written: whether it is done."""
        return True

    def failed(self, error: OSError) -> None:
        """It went wrong."""
        self.outcome = outcome_of(error)

    def close(self) -> None:
        """Give the socket back."""
        if self.socket is not None:
            self.socket.close()


class Question(Probe):
    """A datagram to one or more addresses, until one answers."""

    def __init__(
        self,
        by: str,
        kind: str,
        sock: socket.socket,
        to: Iterable[Sockaddr],
        data: bytes,
        read: Callable[[bytes, str], bool],
    ) -> None:
        """``read`` is called with a datagram and its source: whether it is an
        answer."""
        super().__init__(by, kind, sock)
        self._to = list(to)
        self._data = data
        self._read = read

    def start(self) -> None:
        """See Probe. It fails if nothing could be sent at all."""
        errors = []
        for to in self._to:
            try:
                assert self.socket is not None
                self.socket.sendto(self._data, to)
            except OSError as error:
                errors.append(error)
        if len(errors) == len(self._to):
            raise errors[0]

    def ready(self) -> bool:
        """See Probe. Raises OSError for what the network says of it."""
        assert self.socket is not None
        data, source = self.socket.recvfrom(DATAGRAM_BYTES)
        if self._read(data, source[0]):
            self.outcome = Outcome.OK
        return self.outcome is Outcome.OK


class Call(Probe):
    """An attempt to connect."""

    event = selectors.EVENT_WRITE
    within_s = CONNECT_S

    def __init__(self, by: str, sock: socket.socket, to: Sockaddr) -> None:
        super().__init__(by, "tcp", sock)
        self._to = to
        self._started = False

    def start(self) -> None:
        """See Probe. The kernel sends again by itself."""
        if self._started or self.socket is None:
            return
        self._started = True
        code = self.socket.connect_ex(self._to)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))

    def ready(self) -> bool:
        """See Probe."""
        assert self.socket is not None
        code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        self.outcome = Outcome.OK
        return True


def run(probes: Iterable[Probe]) -> None:
    """Start all probes, and wait until each has an outcome, or its time is up. Their
    sockets are closed then."""
    sent = [one for one in probes if one.socket is not None]
    with selectors.DefaultSelector() as selector:
        for probe in sent:
            assert probe.socket is not None
            selector.register(probe.socket, probe.event, probe)
        try:
            _wait(selector, list(sent))
        finally:
            for probe in sent:
                probe.close()


def _wait(selector: Any, waiting: list[Probe]) -> None:
    begun = time.monotonic()
    starts_s = [0.0, AGAIN_S]
    while waiting:
        passed_s = time.monotonic() - begun
        for probe in [one for one in waiting if one.within_s <= passed_s]:
            _leave(selector, waiting, probe)
        if starts_s and starts_s[0] <= passed_s:
            del starts_s[0]
            for probe in list(waiting):
                _step(selector, waiting, probe, probe.start)
        next_s = min([*starts_s[:1], *(one.within_s for one in waiting)], default=0.0)
        for key, _ in selector.select(max(0.0, next_s - passed_s)) if waiting else ():
            _step(selector, waiting, key.data, key.data.ready)


def _step(
    selector: Any, waiting: list[Probe], probe: Probe, step: Callable[[], object]
) -> None:
    """Do something with a probe; if that ends it, it is waited for no longer."""
    if probe not in waiting:
        return
    try:
        done = bool(step())
    except BlockingIOError:
        return
    except OSError as error:
        probe.failed(error)
        done = True
    if done:
        _leave(selector, waiting, probe)


def _leave(selector: Any, waiting: list[Probe], probe: Probe) -> None:
    waiting.remove(probe)
    selector.unregister(probe.socket)


# -- which probes there are ------------------------------------------------------------

_KINDS = {("broadcast", 4): "broadcast", ("multicast", 4): "multicast4",
          ("multicast", 6): "multicast6"}  # fmt: skip


class Prober:
    """Makes probes, and gathers the answers that they get."""

    def __init__(self, udp_port: int, wanted: IP | None) -> None:
        """``wanted``: whose answer ends a question; without it, all that come in time
        are heard."""
        self.heard: list[Heard] = []
        self._udp_port = udp_port
        self._wanted = wanted
        self._instances: set[str] = set()
        """Of the relay that is wanted: it answers from other addresses too."""

    def everybody(self, interface: Interface) -> list[Probe]:
        """Questions to all, by one interface. An address that it has no more, or that
        can't be asked by, is left out."""
        found: list[Probe] = []
        for address in asking_addresses(interface):
            by_kind: dict[str, list[Sockaddr]] = {}
            for way in ways(interface, address, self._udp_port):
                kind = _KINDS.get((way.name, way.to.version))
                if kind is not None:
                    by_kind.setdefault(kind, []).append(way.sockaddr)
            if "multicast4" in by_kind:
                by_kind["mdns"] = [sockaddr(*MDNS)]
            for kind, to in by_kind.items():
                with suppress(OSError):
                    sock = asking_socket(interface, address)
                    found.append(self._question(interface.name, kind, sock, to))
        return found

    def one(self, by: str, ip: IP, scope: int) -> Probe:
        """A question to one machine, by an interface or SYSTEM."""
        to = sockaddr(ip, self._udp_port, scope)
        try:
            sock = _socket(ip, socket.SOCK_DGRAM, by)
        except OSError as error:
            return _never(by, "udp", error)
        try:
            sock.connect(to)  # So that one is told when it is refused.
        except OSError as error:
            sock.close()
            return _never(by, "udp", error)
        return self._question(by, "udp", sock, [to])

    def _hear(self, heard: Heard) -> None:
        if len(self.heard) < HEARD:
            self.heard.append(heard)
        if self._wanted is not None and heard.is_from(self._wanted):
            self._instances.add(heard.answer.instance)

    def _question(
        self, by: str, kind: str, sock: socket.socket, to: list[Sockaddr]
    ) -> Question:
        nonce = os.urandom(NONCE_BYTES)
        if kind == "mdns":
            number = int.from_bytes(nonce[:2], "big")
            return Question(by, kind, sock, to, mdns_query(number), answers_mdns)

        def read(data: bytes, source: str) -> bool:
            found = read_answer(data)
            if found is None or found[0] != nonce:
                return False
            self._hear(Heard(by, kind, source, found[1]))
            return kind == "udp" or found[1].instance in self._instances

        return Question(by, kind, sock, to, query(nonce), read)


def call(by: str, ip: IP, port: int, scope: int) -> Probe:
    """An attempt to connect to a machine, by an interface or SYSTEM."""
    try:
        sock = _socket(ip, socket.SOCK_STREAM, by)
    except OSError as error:
        return _never(by, "tcp", error)
    return Call(by, sock, sockaddr(ip, port, scope))


def _never(by: str, kind: str, error: OSError) -> Probe:
    """A probe that could not even be begun."""
    probe = Probe(by, kind, None)
    probe.failed(error)
    return probe


def mdns_query(number: int) -> bytes:
    """Who has our service? From another port than mDNS's own, so answers come back to
    that (RFC 6762, 6.7)."""
    message = dns.Message(number, recDes=0)
    message.addQuery(SERVICE, dns.PTR)
    data: bytes = message.toStr()
    return data


def answers_mdns(data: bytes, source: str) -> bool:
    """Whether a datagram names an instance of our service."""
    message = dns.Message()
    try:
        message.fromStr(data)
    except Exception:  # Twisted's parser meets what anybody on the network may send.
        return False
    return bool(message.answer) and any(
        one.type == dns.PTR and one.name.name.lower() == SERVICE
        for one in message.answers
    )


def _socket(ip: IP, kind: int, by: str) -> socket.socket:
    """A socket that is tied to an interface, unless it is the system's choice. Raises
    OSError."""
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    made = socket.socket(family, kind)
    made.setblocking(False)
    try:
        if by != SYSTEM:
            tie(made, by)
    except OSError:
        made.close()
        raise
    return made
