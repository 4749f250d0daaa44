"""The answering side of discovery: a relay tells who asks on its own network what it is
called, where one comes in, and how full it is (H29).

Who gets an answer: a query of ours, from an address on the link of the interface that
it came in by, or in one of the networks that the configuration names; ten times a
second at most, and a hundred times for all together. Everything else gets nothing. An
answer is never longer than its query. It names the doors that can be reached from where
was asked: one on loopback is told to this machine alone.
"""

from __future__ import annotations

import socket
from collections import Counter, deque
from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import ip_address
from typing import Any, Protocol

from msgspec import Struct
from twisted.logger import Logger

from relaychat.model.world import Timer, World
from relaychat.net.datagrams import (
    PORT,
    Ancillary,
    Reader,
    answering_socket,
    back,
    sockaddr,
)
from relaychat.net.interfaces import IP, Interface, read_interfaces
from relaychat.net.reach import Network, Open, may_ask, reachable
from relaychat.wire.discovery import Answer, Door, Load, Room, answer, read_query

RESCAN_S = 2.0
"""How often it is looked whether interfaces have come, gone or changed: for so long
nobody finds a relay whose network has just come. Half a millisecond each."""
FRESH_S = 1.0
"""How long the rooms and the load that were told last are good enough, ..."""
FRESH_ROOMS = 10_000
"""... for each so many rooms: to look through them takes 5 ms of a turn."""
INTERFACES = 32
"""Interfaces that are answered on at most. Where there are more, containers have
them."""


class Rates(Struct, frozen=True, forbid_unknown_fields=True):
    """Answers to questions by UDP. What is above is dropped without a word."""

    per_address_per_s: int = 10
    """To one address within any second: a client asks three times."""
    all_per_s: int = 100
    """To all together within any second: at most 120 KB."""


class Settings(Struct, frozen=True):
    """Where to answer, and how often."""

    port: int = PORT
    interfaces: tuple[str, ...] = ()
    """Names; empty for all that a door can be reached by."""
    networks: tuple[Network, ...] = ()
    """Whose addresses are answered beside those on the link."""
    rates: Rates = Rates()


class News(Struct, frozen=True):
    """What changes about a relay all the time."""

    load: Load = Load()
    rooms: tuple[Room, ...] = ()
    more: int = 0
    """Public rooms beside these."""


def listened_on(
    interfaces: Iterable[Interface], doors: Iterable[Open], settings: Settings
) -> dict[tuple[Interface, int], None]:
    """Interfaces, with the IP versions, that questions are heard on."""
    doors = tuple(doors)
    wanted = [
        one
        for one in interfaces
        if one.up
        and one.addresses
        and (not settings.interfaces or one.name in settings.interfaces)
        and any(reachable(doors, one))
    ]
    return {
        (one, version): None
        for one in wanted[:INTERFACES]
        for version in (4, 6)
        if one.of(version)
    }


class Asked:
    """The answers of the last second: who got how many, to which questions. It holds
    as many as there may be, and no more."""

    def __init__(self, rates: Rates, world: World) -> None:
        self._rates = rates
        self._world = world
        self._answers: deque[tuple[int, str, bytes]] = deque()
        self._by_address: Counter[str] = Counter()
        self._nonces: set[tuple[str, bytes]] = set()

    def __len__(self) -> int:
        return len(self._answers)

    @property
    def full(self) -> bool:
        """Whether nobody is answered any more at the moment."""
        self._forget()
        return len(self._answers) >= self._rates.all_per_s

    def admit(self, host: str, nonce: bytes) -> bool:
        """Whether to answer; if so, it is counted. A question that comes by several
        ways is answered once."""
        if self.full or (host, nonce) in self._nonces:
            return False
        if self._by_address[host] >= self._rates.per_address_per_s:
            return False
        self._answers.append((self._world.monotonic_us(), host, nonce))
        self._by_address[host] += 1
        self._nonces.add((host, nonce))
        return True

    def _forget(self) -> None:
        before = self._world.monotonic_us() - 1_000_000
        while self._answers and self._answers[0][0] <= before:
            _, host, nonce = self._answers.popleft()
            self._nonces.discard((host, nonce))
            self._by_address[host] -= 1
            if not self._by_address[host]:
                del self._by_address[host]


class Speaker(Protocol):
    """What a relay has to say."""

    def doors(self) -> tuple[Open, ...]:
        """The doors that stand open."""

    def news(self, told: Callable[[News], None]) -> None:
        """Gather the news, and tell them, at once or later. Asked once a second at
        most, and not before the last ones were told."""


Reply = Callable[[bytes], None]
"""Sends an answer back to where the question came from."""


