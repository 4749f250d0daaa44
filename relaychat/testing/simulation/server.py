"""The relay of a simulation: the product's own composition on simulated ground.

It dies and comes back, any number of times, on the same disk.
"""

from __future__ import annotations

import random
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace
from twisted.internet.defer import Deferred, execute
from twisted.protocols.policies import WrappingFactory

from relaychat.app.build import Ground, Relay, compose
from relaychat.app.config import Config
from relaychat.app.extensions import Extensions
from relaychat.auth.accounts import Accounts
from relaychat.auth.passwords import Passwords
from relaychat.hub.hub import Alarms
from relaychat.model.world import World
from relaychat.session.dialect import Dialect
from relaychat.store.memory import MemoryStore
from relaychat.testing.hashing import CHEAP, AtOnce
from relaychat.testing.simulation.disk import Disk, DiskStore
from relaychat.testing.simulation.network import Network
from relaychat.testing.simulation.process import Process
from relaychat.testing.simulation.reactor import SimulatedReactor
from relaychat.testing.simulation.sockets import Socket
from relaychat.testing.simulation.watch import audit, watched
from relaychat.testing.world import SimulatedWorld

T = TypeVar("T")

HOST = "relay"
"""The least that argon2 does: nobody attacks a simulation."""
WATCHED = 0.02
"""How many turns are watched although nothing is amiss."""
EXPECTED = ("the store keeps nothing",)
"""What a relay reports of the troubles that it was given."""
GOODBYE_S = 5.0
TURNS_PER_S = 300
"""More than people can make it take, beside turns that bring a page to somebody: each
is a commit, or an answer to something that arrived."""


