"""Where this machine sends, and whom it has met on its links: what Linux tells in
``/proc/net`` and ``/sys/class/net``. Elsewhere nothing is known."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import NamedTuple

from relaychat.net.interfaces import IP, Interface

PROC = Path("/proc/net")
SYS = Path("/sys/class/net")
_UP, _GATEWAY = 0x1, 0x2
"""RTF_UP and RTF_GATEWAY of a route."""
_COMPLETE = 0x2
"""ATF_COM of a neighbour: its hardware address is known."""
_TUNNELS = {65534, 512, 768, 769, 776, 778, 823}
"""ARPHRD_NONE (tun, WireGuard), PPP, and tunnels of IP in IP."""


class Gateway(NamedTuple):
    """The way out of the network: its interface, and the router; None if the interface
    itself is the way, as with a tunnel."""

    interface: str
    ip: IPv4Address | None


def default_gateway() -> Gateway | None:
    """That of IPv4, the one of the lowest metric. None if there is none."""
    return default_in(_read(PROC / "route"))


def default_in(text: str) -> Gateway | None:
    """The default route in ``/proc/net/route``."""
    found: list[tuple[int, Gateway]] = []
    for line in text.splitlines()[1:]:
        cells = line.split()
        if len(cells) < 8 or cells[1] != "00000000" or cells[7] != "00000000":
            continue
        flags, metric = int(cells[3], 16), int(cells[6])
        if flags & _UP:
            raw = int(cells[2], 16).to_bytes(4, "little")
            ip = IPv4Address(raw) if flags & _GATEWAY else None
            found.append((metric, Gateway(cells[0], ip)))
    return min(found, key=lambda one: one[0])[1] if found else None


def neighbours() -> dict[tuple[str, IPv4Address], bool]:
    """The machines of the links that were looked for lately, by interface, and whether
    they have answered (ARP)."""
    return neighbours_in(_read(PROC / "arp"))


def neighbours_in(text: str) -> dict[tuple[str, IPv4Address], bool]:
    """Those in ``/proc/net/arp``."""
    found = {}
    for line in text.splitlines()[1:]:
        cells = line.split()
        if len(cells) == 6:
            known = bool(int(cells[2], 16) & _COMPLETE)
            found[cells[5], IPv4Address(cells[0])] = known
    return found


def is_wireless(name: str) -> bool:
    """Whether an interface is a radio."""
    return (SYS / name / "wireless").exists() or (SYS / name / "phy80211").exists()


def is_tunnel(name: str) -> bool:
    """Whether an interface is a tunnel: of a VPN, mostly."""
    kind = _read(SYS / name / "type").strip()
    return kind.isdigit() and int(kind) in _TUNNELS


def route_to(ip: IP, scope: int = 0) -> IP:
    """The address that this machine would send from. Nothing is sent.

    Raises OSError: there is no route.
    """
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((str(ip), 9) if ip.version == 4 else (str(ip), 9, 0, scope))
        return ip_address(sock.getsockname()[0].partition("%")[0])


def interface_with(interfaces: Iterable[Interface], ip: IP) -> Interface | None:
    """The interface that has an address."""
    return next(
        (one for one in interfaces if any(ip == own.ip for own in one.addresses)), None
    )


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
