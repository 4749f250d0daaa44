"""How the relay is found on the local network: what it says of itself, and to whom."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed

from relaychat import __version__
from relaychat.app.build import Relay
from relaychat.app.config import Config, networks
from relaychat.app.listeners import Door
from relaychat.hub.facts import Survey
from relaychat.net.discovery import Discovery, News, Settings
from relaychat.net.interfaces import Interface
from relaychat.net.mdns import Announcer, announced
from relaychat.net.reach import Open
from relaychat.wire.discovery import Load, Room

ROOMS = 64
"""More than fit into an answer."""
_word = re.compile(r"[A-Za-z0-9_.-]{1,32}")


class Presence:
    """What a relay says of itself (``net.discovery.Speaker``)."""

    def __init__(self, config: Config, relay: Relay, hosts: Iterable[object]) -> None:
        """``hosts``: what the doors listen on."""
        self._config = config
        self._relay = relay
        self._hosts = tuple(zip(relay.doors, hosts, strict=True))

    def doors(self) -> tuple[Open, ...]:
        """Those that a client can come in by from elsewhere: of a dialect, over IP, not
        behind a proxy, and none of the administrators'."""
        return tuple(_open(self._hosts))

    def news(self, told: Callable[[News], None]) -> None:
        """Load and public rooms."""

        def surveyed(survey: Survey) -> None:
            rooms = tuple(Room(name, members) for name, members in survey.fullest)
            told(News(self._load(), rooms, survey.rooms - len(rooms)))

        if self._tells_rooms:
            self._relay.hub.survey(ROOMS, surveyed)
        else:
            told(News(self._load()))

    @property
    def _tells_rooms(self) -> bool:
        """Whether rooms are named: only where anybody could come in and list them."""
        accounts = self._config.accounts
        anybody = accounts.guests and not accounts.guest_password
        return anybody and self._config.discovery.rooms

    def _load(self) -> Load:
        counter = self._relay.counter
        try:
            disk = os.statvfs(self._config.server.data)
        except OSError:  # It keeps nothing there, or it can't be asked now.
            return Load(counter.total, counter.most)
        return Load(counter.total, counter.most, disk.f_bavail * disk.f_frsize)


def _open(hosts: Iterable[tuple[Door, object]]) -> Iterator[Open]:
    for door, host in hosts:
        listen = door.listen
        dialect = listen.dialect.rpartition(":")[2]
        if not _word.fullmatch(dialect) or dialect == "control" or listen.proxies:
            continue
        if isinstance(host, IPv4Address | IPv6Address):
            tls = door.tls
            shown = tls.default.fingerprint if tls is not None else ""
            fingerprint = shown.replace(":", "").lower()
            yield Open(dialect, host.host, host.port, tls is not None, fingerprint)


class Discoverable:
    """A relay that can be found, from ``start`` to ``stop``."""

    def __init__(self, config: Config, relay: Relay, hosts: Iterable[object]) -> None:
        self._config = config
        self._presence = Presence(config, relay, hosts)
        self._world = relay.hub.house.world
        self._discovery: Discovery | None = None
        self._announcer: Announcer | None = None

    def start(self, reactor: Any) -> None:
        """Answer questions and announce it, as far as the configuration wants."""
        wanted = self._config.discovery
        if not wanted.enabled:
            return
        settings = Settings(
            wanted.port,
            wanted.interfaces,
            networks(wanted),
            self._config.limits.discovery,
        )
        name = self._config.server.name
        made = Discovery(reactor, self._world, settings, name, self._presence)
        if wanted.mdns:
            self._announcer = Announcer(reactor)
            made.looked = self._announce
        self._discovery = made
        made.start()

    def stop(self) -> Deferred[None]:
        """Be found no more; fires when goodbye is said."""
        if self._discovery is not None:
            self._discovery.stop()
        return succeed(None) if self._announcer is None else self._announcer.stop()

    def _announce(self, interfaces: tuple[Interface, ...]) -> None:
        assert self._announcer is not None and self._discovery is not None
        self._announcer.announce(
            announced(
                self._presence.doors(),
                interfaces,
                self._config.discovery.interfaces,
                self._config.server.name,
                self._discovery.instance,
                __version__,
            )
        )
