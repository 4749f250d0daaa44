"""The doors of a relay: what listens where, behind what, and who is let in."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.logger import Logger

from relaychat.app.config import Listen
from relaychat.app.endpoints import server_endpoint
from relaychat.app.extensions import CannotBuild, Extensions
from relaychat.app.finding import CannotFind
from relaychat.app.premises import Premises, factory_at
from relaychat.model.world import World
from relaychat.net.certificates import Certificates
from relaychat.net.counted import CountedFactory
from relaychat.net.listen import Behind, Counter, GuardedFactory, as_it_is, endpoint
from relaychat.net.outlet import Bounds
from relaychat.net.proxied import Proxied, Proxies
from relaychat.session.dialect import Dialect
from relaychat.session.host import Host


class Door(Struct, frozen=True):
    """A listener to be."""

    listen: Listen
    endpoint: IStreamServerEndpoint
    factory: GuardedFactory | CountedFactory
    tls: Certificates | None
    """None for plain."""


class Listeners(Struct, frozen=True):
    """What all doors of a relay have in common."""

    host: Callable[[type[Dialect]], Host]
    bounds: Bounds
    counter: Counter
    extensions: Extensions
    premises: Premises

    def door(self, key: str, listen: Listen, tls: Certificates | None) -> Door:
        """The listener that stands at a key of the configuration. Raises
        CannotBuild."""
        factory, alpn = self._factory(key, listen, tls is not None)
        around = None if tls is None else tls.connections(alpn)
        behind = behind_proxies(listen, self.premises.world)
        try:
            where = endpoint(
                self.premises.reactor, listen.endpoint, around, behind, server_endpoint
            )
        except (CannotFind, ValueError) as error:
            raise CannotBuild(f"{key}.endpoint: {error}") from None
        return Door(listen, where, factory, tls)

    def _factory(
        self, key: str, listen: Listen, tls: bool
    ) -> tuple[GuardedFactory | CountedFactory, tuple[str, ...]]:
        """What makes its connections, and its names in TLS."""
        if listen.dialect:
            dialect = self.extensions.dialect(f"{key}.dialect", listen.dialect)
            host = self.host(dialect)
            return GuardedFactory(host, self.bounds, tls, self.counter), dialect.alpn
        name, world = listen.factory, self.premises.world
        made = factory_at(self.extensions, f"{key}.factory", name, self.premises)
        return CountedFactory(made, name, tls, self.counter, world), ()


def behind_proxies(listen: Listen, world: World) -> Behind:
    """What puts the proxies of a door before it."""
    if not listen.proxies:
        return as_it_is
    log = Logger(namespace="relaychat.proxy")
    return lambda made: Proxied(made, Proxies(listen.proxies), world, log)