class Discovery:
    """See the module. Follows the interfaces from ``start`` until ``stop``."""

    _log = Logger(namespace="relaychat.discovery")

    def __init__(
        self,
        reactor: Any,
        world: World,
        settings: Settings,
        name: str,
        speaker: Speaker,
        interfaces: Callable[[], tuple[Interface, ...]] = read_interfaces,
    ) -> None:
        self.asked = Asked(settings.rates, world)
        self.looked: Callable[[tuple[Interface, ...]], None] = lambda interfaces: None
        """Called with the interfaces at each look, for who announces the relay in other
        ways."""
        self.instance = world.token_bytes(8).hex()
        self._settings = settings
        self._reactor = reactor
        self._world = world
        self._name = name
        self._speaker = speaker
        self._read_interfaces = interfaces
        self._own: frozenset[IP] = frozenset()
        self._news = News()
        self._fresh_until_us = 0
        self._waiting: list[Callable[[], None]] = []
        """Answers that wait for news: as many as may be given in a second."""
        self._readers: dict[tuple[Interface, int], Reader] = {}
        self._troubles: dict[tuple[str, int], str] = {}
        """What was told of interfaces that can't be heard."""
        self._timer: Timer | None = None

    def start(self) -> None:
        """Begin to answer."""
        self._look()

    def stop(self) -> None:
        """Answer nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
        self._waiting.clear()

    @property
    def heard(self) -> list[tuple[str, int]]:
        """The interfaces, with the IP version, that are listened on."""
        return [(interface.name, version) for interface, version in self._readers]

    # -- questions and answers -------------------------------------------------------

    def received(
        self, data: bytes, sender: Any, interface: Interface, reply: Reply
    ) -> None:
        """A datagram has come in by an interface, from a socket's address. What is
        cheapest to see is seen first."""
        nonce = read_query(data)
        if nonce is None or self.asked.full or not sender[1]:
            return
        source = ip_address(sender[0].partition("%")[0])
        if not may_ask(source, interface, self._own, self._settings.networks):
            return
        if self.asked.admit(sender[0], nonce):
            self._when_fresh(
                lambda: reply(answer(nonce, self._answer(interface, source)))
            )

    def _when_fresh(self, call: Callable[[], None]) -> None:
        """Call when the news are good enough, which they mostly are."""
        if self._world.monotonic_us() < self._fresh_until_us:
            call()
        elif len(self._waiting) < self._settings.rates.all_per_s:
            self._waiting.append(call)
            if len(self._waiting) == 1:
                self._speaker.news(self._told)

    def _told(self, news: News) -> None:
        self._news = news
        times = max(1.0, (len(news.rooms) + news.more) / FRESH_ROOMS)
        self._fresh_until_us = self._world.monotonic_us() + int(FRESH_S * times * 1e6)
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            try:
                call()
            except Exception:  # It is a turn of the hub's that this is called in.
                self._log.failure("an answer could not be given")

    def _answer(self, interface: Interface, source: IP) -> Answer:
        """What one who asks by an interface is told."""
        doors = reachable(self._speaker.doors(), interface, source)
        return Answer(
            name=self._name,
            instance=self.instance,
            at=self._world.now_ms(),
            doors=tuple(
                Door(one.dialect, str(ip), one.port, one.tls, one.fingerprint)
                for one, ip in doors
            ),
            load=self._news.load,
            rooms=self._news.rooms,
            more=self._news.more,
        )

    # -- interfaces that come and go -------------------------------------------------

    def _look(self) -> None:
        """Listen where it is to be listened. An interface that has changed is listened
        on anew, which joins its groups again."""
        self._timer = self._world.later(RESCAN_S, self._look)
        try:
            interfaces = self._read_interfaces()
        except OSError as error:
            self._log.warn("the interfaces can't be read: {why}", why=error)
            return
        self._own = frozenset(
            address.ip for one in interfaces for address in one.addresses
        )
        self.looked(interfaces)
        wanted = listened_on(interfaces, self._speaker.doors(), self._settings)
        for key in [key for key in self._readers if key not in wanted]:
            self._readers.pop(key).close()
        there = {interface.name for interface, _ in wanted}
        for known in [one for one in self._troubles if one[0] not in there]:
            del self._troubles[known]
        for interface, version in wanted:
            if (interface, version) not in self._readers:
                self._listen(interface, version)

    def _listen(self, interface: Interface, version: int) -> None:
        try:
            sock = answering_socket(interface, version, self._settings.port)
        except OSError as error:
            self._complain(interface, version, error.strerror or str(error))
            return
        self._troubles.pop((interface.name, version), None)
        send = partial(_send, sock, interface)

        def received(data: bytes, sender: Any, ancillary: Ancillary) -> None:
            reply = partial(send, sender, back(ancillary))
            self.received(data, sender, interface, reply)

        reader = Reader(self._reactor, self._world.later, sock, received)
        self._readers[interface, version] = reader

    def _complain(self, interface: Interface, version: int, why: str) -> None:
        """Say it once, not at every look."""
        if self._troubles.get((interface.name, version)) == why:
            return
        self._troubles[interface.name, version] = why
        self._log.warn(
            "nobody can find this relay by {name} (UDP port {port}, IPv{version}):"
            " {why}; trying again",
            name=interface.name,
            port=self._settings.port,
            version=version,
            why=why,
        )


def _send(
    sock: socket.socket,
    interface: Interface,
    sender: Any,
    ancillary: Ancillary,
    data: bytes,
) -> None:
    """Send, if the kernel can: who has no answer asks again."""
    source = ip_address(sender[0].partition("%")[0])
    scope = interface.index if source.version == 6 and source.is_link_local else 0
    try:
        sock.sendmsg([data], ancillary, 0, sockaddr(source, sender[1], scope))
    except OSError:
        return
