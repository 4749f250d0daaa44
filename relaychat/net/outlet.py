"""The one writer of a connection (H23).

Payloads are shared: the same bytes object goes to a thousand readers. On a plain socket
an outlet that holds nothing hands a payload to the kernel itself; what the kernel does
not take is held as (payload, offset), and from then on everything queues behind it.
What is held reaches the transport in pieces, each when the one before has left, so a
reader that does not read costs one piece and some references, not a copy of what it
misses.

A reader that holds more than ``full_bytes`` is *full*: it takes what it is given, and
says that it wants no more before it has drained (H18). One that takes nothing at all
for ``stall_s`` is cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import Struct
from twisted.internet.interfaces import IPullProducer, IPushProducer
from zope.interface import implementer

from relaychat.model.errors import RelayError, SlowReader
from relaychat.model.world import Timer, World


class Bounds(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of an outlet."""

    full_bytes: int = 64 * 1024
    """Held for a reader before it becomes a cursor: twice the kernel's buffer."""
    piece_bytes: int = 16 * 1024
    """Given to the transport at a time: what it copies."""
    stall_s: float = 30.0
    """Without any progress: as long as a dead connection may last."""
    linger_s: float = 10.0
    """From hanging up until what is held must have left."""


class Setting(NamedTuple):
    """What an outlet is made with."""

    transport: Any
    world: World
    bounds: Bounds
    on_drained: Callable[[], None]
    """Called once nothing is held after it was full."""
    on_stall: Callable[[RelayError], None]
    """Called before the connection is cut for making no progress."""


class Outlet:
    """What both kinds share: holding, draining, patience and the end."""

    __slots__ = (
        "_bounds",
        "_busy",
        "_closing",
        "_held",
        "_on_drained",
        "_on_stall",
        "_progress",
        "_timer",
        "_transport",
        "_world",
        "full",
        "held_bytes",
    )  # fmt: skip

    def __init__(self, setting: Setting) -> None:
        self.full = False
        self._transport, self._world, self._bounds = setting[:3]
        self._on_drained, self._on_stall = setting.on_drained, setting.on_stall
        self._busy = False
        """The transport has a piece of ours: nothing may overtake it."""
        self._held: deque[tuple[bytes, int]] = deque()
        self.held_bytes = 0
        """What neither the kernel nor the transport has taken yet."""
        self._progress = 0
        self._closing = False
        self._timer: Timer | None = None

    def send(self, payload: bytes) -> bool:
        """Take a payload; see ``hub.peer.Send``. Never raises, also when all
        is over."""
        raise NotImplementedError

    def close(self) -> None:
        """Hang up behind what is held, or without it when that takes too long. A polite
        end of TLS needs the peer, so that may take too long as well."""
        if self._closing:
            return
        self._closing = True
        self._rest()
        self._timer = self._world.later(self._bounds.linger_s, self.abort)
        if not self._busy:
            self._hang_up()

    def abort(self) -> None:
        """Cut the connection now."""
        self._forget()
        self._transport.abortConnection()

    def lost(self) -> None:
        """The connection is gone."""
        self._busy = self._closing = True
        self._forget()

    # -- holding --------------------------------------------------------------

    def _hold(self, payload: bytes, offset: int) -> bool:
        if self._closing:
            return True  # The last word has been said.
        self._held.append((payload, offset))
        self.held_bytes += len(payload) - offset
        if self.held_bytes > self._bounds.full_bytes:
            self.full = True
            return False
        return True

    def _give_piece(self) -> None:
        """Hand the transport the next piece of what is held: many small payloads at
        once, or a part of a large one."""
        room = self._bounds.piece_bytes
        pieces: list[bytes] = []
        held = self._held
        while held and room > 0:
            payload, offset = held.popleft()
            piece = payload[offset : offset + room]
            pieces.append(piece)
            room -= len(piece)
            if offset + len(piece) < len(payload):
                held.appendleft((payload, offset + len(piece)))
        data = b"".join(pieces)
        self.held_bytes -= len(data)
        self._transport.write(data)

    def _drained(self) -> None:
        """Nothing is held any more, by us or by the transport."""
        self._busy = False
        if self._closing:
            self._hang_up()
            return
        self._rest()
        if self.full:
            self.full = False
            self._on_drained()

    def _hang_up(self) -> None:
        # Busy for good: a send from now on finds its way to _hold, which drops it.
        self._busy = True
        self._transport.loseConnection()

    def stopProducing(self) -> None:
        """The transport is closed."""
        self._forget()

    # -- patience -------------------------------------------------------------

    def _watch(self) -> None:
        if self._closing:
            return  # That has a deadline of its own.
        self._rest()
        seen = self._progress

        def check() -> None:
            if self._progress == seen:
                self._on_stall(SlowReader())
                self.abort()
            else:
                self._watch()

        self._timer = self._world.later(self._bounds.stall_s, check)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget(self) -> None:
        self._rest()
        self._held.clear()
        self.held_bytes = 0


@implementer(IPullProducer)
class SocketOutlet(Outlet):
    """For plain TCP and UNIX transports, whose socket it sends to."""

    __slots__ = ("_direct", "_registering")

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._direct: Callable[[bytes], int] = setting.transport.getHandle().send
        self._registering = False

    def send(self, payload: bytes) -> bool:
        """See ``Outlet.send``. The hottest call of all: one per reader and turn."""
        if self._busy:
            return self._hold(payload, 0)
        try:
            sent = self._direct(payload)
        except BlockingIOError:
            sent = 0
        except OSError:
            return True  # The connection is broken: the reactor is about to say so.
        return sent == len(payload) or self._block(payload, sent)

    def _block(self, payload: bytes, sent: int) -> bool:
        """The kernel takes no more: from here on the transport says when it does."""
        self._busy = True
        taken = self._hold(payload, sent)
        self._watch()
        self._give_piece()
        self._registering = True
        self._transport.registerProducer(self, False)
        self._registering = False
        return taken

    def resumeProducing(self) -> None:
        """The transport has sent the piece it had: the next one, or done."""
        if self._registering:
            return
        self._progress += 1
        if self._held:
            self._give_piece()
        elif self._busy:
            self._transport.unregisterProducer()
            self._drained()


@implementer(IPushProducer)
class StreamOutlet(Outlet):
    """For all other transports, TLS above all: everything goes through ``write``."""

    __slots__ = ()

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._transport.registerProducer(self, True)

    def send(self, payload: bytes) -> bool:
        """See ``Outlet.send``."""
        if self._busy:
            return self._hold(payload, 0)
        self._transport.write(payload)
        return True

    def pauseProducing(self) -> None:
        """The transport has as much as it wants."""
        if not self._busy:
            self._busy = True
            self._watch()

    def resumeProducing(self) -> None:
        """The transport has room again."""
        self._progress += 1
        self._busy = False
        while self._held and not self._busy:
            self._give_piece()
        if not self._busy:
            self._drained()

    def _hang_up(self) -> None:
        self._transport.unregisterProducer()
        super()._hang_up()
