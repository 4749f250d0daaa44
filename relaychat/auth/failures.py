"""How often somebody may be wrong (H27): on all wires and by all ways together.

Two counts, each over a sliding span. Of the pair of account and address everything that
was begun counts, until it succeeds. Of the address alone, unless it is this machine
itself, which stands for many people, only what has failed counts: a house may come back
at once. The account alone is not counted: else anybody could lock its owner out.
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
    """Counts failed logins."""

    def __init__(
        self, world: World, most: int = ATTEMPTS, span_us: int = MINUTE_US
    ) -> None:
        self._world = world
        self._most = most
        self._span_us = span_us
        self._times: dict[tuple[str, str], list[int]] = {}

    def attempt(self, name: str, address: str) -> bool:
        """Begin an attempt. False if it is one too many, and must not go on."""
        now = self._world.monotonic_us()
        pair, *alone = [self._recent(key, now) for key in _keys(name, address)]
        if any(len(times) >= self._most for times in (pair, *alone)):
            return False
        pair.append(now)
        return True

    def succeeded(self, name: str, address: str) -> None:
        """The last attempt of these was right: it does not count."""
        pair, *_ = _keys(name, address)
        times = self._times.get(pair)
        if times:
            times.pop()

    def failed(self, name: str, address: str) -> None:
        """An attempt of these was wrong: it counts for the address, too."""
        now = self._world.monotonic_us()
        for alone in _keys(name, address)[1:]:
            self._recent(alone, now).append(now)

    def _recent(self, key: tuple[str, str], now: int) -> list[int]:
        times = self._times.pop(key, [])
        while times and times[0] <= now - self._span_us:
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
