"""What ``relaychat discover`` does, and how it shows the relays that were found."""

from __future__ import annotations

import json
from math import isinf
from typing import Any

from relaychat.client.cli.output import note, write
from relaychat.client.cli.run import UNREACHABLE, Job, Trouble
from relaychat.client.cli.show import clean
from relaychat.client.lan.findings import Found
from relaychat.client.lan.search import Options, Search

SKEW_MS = 2000
"""A clock that is off by more is worth a word."""


def discover_job(options: Options, best: bool, as_json: bool) -> Job:
    """The job of the command. ``best``: the address of the best one alone is written.
    ``as_json``: each is written as it comes."""

    def told(found: Found) -> None:
        if as_json:
            write(json_of(found))
        elif not best:
            note(f"{found.name} answers, by {found.ways}")

    async def job(reactor: Any) -> int:
        found = await Search(reactor, options, told).run()
        if best:
            servers = [one.server for one in found if one.server]
            if not servers:
                raise Trouble(UNREACHABLE, "no relay there has a native door")
            write(servers[0] + "\n")
        elif not as_json:
            write("\n".join(text_of(one) for one in found))
        return 0

    return job


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
    return json.dumps(shown, separators=(",", ":")) + "\n"


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
