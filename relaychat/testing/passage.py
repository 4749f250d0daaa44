"""One connection through the chaos proxy: two legs, and a flow each way.

::

    client ──▶ Leg ──▶ Flow up ──▶ Leg ──▶ server
           ◀──     ◀── Flow down ◀──
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from random import Random
from typing import Any, Literal, Protocol, get_args

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

Direction = Literal["up", "down"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
PIECES_PER_S = 20
"""A throttled flow passes on a twentieth of a second's bytes at a time."""


class Travel(Protocol):
    """What a flow wants to know of the weather."""

    @property
    def delay_s(self) -> float: ...
    @property
    def jitter_s(self) -> float: ...
    @property
    def rate(self) -> float: ...
    @property
    def held_bytes(self) -> int: ...


@implementer(IHalfCloseableProtocol)
class Leg(StreamProtocol):
    """One side's connection."""

    transport: Any = None

    def __init__(self, passage: Passage) -> None:
        self._passage = passage
        self.flow_in: Flow
        self.flow_out: Flow

    def connectionMade(self) -> None:
        """Begin, or end at once what is over already."""
        if self._passage.over:
            self.transport.abortConnection()
            return
        self.transport.registerProducer(self.flow_out, True)
        self.flow_out.go()
        self.flow_in.check()

    def dataReceived(self, data: bytes) -> None:
        """On its way."""
        self.flow_in.take(data)

    def readConnectionLost(self) -> None:
        """This side says nothing further; it may still listen."""
        if self._passage.swallowing:
            self.hang_up()
        else:
            self.flow_in.end()

    def writeConnectionLost(self) -> None:
        """This side was told that nothing further comes."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """This side is gone."""
        self.transport = None
        self._passage.left(self, clean=bool(reason.check(ConnectionDone)))

    def hang_up(self) -> None:
        """Close, behind all that was written."""
        if self.transport is not None:
            self.transport.unregisterProducer()
            self.transport.loseConnection()


@implementer(IPushProducer)
class Flow:
    """Bytes in one direction: held, and passed on when they are due."""

    def __init__(self, passage: Passage, direction: Direction) -> None:
        self._passage = passage
        self._direction = direction
        self.source: Leg
        self.target: Leg
        self._held: deque[tuple[float, bytes]] = deque()
        """When, and what; an empty piece is the end."""
        self.held_bytes = 0
        self._free_s = 0.0
        """When the bytes before are through, at the rate."""
        self._due_s = 0.0
        """Of the last piece: no piece overtakes."""
        self._timer: Any = None
        self._open = False
        self._full = False
        """The target takes no more for now."""
        self._reading = True
        self.ended = False
        """The source says nothing further."""
        self._reset = False
        self._flip = False

    # -- in ----------------------------------------------------------------------------

    def take(self, data: bytes) -> None:
        """Bytes from the source."""
        passage = self._passage
        if passage.swallowing or self.ended:
            return
        rate = passage.travel().rate
        size = max(1, int(rate / PIECES_PER_S)) if rate else len(data)
        for start in range(0, len(data), size):
            self._put(data[start : start + size])
        self.go()
        self.check()

    def end(self, *, reset: bool = False) -> None:
        """Nothing further, behind what is under way; with an error, if ``reset``."""
        if not self.ended:
            self.ended, self._reset = True, reset
            self._put(b"")
            self.go()

    def corrupt(self) -> None:
        """Flip a bit of the next byte that is passed on."""
        self._flip = True

    def _put(self, piece: bytes) -> None:
        now_s, travel = self._passage.now_s(), self._passage.travel()
        spread = self._passage.chance.uniform(-travel.jitter_s, travel.jitter_s)
        due_s = now_s + max(0.0, travel.delay_s + spread)
        if travel.rate and piece:
            self._free_s = max(self._free_s, now_s) + len(piece) / travel.rate
            due_s = max(due_s, self._free_s)
        self._due_s = max(due_s, self._due_s)
        self._held.append((self._due_s, piece))
        self.held_bytes += len(piece)

    def check(self) -> None:
        """Read the source, or stop reading it, by what is held."""
        bound = self._passage.travel().held_bytes
        wanted = self.held_bytes < (bound if self._reading else bound // 2 or 1)
        transport = self.source.transport
        if transport is not None and wanted != self._reading:
            self._reading = wanted
            if wanted:
                transport.resumeProducing()
            else:
                transport.pauseProducing()

    # -- out ---------------------------------------------------------------------------

    def go(self) -> None:
        """Pass on what is due, and wake up for what is not."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        passage = self._passage
        while self._held and self.target.transport is not None and not self._full:
            wait_s = max(self._held[0][0], passage.stalled_s) - passage.now_s()
            if wait_s > 0:
                self._timer = passage.later(wait_s, self._wake)
                break
            self._pass_on(self._held.popleft()[1])
        self.check()

    def _wake(self) -> None:
        self._timer = None
        self.go()

    def _pass_on(self, piece: bytes) -> None:
        if not piece:
            self._passage.ended(self, self._reset)
            return
        self.held_bytes -= len(piece)
        self._passage.counts[self._direction] += len(piece)
        if self._flip:
            self._flip = False
            bit = 1 << self._passage.chance.randrange(8)
            piece = bytes([piece[0] ^ bit]) + piece[1:]
        self.target.transport.write(piece)

    def drop(self) -> None:
        """Forget what is under way."""
        self._held.clear()
        self.held_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- the target's wishes (IPushProducer) -------------------------------------------

    def pauseProducing(self) -> None:
        """The target does not read as fast as this."""
        self._full = True

    def resumeProducing(self) -> None:
        """It has caught up."""
        self._full = False
        self.go()

    def stopProducing(self) -> None:
        """It is gone."""
        self._full = True


