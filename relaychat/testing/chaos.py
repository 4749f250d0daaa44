"""A bad network, for programs that have to live with one.

A ``ChaosProxy`` stands in front of a relay, a bot or anything else that listens on a
stream, and passes bytes on: later, slower, damaged, or not at all. Its *weather* says
how, for good; *faults* happen once, when they are asked for or by chance, which a seed
repeats: connection n of the same seed has the same faults at the same ages.

===========  ======================================================================
fault        what happens to a connection
===========  ======================================================================
cut          it is reset: both sides get an error (RST), what was under way is lost
half_close   one side reads the end; its own bytes still reach the other
half_open    all bytes are swallowed, both ways, and nobody is told
stall        nothing is passed on for ``stall_s``, then all of it
corrupt      one bit of the next byte is flipped
===========  ======================================================================

Each connection holds at most ``held_bytes`` in each direction; beyond that the proxy
stops reading, as the network itself would.

::

    proxy = ChaosProxy(reactor, "tcp:0:interface=127.0.0.1", "tcp:127.0.0.1:7600",
                       Weather(delay_s=0.05, jitter_s=0.02), seed=7)
    await proxy.start()          # listens on proxy.port
    proxy.cut()                  # all connections, now
    proxy.weather = Weather()    # fair again, also for those that are there
    await proxy.stop()
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory

from relaychat.client.dial import endpoint as dial
from relaychat.net.listen import clear_stale
from relaychat.net.listen import endpoint as door
from relaychat.testing.passage import DIRECTIONS, Direction, Leg, Passage

Fault = Literal["cut", "half_close", "half_open", "stall", "corrupt"]
FAULTS: tuple[Fault, ...] = get_args(Fault)

Seconds = Annotated[float, Meta(ge=0)]


class Weather(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How bytes travel, and how often a connection meets a fault.

    Those named after faults are mean times in seconds between two of them; 0: never.
    """

    delay_s: Seconds = 0.0
    """Each way."""
    jitter_s: Seconds = 0.0
    """The delay is so much more or less, evenly; the order of bytes stays."""
    rate: Seconds = 0.0
    """Bytes a second, each way; 0: as fast as it goes."""
    held_bytes: Annotated[int, Meta(ge=1)] = 256 * 1024
    """What one connection holds in each direction, at most, and one read more. With a
    delay it bounds the throughput, as a TCP window does."""
    stall_s: Seconds = 2.0
    """How long a stall lasts."""
    cut: Seconds = 0.0
    half_close: Seconds = 0.0
    half_open: Seconds = 0.0
    stall: Seconds = 0.0
    corrupt: Seconds = 0.0


FAIR = Weather()


