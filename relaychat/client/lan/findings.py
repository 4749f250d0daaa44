"""What a search for relays has found: one entry for each, however often it was heard.

Everything in it is hearsay: whoever is on the network can claim anything. It is good
for choosing where to ask; who is there is for TLS to prove.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from math import inf
from typing import Any

from msgspec import Struct, field

from relaychat.wire.discovery import Answer, Door, Load, Room

MOST = 256
"""Relays that are listed; more are a forgery, or one floor of a trade fair."""
MOST_DOORS = 32
"""Of one relay, over all ways to it."""
Key = tuple[str, str]


class Found(Struct):
    """A relay that has answered."""

    name: str
    instance: str
    at: int = 0
    """Its clock, ms; 0 if it did not say."""
    skew_ms: int = 0
    """How far its clock is ahead of ours."""
    latency_s: float = inf
    """The shortest time that an answer took; infinite if nothing was asked of it."""
    load: Load | None = None
    """None if it only announces itself (mDNS)."""
    rooms: tuple[Room, ...] = ()
    more: int = 0
    by: dict[str, None] = field(default_factory=dict)
    """The interfaces, or the hosts asked, or ``mdns``; in the order of their
    answers."""
    doors: dict[tuple[str, int], Door] = field(default_factory=dict)
    """By host, with its scope, and port."""

    @property
    def server(self) -> str:
        """Where a client of ours comes in best, as ``--server`` takes it; empty if
        there is no door for it."""
        native = [
            (_rank(host, door), host, door)
            for (host, _), door in self.doors.items()
            if door.dialect == "native"
        ]
        if not native:
            return ""
        _, host, door = min(native, key=lambda one: one[0])
        return written("tls" if door.tls else "tcp", host, door.port)

    @property
    def fingerprint(self) -> str:
        """The announced SHA-256 of the certificate at ``server``, as it is shown."""
        for (host, port), door in self.doors.items():
            if written("tls", host, port) == self.server:
                return bytes.fromhex(door.fingerprint).hex(":").upper()
        return ""

    @property
    def free(self) -> float:
        """The share of its capacity that is free, 0 to 1."""
        if self.load is None:
            return 0.0
        if not self.load.capacity:
            return 1.0
        return max(0.0, 1 - self.load.sessions / self.load.capacity)

    @property
    def ways(self) -> str:
        """How it was heard, for people."""
        return ", ".join(self.by)


def _rank(host: str, door: Door) -> int:
    """The best door first: on this machine, where nobody listens, a plain one needs no
    certificate; elsewhere TLS, and an address without a scope if there is one."""
    ip = ip_address(host.partition("%")[0])
    if ip.is_loopback:
        return 1 if door.tls else 0
    return (2 if door.tls else 4) + ip.is_link_local


def written(kind: str, host: str, port: int) -> str:
    """An endpoint string."""
    if ":" not in host:
        return f"{kind}:{host}:{port}"
    if kind == "tls":
        return f"tls:[{host}]:{port}"
    quoted = host.replace(":", "\\:")
    return f"{kind}:{quoted}:{port}"


class Findings:
    """All relays that were heard, by name and instance."""

    def __init__(self, told: Callable[[Found], None]) -> None:
        """``told`` is called once for each relay, when it is heard first."""
        self._told = told
        self._found: dict[Key, Found] = {}

    def __len__(self) -> int:
        return len(self._found)

    def all(self) -> list[Found]:
        """In the order in which they were heard."""
        return list(self._found.values())

    def heard(
        self,
        answer: Answer,
        by: str,
        latency_s: float,
        now_ms: int,
        scope: str = "",
        here: bool = False,
    ) -> None:
        """An answer, by an interface or from a host that was asked. ``scope``: the
        interface that its link-local addresses are on. ``here``: it is this machine's
        own."""
        found, new = self._entry(answer.name, answer.instance)
        if found is None:
            return
        if latency_s < found.latency_s:
            found.latency_s = latency_s
            # Half of the way is behind it when it looks at its clock.
            found.skew_ms = answer.at - now_ms + round(latency_s * 500)
        found.at, found.load = answer.at, answer.load
        found.rooms, found.more = answer.rooms, answer.more
        doors = ((_scoped(one.host, scope), one) for one in answer.doors)
        self._add(found, by, doors, here)
        if new:
            self._told(found)

    def announced(
        self, name: str, instance: str, doors: Iterable[tuple[str, Door]], by: str
    ) -> None:
        """What is announced without being asked."""
        found, new = self._entry(name, instance)
        if found is None:
            return
        self._add(found, by, doors)
        if new:
            self._told(found)

    def _entry(self, name: str, instance: str) -> tuple[Found | None, bool]:
        key = (name, instance)
        if key in self._found:
            return self._found[key], False
        if len(self._found) >= MOST:
            return None, False
        self._found[key] = Found(name, instance)
        return self._found[key], True

    def _add(
        self,
        found: Found,
        by: str,
        doors: Iterable[tuple[str, Door]],
        here: bool = False,
    ) -> None:
        found.by[by] = None
        for host, door in doors:
            # Nobody else has a say in what of this machine's is gone to.
            mine = ip_address(door.host).is_loopback
            if len(found.doors) < MOST_DOORS and (here or not mine):
                # Who says it first is believed no more than who says otherwise later.
                found.doors.setdefault((host, door.port), door)


def _scoped(host: str, scope: str) -> str:
    return f"{host}%{scope}" if scope and ip_address(host).is_link_local else host


ORDERS: dict[str, Callable[[Found], Any]] = {
    "capacity": lambda one: (
        -round(one.free, 1),
        round(one.latency_s, 3),
        -(one.load.free_bytes if one.load else 0),
    ),
    "latency": lambda one: one.latency_s,
    "disk": lambda one: -(one.load.free_bytes if one.load else 0),
    "name": lambda one: (one.name, one.instance),
}
"""What is best first. Capacity in tenths and latency in milliseconds: smaller
differences mean nothing, and the next thing counts; in the end the free disk."""


def best_first(found: Iterable[Found], order: str = "capacity") -> list[Found]:
    """In an order of ``ORDERS``."""
    return sorted(found, key=ORDERS[order])
