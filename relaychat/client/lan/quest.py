"""``relaychat discover``: the relays of this network, best first; and which of them a
client goes to that was told none."""

from __future__ import annotations

import json
from math import isinf
from typing import Any, NamedTuple

from relaychat.client.cli.output import note, write
from relaychat.client.cli.run import UNREACHABLE, USAGE, Job, Trouble
from relaychat.client.cli.show import clean
from relaychat.client.lan.browse import Browser
from relaychat.client.lan.findings import Findings, Found, best_first
from relaychat.client.lan.search import Search, after
from relaychat.net.datagrams import PORT
from relaychat.net.interfaces import Interface, read_interfaces

SKEW_MS = 2000
"""A clock that is off by more is worth a word."""
DOCTOR = "relaychat doctor lan may find out why"


class Options(NamedTuple):
    """How to search, and what to show."""

    wait_s: float = 2.0
    ask: tuple[str, ...] = ()
    """Hosts to be asked beside the network."""
    interfaces: tuple[str, ...] = ()
    """Names of the interfaces to ask by; empty for all."""
    port: int = PORT
    mdns: bool = True
    sort: str = "capacity"
    best: bool = False
    """Write the address of the best one, and nothing else."""
    json: bool = False


class Quest:
    """One search, from its beginning to its end."""

    def __init__(self, reactor: Any, options: Options) -> None:
        self.findings = Findings(self._told)
        self.search = Search(reactor, self.findings, options.port)
        self._browser = Browser(reactor, self.findings)
        self._reactor = reactor
        self._options = options
        self._asked: tuple[Interface, ...] = ()

    async def run(self) -> list[Found]:
        """All that were found, best first. Raises Trouble if there are none."""
        options = self._options
        try:
            there = read_interfaces()
        except OSError as error:
            raise Trouble(
                UNREACHABLE, f"the interfaces can't be read: {error}"
            ) from None
        self._asked = _wanted(there, options.interfaces)
        try:
            self.search.by_interfaces(self._asked)
            await self.search.hosts(options.ask)
            self.search.start()
            why = await self._browser.start(self._asked) if options.mdns else ""
            await after(self._reactor, options.wait_s)
        finally:
            self.search.stop()
            await self._browser.stop()
        found = best_first(self.findings.all(), options.sort)
        if not found:
            raise Trouble(UNREACHABLE, "\n".join(self._reasons(why)))
        return found

    def _told(self, found: Found) -> None:
        if self._options.json:
            write(json_of(found))
        elif not self._options.best:
            note(f"{found.name} answers, by {found.ways}")

    def _reasons(self, mdns: str) -> list[str]:
        """Why there is nobody, as far as it can be known."""
        lines = ["no relay has answered."]
        up = [one for one in self._asked if one.up and not one.loopback]
        if not any(one.addresses for one in up):
            lines.append("No network interface is up and has an address, but loopback.")
        for asker in self.search.askers:
            tried = [f"{way.name} to {way.to}" for way in asker.ways]
            good = [one for one in tried if one not in asker.troubles]
            if good:
                lines.append(f"Asked by {asker.name}: {', '.join(good)}.")
            for way, trouble in asker.troubles.items():
                firewall = " (a firewall?)" if "permitted" in trouble else ""
                lines.append(f"By {asker.name}, {way} can't be: {trouble}{firewall}.")
        lines += [f"{one}." for one in (*self.search.troubles, mdns) if one]
        dropped = sum(one.dropped for one in self.search.askers)
        if dropped:
            lines.append(f"{dropped} answers to what was not asked were dropped.")
        return [*lines, f"{DOCTOR}."]


def _wanted(
    there: tuple[Interface, ...], names: tuple[str, ...]
) -> tuple[Interface, ...]:
    """Raises Trouble for an interface that is not there."""
    known = {one.name for one in there}
    for name in names:
        if name not in known:
            listed = ", ".join(sorted(known))
            raise Trouble(USAGE, f"there is no interface {name}, but {listed}")
    return tuple(one for one in there if not names or one.name in names)


# -- what is shown ---------------------------------------------------------------------


def json_of(found: Found) -> str:
    """A line for programs."""
    timed = not isinf(found.latency_s)
    load = found.load
    shown = {
        "name": found.name,
        "instance": found.instance,
        "server": found.server,
        "fingerprint": found.fingerprint,
        "latency_ms": round(found.latency_s * 1000, 2) if timed else None,
        "skew_ms": found.skew_ms if timed else None,
        "sessions": load.sessions if load else None,
        "capacity": load.capacity if load else None,
        "free_bytes": load.free_bytes if load else None,
        "doors": [
            {"dialect": one.dialect, "host": host, "port": port, "tls": one.tls,
             "fingerprint": one.fingerprint}
            for (host, port), one in found.doors.items()
        ],
        "rooms": [{"room": one.room, "members": one.members} for one in found.rooms],
        "more": found.more,
        "by": list(found.by),
    }  # fmt: skip
    return json.dumps(shown) + "\n"


def text_of(found: Found) -> str:
    """Some lines for people."""
    lines = [f"{found.name}: {_state(found)}"]
    if found.server:
        lines.append(f"relaychat chat --server {found.server}")
    if found.fingerprint:
        lines.append(f"announces SHA-256 {found.fingerprint}")
    others = [
        f"{one.dialect} {host} {port}{' TLS' if one.tls else ''}"
        for (host, port), one in found.doors.items()
        if one.dialect != "native"
    ]
    if others:
        lines.append("; ".join(others))
    if found.rooms:
        rooms = ", ".join(f"{one.room} ({one.members})" for one in found.rooms)
        lines.append(f"{rooms}, and {found.more} more" if found.more else rooms)
    if abs(found.skew_ms) > SKEW_MS:
        ahead = "ahead of" if found.skew_ms > 0 else "behind"
        lines.append(f"its clock is {abs(found.skew_ms) / 1000:.0f} s {ahead} ours")
    return clean("\n".join(lines)) + "\n"


def _state(found: Found) -> str:
    parts = []
    if found.load is not None:
        most = f" of {found.load.capacity:,}" if found.load.capacity else ""
        parts.append(f"{found.load.sessions:,}{most} connections")
    if not isinf(found.latency_s):
        parts.append(f"{found.latency_s * 1000:.1f} ms")
    if found.load is not None and found.load.free_bytes:
        parts.append(f"{found.load.free_bytes / 1e9:.1f} GB free")
    return ", ".join([*parts, f"by {found.ways}"])


def discover_job(options: Options) -> Job:
    """The job of ``relaychat discover``."""

    async def job(reactor: Any) -> int:
        found = await Quest(reactor, options).run()
        if options.best:
            servers = [one.server for one in found if one.server]
            if not servers:
                raise Trouble(UNREACHABLE, "no relay there has a native door")
            write(servers[0] + "\n")
        elif not options.json:
            write("\n".join(text_of(one) for one in found))
        return 0

    return job


async def best_server(reactor: Any, options: Options) -> Found:
    """The best relay with a door for us. Raises Trouble."""
    found = await Quest(reactor, options._replace(best=True)).run()
    usable = [one for one in found if one.server]
    if not usable:
        raise Trouble(UNREACHABLE, "the relays there have no native door")
    return usable[0]
