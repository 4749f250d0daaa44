"""Hearing relays that announce themselves by mDNS, if ``zeroconf`` is installed.

It works in threads of its own; what it finds is told in the reactor's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from typing import Any

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.threads import deferToThreadPool

from relaychat.client.lan.findings import Findings
from relaychat.net.interfaces import Interface
from relaychat.net.service import IRC, NATIVE, PLAIN_IRC
from relaychat.wire.discovery import Door, Instance, Name, is_address

TYPES = {
    f"{NATIVE}.local.": "native",
    f"{IRC}.local.": "irc",
    f"{PLAIN_IRC}.local.": "irc",
}
"""What is browsed for, and the dialect that is spoken there."""
RESOLVE_MS = 1000
"""How long the addresses behind a name may take."""


class _Text(msgspec.Struct):
    """What we use of a text record. IRC servers that are no relays have none such."""

    name: Name
    instance: Instance
    tls: str = "0"
    fingerprint: str = ""


class Browser:
    """Browses from ``start`` to ``stop``."""

    def __init__(self, reactor: Any, findings: Findings) -> None:
        self._reactor = reactor
        self._findings = findings
        self._interfaces: tuple[Interface, ...] = ()
        self._zeroconf: Any = None
        self._stopped = False

    async def start(self, interfaces: Iterable[Interface]) -> str:
        """Begin. Returns why that can't be, empty if it could."""
        self._interfaces = tuple(
            one for one in interfaces if one.up and one.multicast and not one.loopback
        )
        addresses = [str(each.ip) for one in self._interfaces for each in one.of(4)]
        if not addresses:
            return ""
        try:
            await self._in_thread(self._open, addresses)
        except ImportError:
            return "zeroconf is not installed, so nobody was heard by mDNS"
        except CancelledError:
            raise
        except Exception as error:
            return f"mDNS: {error}"
        return ""

    async def stop(self) -> None:
        """End, and wait until the threads have."""
        self._stopped = True
        if self._zeroconf is not None:
            zeroconf, self._zeroconf = self._zeroconf, None
            await self._in_thread(zeroconf.close)

    def _in_thread(self, call: Callable[..., Any], *given: Any) -> Deferred[Any]:
        pool = self._reactor.getThreadPool()
        return deferToThreadPool(self._reactor, pool, call, *given)

    # -- in other threads ----------------------------------------------------------

    def _open(self, addresses: list[str]) -> None:
        from zeroconf import IPVersion, ServiceBrowser, Zeroconf

        made = Zeroconf(addresses, ip_version=IPVersion.V4Only)
        self._zeroconf = made
        if self._stopped:  # Meanwhile, and ``stop`` has found nothing to close.
            made.close()
        else:
            ServiceBrowser(made, list(TYPES), handlers=[self._changed])

    def _changed(
        self, zeroconf: Any, service_type: str, name: str, state_change: Any
    ) -> None:
        if state_change.name == "Removed":
            return
        try:
            info = zeroconf.get_service_info(service_type, name, RESOLVE_MS)
        except Exception:
            if self._stopped:  # It is being closed, and says so in many ways.
                return
            raise
        if info is not None:
            self._reactor.callFromThread(self._resolved, service_type, info)

    # -- in the reactor's ------------------------------------------------------------

    def _resolved(self, service_type: str, info: Any) -> None:
        if not self._stopped:
            announce(
                self._findings,
                TYPES[service_type],
                info.properties,
                on_link(info.parsed_scoped_addresses(), self._interfaces),
                info.port,
            )


def on_link(hosts: Iterable[str], interfaces: Iterable[Interface]) -> list[str]:
    """The addresses that are in a network of ours; all, if none is. A machine with
    several networks announces its addresses in all of them to each."""
    hosts, interfaces = list(hosts), list(interfaces)
    near = [
        host
        for host in hosts
        if any(one.address_to(ip_address(host.partition("%")[0])) for one in interfaces)
    ]
    return near or hosts


def announce(
    findings: Findings,
    dialect: str,
    properties: dict[bytes, bytes | None],
    hosts: Iterable[str],
    port: int,
) -> None:
    """Put a service that was found into the findings, if it is a relay's."""
    said = {
        key.decode("ascii", "replace"): (value or b"").decode("utf-8", "replace")
        for key, value in properties.items()
    }
    try:
        text = msgspec.convert(said, _Text)
        doors = list(_doors(text, dialect, hosts, port))
    except (msgspec.ValidationError, ValueError):
        return
    findings.announced(text.name, text.instance, doors, "mdns")


def _doors(
    text: _Text, dialect: str, hosts: Iterable[str], port: int
) -> Iterator[tuple[str, Door]]:
    """Raises ValidationError, ValueError."""
    for host in hosts:
        bare = str(ip_address(host.partition("%")[0]))
        if not is_address(bare):
            continue
        door = {
            "dialect": dialect, "host": bare, "port": port, "tls": text.tls == "1",
            "fingerprint": text.fingerprint,
        }  # fmt: skip
        yield host, msgspec.convert(door, Door)