class Passage:
    """Both legs and both flows of one connection."""

    def __init__(
        self,
        clock: Any,
        travel: Callable[[], Travel],
        chance: Random,
        counts: Counter[str],
    ) -> None:
        self.travel = travel
        self.chance = chance
        self.counts = counts
        self.over = False
        self.swallowing = False
        self.stalled_s = 0.0
        """Until then nothing is passed on."""
        self.on_over: Callable[[], None] = lambda: None
        self.now_s: Callable[[], float] = clock.seconds
        self.later = clock.callLater
        self.client, self.server = Leg(self), Leg(self)
        up, down = Flow(self, "up"), Flow(self, "down")
        self.flows: dict[Direction, Flow] = {"up": up, "down": down}
        up.source = down.target = self.client
        up.target = down.source = self.server
        self.client.flow_in = self.server.flow_out = up
        self.server.flow_in = self.client.flow_out = down
        self._through: set[Flow] = set()
        """Flows whose end was passed on, or can't be."""

    def cut(self) -> None:
        """Reset both sides."""
        if self._end():
            for leg in (self.client, self.server):
                if leg.transport is not None:
                    leg.transport.abortConnection()

    def swallow(self) -> None:
        """Read on, and tell nobody anything."""
        self.swallowing = True
        for flow in self.flows.values():
            flow.drop()
            flow.check()
            if flow.ended:
                flow.source.hang_up()

    def stall(self, seconds: float) -> None:
        """Pass nothing on for so long."""
        self.stalled_s = max(self.stalled_s, self.now_s() + seconds)

    def ended(self, flow: Flow, reset: bool) -> None:
        """All that a side has said was passed on, and that it says no more."""
        self._through.add(flow)
        if reset:
            self.cut()
        elif len(self._through) < len(self.flows):
            flow.target.transport.unregisterProducer()
            flow.target.transport.loseWriteConnection()
        elif self._end():
            self.client.hang_up()
            self.server.hang_up()

    def left(self, leg: Leg, clean: bool) -> None:
        """A side is gone: the other one is told, behind all that was said."""
        if self.client.transport is None and self.server.transport is None:
            self._end()
        elif not self.over and not self.swallowing:
            leg.flow_out.drop()
            self._through.add(leg.flow_out)
            leg.flow_in.end(reset=not clean)
            leg.flow_in.go()

    def _end(self) -> bool:
        if self.over:
            return False
        self.over = True
        for flow in self.flows.values():
            flow.drop()
        self.on_over()
        return True
