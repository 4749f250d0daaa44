"""Composition: which part is handed which. Nothing here decides, waits or listens."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamServerEndpoint

from relaychat.app.certificate import development_certificate
from relaychat.app.config import Config, Listen
from relaychat.app.control import Registrar, admit_owner
from relaychat.app.dialects import NoSuchDialect, find_dialect
from relaychat.app.world import HashingThreads, ReactorWorld, Threads
from relaychat.auth.accounts import Accounts
from relaychat.auth.failures import Failures
from relaychat.auth.login import Login, Presence
from relaychat.auth.passwords import Cost, Passwords
from relaychat.auth.people import AccountChecker, GuestChecker, Realm
from relaychat.hub.hooks import Hooks
from relaychat.hub.hub import Alarms, Hub
from relaychat.hub.turn import Counts, House
from relaychat.model.admission import Admission
from relaychat.model.commands import AddAccount, Hello
from relaychat.model.world import World
from relaychat.net.listen import Counter, Guard, GuardedFactory, endpoint
from relaychat.net.tls import TLSError, context
from relaychat.session.control import Control
from relaychat.session.dialect import Dialect
from relaychat.session.host import Admit, Host
from relaychat.session.session import Session
from relaychat.store.api import Store

DEVELOPMENT_PEM = "development.pem"
"""The self-signed certificate with its key, in the data folder."""


class CannotBuild(Exception):
    """The configuration asks for what is not there. The text names the key."""


class Door(Struct, frozen=True):
    """A listener to be."""

    listen: Listen
    endpoint: IStreamServerEndpoint
    factory: GuardedFactory
    certificate: Path | None
    """Of its TLS, or None for plain."""


class Ground(Struct, frozen=True):
    """What a relay stands on: in a process the real things, in a simulation others."""

    reactor: Any
    world: World
    store: Store
    threads: Threads
    cost: Cost = Cost()


class Relay(Struct, frozen=True):
    """The parts of a relay, each built and none started."""

    store: Store
    hub: Hub
    counter: Counter
    threads: Threads
    doors: tuple[Door, ...]


def build(config: Config, reactor: Any, alarms: Alarms, sockets: int) -> Relay:
    """A relay of this configuration, for at most so many ``sockets``.

    Raises CannotBuild, and OSError where the data folder takes no certificate.
    """
    ground = Ground(
        reactor,
        ReactorWorld(reactor),
        open_kind(config, reactor),
        HashingThreads(reactor),
    )
    return compose(config, ground, alarms, sockets)


def compose(config: Config, ground: Ground, alarms: Alarms, sockets: int) -> Relay:
    """A relay of this configuration on this ground. Raises as ``build`` does."""
    world, store = ground.world, ground.store
    house = House(
        server=config.server.name,
        world=world,
        limits=config.limits.hub,
        hooks=hooks(config, alarms),
        counts=Counts(),
    )
    hub = Hub(house, store, alarms)
    passwords = Passwords(world, ground.threads, ground.cost)
    accounts = Accounts(store, passwords, alarms.in_doubt)
    admit = _login(config, world, store, accounts, passwords)
    counter = Counter(_guard(config, sockets), world)

    def host(dialect: type[Dialect]) -> Host:
        control = dialect is Control
        return Host(
            dialect,
            hub,
            world,
            admit_owner if control else admit,
            alarms.error,
            config.limits.session,
            {AddAccount: Registrar(accounts).add} if control else {},
            config.server.name,
        )

    def door(key: str, listen: Listen) -> Door:
        try:
            dialect = find_dialect(listen.dialect)
        except NoSuchDialect as error:
            raise CannotBuild(f"{key}.dialect: {error}") from None
        tls, certificate = _tls(config, listen.tls, world.now_ms())
        try:
            where = endpoint(ground.reactor, listen.endpoint, tls)
        except ValueError as error:
            raise CannotBuild(f"{key}.endpoint: {error}") from None
        factory = GuardedFactory(
            host(dialect), config.limits.outlet, tls is not None, counter
        )
        return Door(listen, where, factory, certificate)

    doors = [door(f"listen[{at}]", one) for at, one in enumerate(config.listen)]
    return Relay(store, hub, counter, ground.threads, tuple(doors))


def check(config: Config, reactor: Any) -> None:
    """Build what a relay of this configuration is made of; nothing is written, opened
    or listened on.

    Raises CannotBuild, OSError.
    """
    nobody = Alarms(lambda text: None, lambda why: None, lambda: None)
    with TemporaryDirectory() as elsewhere:
        if not Path(config.server.data, DEVELOPMENT_PEM).exists():
            config = replace(config, server=replace(config.server, data=elsewhere))
        build(config, reactor, nobody, sockets=1)


def open_kind(config: Config, reactor: Any) -> Store:
    """The store that the configuration names, not opened yet."""
    if config.store.kind == "memory":
        from relaychat.store.memory import MemoryStore

        return MemoryStore()
    from relaychat.store.sqlite import SqliteStore

    return SqliteStore(Path(config.store.file), reactor.callFromThread)


def hooks(config: Config, alarms: Alarms) -> Hooks:
    """The hooks that the configuration names. Raises CannotBuild."""
    made = Hooks(alarms.error)
    for point in config.hooks.__struct_fields__:
        for place in getattr(config.hooks, point):
            module, _, name = place.partition(":")
            try:
                getattr(made, point).append(getattr(import_module(module), name))
            except (ImportError, AttributeError, ValueError) as error:
                raise CannotBuild(f"hooks.{point}: {place}: {error}") from None
    return made


def _login(
    config: Config,
    world: World,
    store: Store,
    accounts: Accounts,
    passwords: Passwords,
) -> Admit:
    rules = config.accounts
    portal = Portal(
        Realm(),
        [
            AccountChecker(accounts, passwords),
            GuestChecker(accounts, rules.guests, rules.guest_password),
        ],
    )
    login = Login(portal, store, Failures(world))
    # Native clients come back and resume; plain IRC clients start anew (H9).
    native = Presence(rules.window_s, stays=True)

    def admit(hello: Hello, session: Session) -> Deferred[Admission]:
        presence = native if session.dialect == "native" else None
        return login.admit(hello, host_of(session.link.peer), presence)

    return admit


def host_of(peer: str) -> str:
    """The host of an address as links write it: ``192.0.2.1:4711``, ``[::1]:4711``."""
    host, colon, _ = peer.rpartition(":")
    return host.strip("[]") if colon else peer


def _guard(config: Config, sockets: int) -> Guard:
    guard = config.limits.guard
    return guard if guard.sockets else replace(guard, sockets=sockets)


def _tls(config: Config, name: str, now_ms: int) -> tuple[Any, Path | None]:
    """The TLS context of a listener and its certificate's file; nothing for plain."""
    if not name:
        return None, None
    tls = config.tls[name]
    if tls.certificate:
        certificate = Path(tls.certificate)
        key = Path(tls.key or tls.certificate)
    else:
        certificate = key = development_certificate(
            Path(config.server.data, DEVELOPMENT_PEM), config.server.name, now_ms
        )
    try:
        return context(certificate, key), certificate
    except TLSError as error:
        raise CannotBuild(f"tls.{name}: {error}") from None