class ChaosProxy:
    """The proxy. ``listen`` is a server endpoint's string, ``to`` a client's."""

    def __init__(
        self,
        reactor: Any,
        listen: str,
        to: str,
        weather: Weather = FAIR,
        seed: int = 0,
        report: Callable[[str], object] = lambda text: None,
    ) -> None:
        """``report`` is told of each connection and each fault. Raises ValueError for
        what is no endpoint."""
        self.seed = seed
        self.passages: dict[int, Passage] = {}
        """Those that are open, by number: 1 for the first connection ever."""
        self.counts: Counter[str] = Counter()
        """Connections, faults by name, bytes ``up`` (to the server) and ``down``."""
        self._reactor = reactor
        self._listen = listen
        self._door = door(reactor, listen)
        self._to = dial(reactor, to)
        self._report = report
        self._listening: IListeningPort | None = None
        self._timers: dict[int, dict[Fault, Any]] = {}
        self._weather = weather

    @property
    def weather(self) -> Weather:
        """The weather of all connections; it may change at any time."""
        return self._weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        self._weather = weather
        for number in self.passages:
            self._forecast(number)

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        assert self._listening is not None
        host: Any = self._listening.getHost()
        return int(host.port)

    async def start(self) -> None:
        """Listen. Raises OSError, CannotListenError."""
        kind, _, rest = self._listen.partition(":")
        if kind == "unix":
            clear_stale(rest.partition(":")[0].removeprefix("address="))
        factory = Factory.forProtocol(self._arrived)
        factory.noisy = False
        self._listening = await self._door.listen(factory)

    async def refuse(self) -> None:
        """Listen no more: whoever connects is refused, as if nobody were there. Those
        that are connected stay; ``start`` listens again, at a fixed port."""
        port, self._listening = self._listening, None
        if port is not None:
            await maybeDeferred(port.stopListening)

    async def stop(self) -> None:
        """Listen no more, and cut everything that is still there."""
        await self.refuse()
        for passage in list(self.passages.values()):
            passage.cut()

    # -- faults, on demand -------------------------------------------------------------

    def cut(self) -> None:
        """Reset all connections."""
        self._all("cut")

    def half_close(self, direction: Direction = "down") -> None:
        """Let one side of all connections read the end: the client (``down``) or the
        server (``up``)."""
        self._all("half_close", direction)

    def half_open(self) -> None:
        """Swallow, from now on, whatever comes on the connections that there are."""
        self._all("half_open")

    def stall(self) -> None:
        """Pass nothing on for ``stall_s``."""
        self._all("stall")

    def corrupt(self, direction: Direction = "down") -> None:
        """Flip a bit of the next byte to the client (``down``) or the server
        (``up``)."""
        self._all("corrupt", direction)

    def _all(self, fault: Fault, direction: Direction | None = None) -> None:
        for number in list(self.passages):
            self.meet(number, fault, direction)

    def meet(
        self, number: int, fault: Fault, direction: Direction | None = None
    ) -> None:
        """Let one connection meet a fault. Without a direction, where there is one, it
        is chance that chooses it."""
        passage = self.passages[number]
        towards: Direction = passage.chance.choice(DIRECTIONS)
        flow = passage.flows[direction or towards]
        self.counts[fault] += 1
        self._report(f"{number}: {fault}")
        match fault:
            case "cut":
                passage.cut()
            case "half_close":
                flow.end()
            case "half_open":
                passage.swallow()
            case "stall":
                passage.stall(self.weather.stall_s)
            case "corrupt":
                flow.corrupt()

    # -- connections -------------------------------------------------------------------

    def _arrived(self) -> Leg:
        self.counts["connections"] += 1
        number = self.counts["connections"]
        chance = random.Random(f"{self.seed}/{number}")
        passage = Passage(self._reactor, lambda: self.weather, chance, self.counts)
        self.passages[number] = passage
        passage.on_over = lambda: self._over(number)
        self._report(f"{number}: connected")
        self._connect(passage)
        self._forecast(number)
        return passage.client

    def _connect(self, passage: Passage) -> None:
        factory = Factory.forProtocol(lambda: passage.server)
        factory.noisy = False
        attempt: Deferred[Any] = self._to.connect(factory)
        attempt.addErrback(lambda _: passage.cut())

    def _forecast(self, number: int) -> None:
        """Expect each fault, and none of those that were expected before."""
        self._forget(number)
        self._timers[number] = {}
        for fault in FAULTS:
            self._expect(number, fault)

    def _forget(self, number: int) -> None:
        for timer in self._timers.pop(number, {}).values():
            timer.cancel()

    def _expect(self, number: int, fault: Fault) -> None:
        """Have a connection meet a fault one day, by chance."""
        mean_s: float = getattr(self.weather, fault)
        if mean_s:
            wait_s = self.passages[number].chance.expovariate(1 / mean_s)
            self._timers[number][fault] = self._reactor.callLater(
                wait_s, self._due, number, fault
            )

    def _due(self, number: int, fault: Fault) -> None:
        del self._timers[number][fault]
        self.meet(number, fault)
        if number in self.passages:
            self._expect(number, fault)

    def _over(self, number: int) -> None:
        self._report(f"{number}: over")
        del self.passages[number]
        self._forget(number)
