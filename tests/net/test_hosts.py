"""Addresses of hosts, by threads that hold nobody up."""

from __future__ import annotations

import socket
import threading
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from relaychat.net.hosts import LOOKUPS, Hosts


class Receiver:
    """What HostnameEndpoint does with a look-up."""

    def __init__(self) -> None:
        self.addresses: list[Any] = []
        self.done: Deferred[list[Any]] = Deferred()

    def resolutionBegan(self, resolution: Any) -> None:
        """See IResolutionReceiver."""
        self.resolution = resolution

    def addressResolved(self, address: Any) -> None:
        """See IResolutionReceiver."""
        self.addresses.append(address)

    def resolutionComplete(self) -> None:
        """See IResolutionReceiver."""
        self.done.callback(self.addresses)


class HostsTests(TestCase):
    def hosts(self, look: Any) -> Hosts:
        """A resolver that looks up so."""
        from twisted.internet import reactor

        return Hosts(reactor, look)

    async def ask(self, hosts: Hosts, *given: Any) -> list[Any]:
        """Look up a host."""
        receiver = Receiver()
        hosts.resolveHostName(receiver, "tea.test", 7601, *given)  # type: ignore[arg-type]
        return await receiver.done

    async def test_addresses(self) -> None:
        """What the system says, in its order; or of one version of IP only."""

        def look(host: str, port: int, **how: Any) -> list[Any]:
            self.assertNotEqual(threading.current_thread(), threading.main_thread())
            self.assertTrue(threading.current_thread().daemon)
            return [
                (socket.AF_INET6, 0, 6, "", ("2001:db8::1", port, 0, 0)),
                (socket.AF_INET, 0, 6, "", ("192.0.2.1", port)),
                (socket.AF_UNIX, 0, 0, "", "x"),
            ]

        six = IPv6Address("TCP", "2001:db8::1", 7601)
        four = IPv4Address("TCP", "192.0.2.1", 7601)
        self.assertEqual(await self.ask(self.hosts(look)), [six, four])
        self.assertEqual(await self.ask(self.hosts(look), [IPv4Address]), [four])

    async def test_none(self) -> None:
        """A host that is not there, or can't be one, has no addresses."""
        for error in (socket.gaierror(), UnicodeError("empty label"), ValueError()):

            def look(*given: Any, error: Exception = error, **more: Any) -> Any:
                raise error

            self.assertEqual(await self.ask(self.hosts(look)), [])

    async def test_bound(self) -> None:
        """So many look-ups may hang; more have no addresses, and at once. What comes of
        one that was given up is not told."""
        going = threading.Event()

        def look(host: str, port: int, **how: Any) -> list[Any]:
            going.wait(30)
            return [(socket.AF_INET, 0, 6, "", ("192.0.2.1", port))]

        hosts, receivers = self.hosts(look), [Receiver() for _ in range(LOOKUPS)]
        for receiver in receivers:
            hosts.resolveHostName(receiver, "tea.test", 1)  # type: ignore[arg-type]
        self.assertEqual(await self.ask(hosts), [])
        receivers[0].resolution.cancel()
        going.set()
        for receiver in receivers[1:]:
            self.assertEqual(len(await receiver.done), 1)
        self.assertEqual(len(await self.ask(hosts)), 1)
        self.assertEqual(receivers[0].addresses, [])