class Threads:
    """Where passwords are hashed: at once, but answered later, one at a time."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._world = world
        self._chance = chance

    def start(self) -> None:
        """They are there."""

    def stop(self) -> None:
        """They are gone."""

    def run(self, call: Callable[[], T]) -> Deferred[T]:
        """The result of a call."""
        answer: Deferred[T] = Deferred()

        def done() -> None:
            execute(call).chainDeferred(answer)

        self._world.later(self._chance.uniform(0.001, 0.05), done)
        return answer


class Entrance(Struct, frozen=True):
    """A door that people can come in by."""

    dialect: type[Dialect]
    place: str
    """As the network knows it: ``tcp:3``."""


class Server:
    """See the module. ``report`` is told of what must never happen."""

    def __init__(
        self,
        world: SimulatedWorld,
        network: Network,
        disk: Disk,
        config: Config,
        seed: str,
        report: Callable[[str, str], None],
    ) -> None:
        self.starts = 0
        self.up = False
        self.counts: Counter[str] = Counter()
        self.relay: Relay | None = None
        self.process: Process | None = None
        self._world = world
        self._network = network
        self._disk = disk
        self._config = config
        self._extensions = Extensions(config)
        self._seed = seed
        self._report = report
        self._chance = random.Random(f"{seed} watched")
        self._reactor: SimulatedReactor | None = None
        self._store: DiskStore | None = None
        self._looked: dict[int, tuple[int, int]] = {}
        """By the server's start: when it was looked at, and its turns until then."""
        disk.kill = self._killed

    def _killed(self) -> None:
        self.kill(down_s=1.0)

    @property
    def entrances(self) -> list[Entrance]:
        """Where people can come in. Raises CannotBuild."""
        return [
            Entrance(
                self._extensions.dialect(f"listen[{index}].dialect", listen.dialect),
                simulated_endpoint(index, listen.endpoint),
            )
            for index, listen in enumerate(self._config.listen)
            if listen.dialect
        ]

    def add_accounts(self, names: dict[str, str]) -> None:
        """Accounts and their passwords, straight into the log. Before the first
        start."""
        ground = Process(self._world, f"{self._seed} accounts", self._bug)
        store = MemoryStore(self._disk.ledger)
        store.open(())
        passwords = Passwords(ground, AtOnce(), CHEAP)
        accounts = Accounts(ground, store, passwords, self._bug)
        for name, password in names.items():
            Deferred.fromCoroutine(accounts.add(name, password))
        store.close()

    # -- up and down -------------------------------------------------------------------

    def start(self) -> None:
        """A new process on the same disk."""
        self.starts += 1
        seed = f"{self._seed} {self.starts}"
        process = self.process = Process(self._world, seed, self._bug)
        reactor = self._reactor = SimulatedReactor(process, self._network, HOST)
        store = self._store = DiskStore(self._disk, process)
        threads = Threads(process, random.Random(seed))
        alarms = Alarms(self._alarm, self._in_doubt, self._asked_to_stop)
        ground = Ground(reactor, process, store, threads, CHEAP)
        relay = compose(
            simulated(self._config), ground, alarms, sys.maxsize, self._extensions
        )
        relay.hub.drafts = watched(self._wants_snapshot, self._trace, self._taken_back)
        relay.hub.start()
        self.relay, self.up = relay, True
        Deferred.fromCoroutine(relay.people.go_on())
        for listen, door in zip(self._config.listen, relay.doors, strict=True):
            factory: Any = door.factory
            if listen.tls:
                factory = WrappingFactory(factory)
                factory.noisy = False
            listening = door.endpoint.listen(factory)
            listening.addErrback(lambda why: self._bug(f"can't listen: {why}"))

    def kill(self, down_s: float, power: bool = False, sound: bool = True) -> bool:
        """kill -9, or the power goes; back after so long. ``sound``: its state is worth
        a look. False if it was not up."""
        if not self.up or self._reactor is None or self._store is None:
            return False
        if sound:
            self.audit()
        self.up = False
        self._store.crash()
        if power:
            handles = self._reactor.power_off()
            self._network.dark = True
            self._world.later(down_s, lambda: self._power_on(handles))
        else:
            self._reactor.kill()
            self._world.later(down_s, self.start)
        return True

    def _power_on(self, handles: list[Socket]) -> None:
        self._network.dark = False
        for handle in handles:
            handle.power_on()
        self.start()

    def stop(self, down_s: float) -> bool:
        """A clean end, as after SIGTERM; back after so long. False if it was not up."""
        relay, reactor = self.relay, self._reactor
        if not self.up or relay is None or reactor is None:
            return False
        reactor.stop_listening()
        relay.hub.close()
        until_s = reactor.seconds() + GOODBYE_S

        def look() -> None:
            if relay.hub.state.peers and reactor.seconds() < until_s:
                reactor.callLater(0.02, look)
            else:
                relay.store.close().addCallback(lambda _: self._stopped(down_s))

        look()
        return True

    def _stopped(self, down_s: float) -> None:
        if self.up and self._reactor is not None:
            self.up = False
            self._reactor.kill()
            self._world.later(down_s, self.start)

    # -- what must hold ----------------------------------------------------------------

    def audit(self) -> None:
        """Look into the hub, if it has nothing under way."""
        if not self.up or self.relay is None or not self.relay.hub.idle:
            return
        self.counts["audits"] += 1
        hub, bounds = self.relay.hub, self._config.limits.outlet
        for found in audit(hub, self._disk.ledger, bounds.full_bytes):
            self._report("state", found)

    def look(self) -> None:
        """See that the hub does not turn for nothing."""
        if not self.up or self.relay is None or self._store is None:
            return
        counts, now_us = self.relay.hub.house.counts, self._world.monotonic_us()
        turns = counts.turns - self._store.pages
        before_us, before = self._looked.get(counts.started_us, (now_us, turns))
        self._looked = {counts.started_us: (now_us, turns)}
        passed_s = (now_us - before_us) / 1e6
        if turns - before > passed_s * TURNS_PER_S:
            self._bug(f"{turns - before} turns in {passed_s} s")

    def _wants_snapshot(self) -> bool:
        disk = self._disk
        return bool(disk.full or disk.troubles or self._chance.random() < WATCHED)

    def _taken_back(self) -> None:
        self.counts["turns taken back"] += 1

    def _trace(self, text: str) -> None:
        self._report("undo", text)

    def _alarm(self, text: str) -> None:
        if not text.startswith(EXPECTED):
            self._bug(f"{text}\n{traceback.format_exc()}")

    def _bug(self, text: str) -> None:
        self._report("bug", text)

    def _asked_to_stop(self) -> None:
        self.stop(down_s=1.0)

    def _in_doubt(self, why: str) -> None:
        if not self._disk.in_doubt:
            self._bug(f"it stopped, in doubt for no reason: {why}")
        self._disk.in_doubt = False
        self.counts["in doubt"] += 1
        self.kill(down_s=1.0, sound=False)


def simulated(config: Config) -> Config:
    """The same with simulated listeners. There is no TLS: its bytes are never the same
    twice. What it changes for the relay, a transport that only takes ``write``, is
    simulated."""
    listen = tuple(
        replace(one, endpoint=simulated_endpoint(index, one.endpoint), tls="")
        for index, one in enumerate(config.listen)
    )
    return replace(config, listen=listen)


def simulated_endpoint(index: int, description: str) -> str:
    """What stands for a listener, whichever it is; nothing touches the file system."""
    kind = description.partition(":")[0]
    return f"unix:/simulated/{index}" if kind == "unix" else f"tcp:{1 + index}"
