"""What the probes of a network have found, and the facts in it that a verdict needs.

Without I/O: the probes fill in a ``Report``, ``facts`` makes words of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Outcome(StrEnum):
    """What came of a probe."""

    OK = "ok"
    SILENT = "silent"
    """No answer in time."""
    REFUSED = "refused"
    """The machine is there, and says that nobody listens; so do some firewalls."""
    UNREACHABLE = "unreachable"
    """Nobody there has an answer for the address, or a router says that it has none."""
    NO_ROUTE = "no_route"
    """This machine does not know where to send it."""
    DENIED = "denied"
    """This machine may not send it: a firewall of its own."""
    UNABLE = "unable"
    """The interface can't do that."""
    UNTRIED = "untried"
    """It would prove nothing."""


PROBES = ("broadcast", "multicast4", "multicast6", "mdns", "udp", "tcp")
"""In the order of the layers that they need."""
_TRIED = (Outcome.OK, Outcome.DENIED, Outcome.SILENT)
"""Which one of several counts, of probes that ask everybody."""


class Row(Struct, kw_only=True):
    """One interface."""

    name: str
    addresses: tuple[str, ...] = ()
    """With their networks."""
    up: bool = True
    """Switched on, with an address, and with something at the other end."""
    wireless: bool = False
    tunnel: bool = False
    default: bool = False
    """The default route goes by it."""
    on_link: bool = False
    """The target is in one of its networks."""
    routed: bool = False
    """This machine sends to the target by it."""
    probes: dict[str, Outcome] = {}
    """By a name of ``PROBES``."""

    def of(self, probe: str) -> Outcome:
        """What came of a probe."""
        return self.probes.get(probe, Outcome.UNTRIED)


class Target(Struct, kw_only=True):
    """The machine at the other end."""

    address: str
    given: bool = True
    """By who asks; else it was found."""
    name: str = ""
    """What it calls itself, if it answered."""
    udp: Outcome = Outcome.UNTRIED
    """By whatever interface this machine takes by itself; as ``tcp``."""
    tcp: Outcome = Outcome.UNTRIED
    door: str = ""
    """What was tried by TCP: ``HOST:PORT``."""
    announced: bool = False
    """It named that door itself."""
    routed: bool = True
    """There is a route to it."""
    neighbour: str = "unknown"
    """``there`` or ``missing``, if it was looked for on the link (ARP)."""
    certificate: str = "untold"
    """``same`` as it announced, ``other``, or ``failed``: no TLS came about."""


class Report(Struct, kw_only=True):
    """All that was found."""

    rows: list[Row]
    target: Target | None = None
    gateway: str = "none"
    """Whether the router answers on the link: ``ok``, ``silent``, or ``none``."""
    others: list[str] = []
    """Who else has answered: name and address."""


def facts(report: Report) -> dict[str, str]:
    """What the tables of ``verdicts`` look at. Each fact is one word."""
    target, up = report.target, [row for row in report.rows if row.up]
    asked = [row for row in up if row.on_link] if target and target.given else up
    found = {probe: _of_all(row.of(probe) for row in asked) for probe in PROBES[:4]}
    return {
        "interface": "up" if up else "none",
        "down": _yes(any(row.addresses and not row.up for row in report.rows)),
        "tunnel": _yes(any(row.default and row.tunnel for row in up)),
        "wireless": _yes(
            any(row.wireless and (row.routed or not target) for row in up)
        ),
        "gateway": report.gateway,
        "broadcast": found["broadcast"],
        "multicast": _groups(found["multicast4"], found["multicast6"]),
        "mdns": found["mdns"],
        **_of_target(report, target),
    }


def _of_target(report: Report, target: Target | None) -> dict[str, str]:
    if target is None:
        return {"target": "none"}
    return {
        "target": "given" if target.given else "found",
        "route": _route(report.rows, target),
        "udp": target.udp,
        "tcp": target.tcp,
        "neighbour": target.neighbour,
        "certificate": target.certificate,
        "announced": _yes(target.announced),
    }


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _of_all(outcomes: Iterable[Outcome]) -> str:
    """The outcome of a probe over all interfaces: the best one."""
    there = set(outcomes)
    return next((one for one in _TRIED if one in there), Outcome.UNABLE)


def _groups(four: str, six: str) -> str:
    """``ok`` if all groups that can be asked answer, ``partly`` if one of two does."""
    there = {one for one in (four, six) if one != Outcome.UNABLE}
    if len(there) == 2 and Outcome.OK in there:
        return "partly"
    return there.pop() if len(there) == 1 else Outcome.SILENT if there else "unable"


def _route(rows: Iterable[Row], target: Target) -> str:
    """``none``, ``wrong`` if another interface than the one that is taken leads there,
    ``gateway`` if it is beyond a router, else ``right``."""
    if not target.routed:
        return "none"
    if Outcome.OK not in (target.udp, target.tcp) and answering(rows) is not None:
        return "wrong"
    taken = next((row for row in rows if row.routed), None)
    return "right" if taken is None or taken.on_link else "gateway"


def answering(rows: Iterable[Row]) -> Row | None:
    """The interface by which the target answers, if the one that is taken is silent."""
    there = [
        row
        for row in rows
        if any(row.of(probe) is Outcome.OK for probe in PROBES if probe != "mdns")
    ]
    return there[0] if there and not any(row.routed for row in there) else None
