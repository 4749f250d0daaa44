"""Asking the network which relays are there, by every interface and every way.

Asked is three times, since datagrams get lost. What nobody asked for is dropped: an
answer has to repeat a nonce of the socket that it comes to, so it is from somebody who
has heard the question.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TooLate

from relaychat.client.cli.run import together
from relaychat.client.lan.findings import Findings
from relaychat.net.datagrams import (
    PORT,
    Reader,
    Way,
    asking_addresses,
    asking_socket,
    calling_socket,
    sockaddr,
    ways,
)
from relaychat.net.hosts import in_thread
from relaychat.net.interfaces import Interface
from relaychat.net.routes import route_to
from relaychat.wire.discovery import NONCE_BYTES, query, read_answer

ROUNDS_S = (0.0, 0.25, 0.75)
"""When is asked: at once, and twice more."""
LOOKUP_S = 5.0
"""How long the addresses of a host that is to be asked may take."""


class Asker:
    """One socket: asks by its ways, and hears who answers."""

    def __init__(
        self,
        name: str,
        sock: socket.socket,
        ways: Iterable[Way],
        heard: Callable[[Asker, Any, float], None],
        clock: Callable[[], float],
        chance: Callable[[int], bytes],
    ) -> None:
        """``name``: what it asks by, for people. ``heard`` is called with an answer and
        how long it took, in seconds."""
        self.name = name
        self.socket = sock
        self.ways = list(ways)
        self.troubles: dict[str, str] = {}
        """Ways that could not be asked by, and why."""
        self.dropped = 0
        """Answers that nobody had asked for."""
        self.scope = ""
        """The interface that link-local addresses in its answers are on."""
        self.here = False
        """It asks this machine alone."""
        self._heard = heard
        self._clock = clock
        self._chance = chance
        self._asked: dict[bytes, float] = {}

    def ask(self) -> None:
        """Ask once, by all ways, with a new nonce."""
        nonce = self._chance(NONCE_BYTES)
        self._asked[nonce] = self._clock()
        for way in self.ways:
            try:
                self.socket.sendto(query(nonce), way.sockaddr)
            except OSError as error:
                self.troubles[f"{way.name} to {way.to}"] = error.strerror or str(error)

    def received(self, data: bytes, sender: Any) -> None:
        """A datagram has come from an address."""
        found = read_answer(data)
        if found is None:
            return
        nonce, answer = found
        asked = self._asked.get(nonce)
        if asked is None:
            self.dropped += 1
        else:
            self._heard(self, answer, self._clock() - asked)


class Questions:
    """Asks by interfaces and asks single hosts, and gathers the findings."""

    def __init__(
        self,
        reactor: Any,
        findings: Findings,
        port: int = PORT,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.findings = findings
        self.askers: list[Asker] = []
        self.troubles: list[str] = []
        """What could not even be tried, and why."""
        self._reactor = reactor
        self._port = port
        self._clock = clock
        self._chance = chance
        self._readers: list[Reader] = []
        self._timers: list[Any] = []

    def by_interfaces(self, interfaces: Iterable[Interface]) -> None:
        """Ask by these, as far as they are up and can send to many."""
        for interface in interfaces:
            for address in asking_addresses(interface) if interface.up else ():
                found = list(ways(interface, address, self._port))
                if not found:
                    continue
                try:
                    sock = asking_socket(interface, address)
                except OSError as error:
                    why = error.strerror or str(error)
                    self.troubles.append(f"{interface.name}, {address.ip}: {why}")
                    continue
                asker = self._asker(interface.name, sock, found)
                asker.scope, asker.here = interface.name, interface.loopback

    async def hosts(self, hosts: Iterable[str]) -> None:
        """Ask single hosts, all of their addresses. They are looked up at once."""
        await together(self._host(one) for one in hosts)

    async def _host(self, host: str) -> None:
        look = partial(socket.getaddrinfo, host, self._port, type=socket.SOCK_DGRAM)
        looking = in_thread(self._reactor, look, f"look up {host}")
        try:
            answers: Any = await looking.addTimeout(LOOKUP_S, self._reactor)
        except TooLate:
            self.troubles.append(f"{host}: no address within {LOOKUP_S:g} s")
            return
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            self.troubles.append(f"{host}: {why}")
            return
        for _, _, _, _, found in answers:
            try:
                self._call(host, found)
            except OSError as error:
                why = error.strerror or str(error)
                self.troubles.append(f"{host}, {found[0]}: {why}")

    def _call(self, host: str, found: Any) -> None:
        """Ask by a socket address of a host. Raises OSError."""
        ip = ip_address(found[0].partition("%")[0])
        scope = found[3] if ip.version == 6 else 0
        way = Way("unicast", ip, sockaddr(ip, self._port, scope))
        name = socket.if_indextoname(scope) if scope else ""
        asker = self._asker(host, calling_socket(ip.version), [way])
        asker.scope = name
        with suppress(OSError):  # No route: it is not here.
            asker.here = route_to(ip, scope) == ip

    def _asker(self, name: str, sock: socket.socket, found: list[Way]) -> Asker:
        asker = Asker(name, sock, found, self._heard, self._clock, self._chance)
        self.askers.append(asker)
        self._readers.append(
            Reader(
                self._reactor,
                self._reactor.callLater,
                sock,
                lambda data, sender, ancillary: asker.received(data, sender),
            )
        )
        return asker

    def _heard(self, asker: Asker, answer: Any, latency_s: float) -> None:
        now_ms = time.time_ns() // 1_000_000
        self.findings.heard(
            answer, asker.name, latency_s, now_ms, asker.scope, asker.here
        )

    def start(self) -> None:
        """Ask now, and again."""
        for after in ROUNDS_S:
            if after:
                self._timers.append(self._reactor.callLater(after, self._ask))
            else:
                self._ask()

    def _ask(self) -> None:
        for asker in self.askers:
            asker.ask()

    def stop(self) -> None:
        """Ask and hear no more."""
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        for reader in self._readers:
            reader.close()


def after(reactor: Any, seconds: float) -> Deferred[None]:
    """Fires then; when it is cancelled, the wait is over at once."""
    done: Deferred[None] = Deferred(lambda _: call.cancel())
    call = reactor.callLater(seconds, done.callback, None)
    return done
