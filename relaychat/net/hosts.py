"""Addresses of hosts by the system (``getaddrinfo``), in threads that nobody waits for.

``Hosts`` is for who dials; ``in_thread`` for who wants to know why there is none.

Twisted's own resolver uses the reactor's threads, and a program does not end before all
of them are done: with a name server that is silent, half a minute after the user has
pressed Ctrl-C. These die with the program.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from functools import partial
from threading import Thread
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from twisted.python.failure import Failure
from zope.interface import implementer

LOOKUPS = 16
"""At the same time. Beyond that no host has an address: a client looks up two or
three."""


def in_thread(reactor: Any, call: Callable[[], Any], name: str) -> Deferred[Any]:
    """What a call returns, or raises. If it is cancelled, the thread goes on, and
    nobody listens to it."""
    done: Deferred[Any] = Deferred()

    def work() -> None:
        try:
            result = call()
        except Exception:
            result = Failure()
        reactor.callFromThread(done.callback, result)

    Thread(target=work, name=name, daemon=True).start()
    return done


@implementer(IHostResolution)
class _Resolution:
    """One look-up."""

    cancelled = False

    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """See IHostResolution. The thread goes on, and nobody listens to it."""
        self.cancelled = True


@implementer(IHostnameResolver)
class Hosts:
    """See the module."""

    def __init__(
        self, reactor: Any, look: Callable[..., Any] = socket.getaddrinfo
    ) -> None:
        self._reactor = reactor
        self._look = look
        self._under_way = 0

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """See IHostnameResolver."""
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        wanted = tuple(addressTypes or (IPv4Address, IPv6Address))

        def done(found: Sequence[IAddress]) -> None:
            self._under_way -= 1
            if resolution.cancelled:
                return
            for address in found:
                if isinstance(address, wanted):
                    resolutionReceiver.addressResolved(address)
            resolutionReceiver.resolutionComplete()

        self._under_way += 1
        if self._under_way > LOOKUPS:
            done([])
        else:
            look = partial(self._found, hostName, portNumber)
            in_thread(self._reactor, look, f"look up {hostName}").addCallback(done)
        return resolution

    def _found(self, host: str, port: int) -> list[IAddress]:
        """In a thread: the addresses of a host, in the order of RFC 6724."""
        try:
            answers = self._look(host, port, type=socket.SOCK_STREAM)
        except (OSError, ValueError):
            return []
        return [
            IPv6Address("TCP", *where)
            if family == socket.AF_INET6
            else IPv4Address("TCP", *where)
            for family, _, _, _, where in answers
            if family in (socket.AF_INET, socket.AF_INET6)
        ]
