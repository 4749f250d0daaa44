"""How often somebody may be wrong (H27).

Two counts, each over a sliding minute: the pair of account and address, everywhere; the
address alone, unless it is this machine itself, which stands for many people. The
account alone is not counted: else anybody could lock its owner out.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from relaychat.model.world import World

ATTEMPTS = 3
"""Failures that are allowed within ``MINUTE_US``: a person mistypes twice."""
MINUTE_US = 60_000_000
KEYS_LIMIT = 10_000
"""Keys remembered, about 300 bytes each; the oldest makes room for a new one."""


class Failures:
    """Counts failed logins. An attempt counts from its start, until it succeeds."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._times: dict[tuple[str, str], list[int]] = {}

    def attempt(self, name: str, address: str) -> bool:
        """Begin an attempt. False if it is one too many, and must not go on."""
        now = self._world.monotonic_us()
        lists = [self._recent(key, now) for key in _keys(name, address)]
        if any(len(times) >= ATTEMPTS for times in lists):
            return False
        for times in lists:
            times.append(now)
        return True

    def succeeded(self, name: str, address: str) -> None:
        """The last attempt of these was right: it does not count."""
        for key in _keys(name, address):
            times = self._times.get(key)
            if times:
                times.pop()

    def _recent(self, key: tuple[str, str], now: int) -> list[int]:
        times = self._times.pop(key, [])
        while times and times[0] <= now - MINUTE_US:
            del times[0]
        if len(self._times) >= KEYS_LIMIT:
            del self._times[next(iter(self._times))]
        self._times[key] = times
        return times


def _keys(name: str, address: str) -> list[tuple[str, str]]:
    try:
        host = ip_address(address)
    except ValueError:
        return [(name, address)]
    network = address
    if isinstance(host, IPv6Address):
        if host.ipv4_mapped is not None:
            return _keys(name, str(host.ipv4_mapped))
        # Whoever has one address of a /64 has all of them.
        network = str(IPv6Address(int(host) >> 64 << 64))
    pair = (name, network)
    return [pair] if host.is_loopback else [pair, ("", network)]
