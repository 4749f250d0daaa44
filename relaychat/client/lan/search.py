"""A search of the network: which relays are there, the best first; and if there are
none, why that may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from relaychat.client.cli.run import UNREACHABLE, USAGE, Trouble
from relaychat.client.lan.browse import Browser
from relaychat.client.lan.findings import Findings, Found, best_first
from relaychat.client.lan.questions import Questions, after
from relaychat.net.datagrams import PORT
from relaychat.net.interfaces import Interface, read_interfaces

DOCTOR = "relaychat doctor lan may find out why"


class Options(NamedTuple):
    """How to search."""

    wait_s: float = 2.0
    ask: tuple[str, ...] = ()
    """Hosts to be asked beside the network."""
    interfaces: tuple[str, ...] = ()
    """Names of the interfaces to ask by; empty for all."""
    port: int = PORT
    mdns: bool = True
    sort: str = "capacity"
    """What is best: a key of ``findings.ORDERS``."""


class Search:
    """One search, from its beginning to its end: by questions, and by mDNS."""

    def __init__(
        self,
        reactor: Any,
        options: Options,
        told: Callable[[Found], None] = lambda found: None,
    ) -> None:
        """``told`` is called with each relay when it is heard first."""
        self.findings = Findings(told)
        self.questions = Questions(reactor, self.findings, options.port)
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
            self.questions.by_interfaces(self._asked)
            await self.questions.hosts(options.ask)
            self.questions.start()
            why = await self._browser.start(self._asked) if options.mdns else ""
            await after(self._reactor, options.wait_s)
        finally:
            self.questions.stop()
            await self._browser.stop()
        found = best_first(self.findings.all(), options.sort)
        if not found:
            raise Trouble(UNREACHABLE, "\n".join(self._reasons(why)))
        return found

    def _reasons(self, mdns: str) -> list[str]:
        """Why there is nobody, as far as it can be known."""
        lines = ["no relay has answered."]
        up = [one for one in self._asked if one.up and not one.loopback]
        if not any(one.addresses for one in up):
            lines.append("No network interface is up and has an address, but loopback.")
        for asker in self.questions.askers:
            tried = [f"{way.name} to {way.to}" for way in asker.ways]
            good = [one for one in tried if one not in asker.troubles]
            if good:
                lines.append(f"Asked by {asker.name}: {', '.join(good)}.")
            for way, trouble in asker.troubles.items():
                firewall = " (a firewall?)" if "permitted" in trouble else ""
                lines.append(f"By {asker.name}, {way} can't be: {trouble}{firewall}.")
        lines += [f"{one}." for one in (*self.questions.troubles, mdns) if one]
        dropped = sum(one.dropped for one in self.questions.askers)
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


async def best_server(reactor: Any, options: Options) -> Found:
    """The best relay with a door for us. Raises Trouble."""
    found = await Search(reactor, options).run()
    usable = [one for one in found if one.server]
    if not usable:
        raise Trouble(UNREACHABLE, "the relays there have no native door")
    return usable[0]
