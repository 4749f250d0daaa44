"""Announcing a relay by multicast DNS (RFC 6762) as a service (DNS-SD, RFC 6763), for
those who browse for it: ``_relaychat._tcp``, ``_ircs._tcp`` and ``_irc._tcp``.

The records are kept by the ``zeroconf`` package in a thread of its own. Only doors that
can be reached from beyond this machine are announced. The text record says what the
answers by UDP say of a door: ``txtvers``, ``instance``, ``name``, ``version``, ``tls``,
and ``fingerprint`` (which is announced, so not to be trusted).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from relaychat.net.interfaces import Interface
from relaychat.net.reach import Open, reachable
from relaychat.net.service import IRC, NATIVE, PLAIN_IRC

TYPES = {
    ("native", True): f"{NATIVE}.local.",
    ("native", False): f"{NATIVE}.local.",
    ("irc", True): f"{IRC}.local.",
    ("irc", False): f"{PLAIN_IRC}.local.",
}
"""By dialect, and whether it is TLS. Other dialects have no name that clients know."""
LABEL_BYTES = 63
"""Of an instance's name (RFC 1035, 2.3.4)."""


class Service(Struct, frozen=True):
    """A door to be announced."""

    type: str
    instance: str
    port: int
    addresses: tuple[bytes, ...]
    """Packed, of both IP versions."""
    properties: tuple[tuple[str, str], ...]
    host: str


class Announced(Struct, frozen=True):
    """All that is to be announced, and from where."""

    services: tuple[Service, ...] = ()
    interfaces: tuple[str, ...] = ()
    """IPv4 addresses of the interfaces to announce on."""


def announced(
    doors: Iterable[Open],
    interfaces: Iterable[Interface],
    named: Iterable[str],
    name: str,
    identity: str,
    version: str,
) -> Announced:
    """What there is to announce: of each door, its addresses on all interfaces beyond
    loopback. ``named`` are the interfaces to announce on, empty for all."""
    named = tuple(named)
    lans = [
        one
        for one in interfaces
        if one.up and one.multicast and not one.loopback
        if not named or one.name in named
    ]
    # zeroconf would make a label of each part, and other browsers see no service then.
    label = name.replace(".", "-")
    found: list[Service] = []
    for door in doors:
        kind = TYPES.get((door.dialect, door.tls))
        addresses = {ip: None for one in lans for _, ip in reachable([door], one)}
        if kind is None or not addresses:
            continue
        plain = "" if door.tls else " (plain)"
        at = f" {door.port}" if any(_alike(one, kind, plain) for one in found) else ""
        found.append(
            Service(
                kind,
                label[: LABEL_BYTES - len(plain) - len(at)] + plain + at,
                door.port,
                tuple(ip.packed for ip in addresses),
                _properties(door, name, identity, version),
                f"relaychat-{identity}.local.",
            )
        )
    ways = tuple(str(one.ip) for lan in lans for one in lan.of(4)) if found else ()
    return Announced(tuple(found) if ways else (), ways)


def _properties(
    door: Open, name: str, identity: str, version: str
) -> tuple[tuple[str, str], ...]:
    """What the text record says of a door."""
    said = {
        "txtvers": "1",
        "instance": identity,
        "name": name,
        "version": version,
        "tls": "1" if door.tls else "0",
        "fingerprint": door.fingerprint,
    }
    return tuple((key, value) for key, value in said.items() if value)


def _alike(one: Service, kind: str, plain: str) -> bool:
    return one.type == kind and one.instance.endswith(" (plain)") == bool(plain)


class Announcer:
    """Keeps what is announced in step with what is to be. ``stop`` says goodbye."""

    _log = Logger(namespace="relaychat.mdns")

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._wanted = Announced()
        self._now = Announced()
        """What was wanted when it was last brought in line."""
        self._responder: Any = None
        """A ``zeroconf.Zeroconf``, while anything is announced."""
        self._work: Deferred[None] | None = None
        """Bringing it in line, if that is under way."""

    def announce(self, wanted: Announced) -> None:
        """Announce this, and nothing else any more."""
        self._wanted = wanted
        if self._work is None and wanted != self._now:
            self._work = Deferred.fromCoroutine(self._follow())

    def stop(self) -> Deferred[None]:
        """Take everything back; fires when it is done."""
        self.announce(Announced())
        return succeed(None) if self._work is None else self._work

    async def _follow(self) -> None:
        while self._now != self._wanted:
            wanted = self._wanted
            try:
                pool = self._reactor.getThreadPool()
                await deferToThreadPool(self._reactor, pool, self._change, wanted)
            except ImportError:
                self._log.warn(
                    "this relay is not announced by mDNS, as zeroconf is missing: pip"
                    " install 'relaychat[mdns]', or mdns = false in [discovery]"
                )
            except Exception as error:
                # Tried again when the interfaces change: what it lacks is mostly there.
                self._log.warn(
                    "this relay is not announced by mDNS: {why!r}", why=error
                )
            self._now = wanted
        self._work = None

    def _change(self, wanted: Announced) -> None:
        """In a thread: it takes about a second. Raises ImportError, OSError,
        zeroconf.Error."""
        from zeroconf import IPVersion, ServiceInfo, Zeroconf

        if self._responder is not None:
            self._responder.close()  # Which says goodbye for its services.
            self._responder = None
        if not wanted.services:
            return
        made = Zeroconf(list(wanted.interfaces), ip_version=IPVersion.V4Only)
        self._responder = made
        for one in wanted.services:
            info = ServiceInfo(
                one.type,
                f"{one.instance}.{one.type}",
                port=one.port,
                addresses=list(one.addresses),
                properties=dict(one.properties),
                server=one.host,
            )
            made.register_service(info, allow_name_change=True)
