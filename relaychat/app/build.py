"""Composition: which part is handed which. Nothing here decides, waits or listens."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from twisted.logger import Logger

from relaychat.app.certificate import development_certificate
from relaychat.app.config import Config, Tls
from relaychat.app.control import Calls, Reloading, admit_owner
from relaychat.app.extensions import CannotBuild, Extensions
from relaychat.app.listeners import Door, Listeners
from relaychat.app.people import Office, office
from relaychat.app.premises import Premises
from relaychat.app.reasons import file_problem, folder_problem
from relaychat.app.world import HashingThreads, ReactorWorld, Threads
from relaychat.auth.passwords import Cost, Passwords
from relaychat.hub.hooks import Hook
from relaychat.hub.house import Counts, House
from relaychat.hub.hub import Alarms, Hub
from relaychat.model.commands import Call, Command, ListCalls, Reload
from relaychat.model.world import World
from relaychat.net.certificates import Certificates, Source
from relaychat.net.counted import CountedFactory
from relaychat.net.listen import Counter, Guard
from relaychat.net.tls import Clients, Pair, TLSError
from relaychat.session.control import Control
from relaychat.session.dialect import Dialect
from relaychat.session.host import Errand, Host
from relaychat.store.api import Store

_log = Logger(namespace="relaychat.tls")
DEVELOPMENT_PEM = "development.pem"
"""The self-signed certificate with its key, in the data folder."""


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
    people: Office
    tls: tuple[Certificates, ...] = ()
    """Of all doors."""


def build(config: Config, reactor: Any, alarms: Alarms, sockets: int) -> Relay:
    """A relay of this configuration, for at most so many ``sockets``.

    Raises CannotBuild, and OSError where the data folder takes no certificate.
    """
    _look_at("server.data", folder_problem(Path(config.server.data)))
    ground = Ground(
        reactor,
        ReactorWorld(reactor),
        open_kind(config, reactor),
        HashingThreads(reactor),
    )
    return compose(config, ground, alarms, sockets)


def compose(
    config: Config,
    ground: Ground,
    alarms: Alarms,
    sockets: int,
    extensions: Extensions | None = None,
) -> Relay:
    """A relay of this configuration on this ground. ``extensions``: what was found for
    an earlier one of it. Raises as ``build`` does."""
    world, store = ground.world, ground.store
    extensions = extensions or Extensions(config)
    brought = extensions.bring(config, world, ground.reactor, alarms.error)
    counted: list[CountedFactory] = []
    house = House(
        server=config.server.name,
        world=world,
        limits=config.limits.hub,
        hooks=brought.hooks,
        counts=Counts(),
        factories=lambda: tuple(one.entry() for one in counted),
    )
    hub = Hub(house, store, alarms)
    passwords = Passwords(
        world, ground.threads, ground.cost, config.accounts.password_chars
    )
    people = office(
        config, world, store, passwords, hub, alarms.in_doubt, brought.checkers
    )
    counter = Counter(_guard(config, sockets), world)
    tls = certificates(config, world)
    host = _hosts(config, hub, people, alarms, _owners(brought.whole, tls.values()))
    premises = Premises(config.server.name, ground.reactor, world, people.login.admit)
    common = Listeners(host, config.limits.outlet, counter, extensions, premises)
    doors = tuple(
        common.door(f"listen[{at}]", listen, tls.get(listen.tls))
        for at, listen in enumerate(config.listen)
    )
    counted += [one.factory for one in doors if isinstance(one.factory, CountedFactory)]
    extensions.check_sections()
    return Relay(
        store, hub, counter, ground.threads, doors, people, tuple(tls.values())
    )


def _owners(
    hooks: Iterable[Hook], tls: Collection[Certificates]
) -> dict[type[Command], Errand]:
    """What is done for the relay's owner alone. Raises CannotBuild."""
    calls = Calls(hooks)
    return {Reload: Reloading(tls).run, Call: calls.run, ListCalls: calls.list}


def _hosts(
    config: Config,
    hub: Hub,
    people: Office,
    alarms: Alarms,
    owners: dict[type[Command], Errand],
) -> Callable[[type[Dialect]], Host]:
    """What gives a dialect's sessions what they share."""

    def host(dialect: type[Dialect]) -> Host:
        control = dialect is Control
        return Host(
            dialect,
            hub,
            hub.house.world,
            admit_owner if control else people.admit,
            alarms.error,
            config.limits.session,
            people.errands | owners if control else people.errands,
            config.server.name,
        )

    return host


def check(config: Config, reactor: Any) -> None:
    """Build what a relay of this configuration is made of; nothing is written, opened
    or listened on.

    Raises CannotBuild, OSError.
    """
    nobody = Alarms(lambda text: None, lambda why: None, lambda: None)
    _look_at("server.data", folder_problem(Path(config.server.data)))
    if config.log.file:
        _look_at("log.file", file_problem(Path(config.log.file)))
    with TemporaryDirectory() as elsewhere:
        if not Path(config.server.data, DEVELOPMENT_PEM).exists():
            config = replace(config, server=replace(config.server, data=elsewhere))
        build(config, reactor, nobody, sockets=1)


def _look_at(key: str, problem: str) -> None:
    if problem:
        raise CannotBuild(f"{key}: {problem}")


def open_kind(config: Config, reactor: Any) -> Store:
    """The store that the configuration names, not opened yet."""
    if config.store.kind == "memory":
        from relaychat.store.memory import MemoryStore

        return MemoryStore()
    from relaychat.store.sqlite import SqliteStore

    return SqliteStore(Path(config.store.file), reactor.callFromThread)


def _guard(config: Config, sockets: int) -> Guard:
    guard = config.limits.guard
    return guard if guard.sockets else replace(guard, sockets=sockets)


def certificates(config: Config, world: World) -> dict[str, Certificates]:
    """What the doors are encrypted with, by name, read for the first time.

    Raises CannotBuild, OSError.
    """
    made = {}
    for name in dict.fromkeys(one.tls for one in config.listen if one.tls):
        source = _source(config, config.tls[name], world.now_ms())
        made[name] = Certificates(source, world, _log, config.server.name)
        try:
            made[name].load()
        except TLSError as error:
            raise CannotBuild(f"tls.{name}: {error}") from None
    return made


def _source(config: Config, tls: Tls, now_ms: int) -> Source:
    authority = Path(tls.client_ca) if tls.client_ca else None
    clients = Clients(tls.client_certificates, authority)
    if tls.folder:
        return Source(folder=Path(tls.folder), default=tls.default, clients=clients)
    if tls.certificate:
        pair = Pair(Path(tls.certificate), Path(tls.key or tls.certificate))
    else:
        made = development_certificate(
            Path(config.server.data, DEVELOPMENT_PEM), config.server.name, now_ms
        )
        pair = Pair(made, made)
    return Source(pair, clients=clients)
