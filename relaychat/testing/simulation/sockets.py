"""Simulated TCP: sockets with bounded buffers over a network with a will of its own.

A ``Pipe`` carries the bytes of one direction. They arrive in order, after a delay, cut
anywhere. What was accepted and not read yet counts against the pipe's capacity, which
stands for both kernels' buffers: a reader that does not read stops its sender.

A connection ends as TCP's do: by a FIN behind the data, by an RST that overtakes it, or
without a word, when the network swallows everything.
"""

from __future__ import annotations

import random
import socket
import struct
from collections import deque
from collections.abc import Callable
from errno import ECONNRESET, EPIPE
from typing import Any

from msgspec import Struct

from relaychat.testing.simulation.trace import Trace
from relaychat.testing.world import SimulatedWorld

LARGE_BYTES = 1 << 20


class Weather(Struct):
    """What a connection has to go through. Delays are microseconds, one way."""

    delay_us: int = 500
    jitter_us: int = 1_000
    cut_chance: float = 0.1
    """That something sent arrives in pieces."""
    partial_chance: float = 0.02
    """That a kernel takes only a part of what it is given."""
    transport_bytes: int = 64 * 1024
    """What Twisted holds of a stream before it pauses who writes it."""
    buffer_bytes: int = 64 * 1024
    """At most in each direction, whatever the sockets ask for."""


class Path:
    """What both pipes of a connection share. ``spike_us`` is added to every delay."""

    def __init__(
        self, world: SimulatedWorld, trace: Trace, weather: Weather, seed: str
    ) -> None:
        self.world = world
        self.trace = trace
        self.weather = weather
        self.chance = random.Random(seed)
        self.name = seed
        self.spike_us = 0

    def delay_us(self) -> int:
        """How long something takes that is sent now."""
        weather = self.weather
        return (
            weather.delay_us + self.spike_us + self.chance.randint(0, weather.jitter_us)
        )


class Pipe:
    """One direction of a connection."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = f"{path.name}{name}"
        self.capacity = path.weather.buffer_bytes
        self.inside = 0
        """Bytes that were accepted and not read yet."""
        self.arrived: deque[bytes] = deque()
        self.silent = False
        """The network swallows what is sent, and keeps it for better times."""
        self.bytes_per_s = 0
        """What the reader's line takes; 0 for any amount."""
        self.sender: Socket
        self.receiver: Socket
        self._path = path
        self._last_us = 0
        self._under_way: deque[bytes | None] = deque()
        """What was sent, in order; None is the end."""
        self._held_up = 0
        """How many of these would have arrived, but for the silence."""

    def accept(self, data: bytes) -> int:
        """Take what there is room for. Raises BlockingIOError if there is none."""
        room = self.capacity - self.inside
        if room <= 0:
            raise BlockingIOError(socket.EWOULDBLOCK, "would block")
        data = bytes(data[:room])
        chance, weather = self._path.chance, self._path.weather
        if len(data) > 1 and chance.random() < weather.partial_chance:
            data = data[: chance.randint(1, len(data) - 1)]
        self.inside += len(data)
        if len(data) > 1 and chance.random() < weather.cut_chance:
            at = chance.randint(1, len(data) - 1)
            self._send(data[:at])
            self._send(data[at:])
        else:
            self._send(data)
        return len(data)

    def finish(self) -> None:
        """The end of the stream, behind all of it."""
        self._send(None)

    def reset(self) -> None:
        """An RST: it does not wait for what is on its way."""
        if not self.silent:
            self._path.world.later(
                self._path.delay_us() / 1e6, lambda: self.receiver.broken(ECONNRESET)
            )

    def heal(self) -> None:
        """The network carries again, and brings what it had swallowed."""
        if self.silent:
            self.silent = False
            held_up, self._held_up = self._held_up, 0
            for _ in range(held_up):
                self._set_out(0)
            self.notify()

    def notify(self) -> None:
        """Tell the sender, some time later, that there is room again."""
        if not self.silent:
            self._path.world.later(self._path.delay_us() / 1e6, self.sender.writable)

    def _send(self, data: bytes | None) -> None:
        self._under_way.append(data)
        if self.silent:
            self._held_up += 1
        else:
            self._set_out(len(data or b""))

    def _set_out(self, size: int) -> None:
        """Something will arrive in its time: whatever is the first then."""
        now_us = self._path.world.monotonic_us()
        due_us = max(self._last_us, now_us + self._path.delay_us())
        if self.bytes_per_s:
            due_us += size * 1_000_000 // self.bytes_per_s
        self._last_us = due_us
        self._path.world.later((due_us - now_us) / 1e6, self._arrive)

    def _arrive(self) -> None:
        if self.silent:
            self._held_up += 1
            return
        data = self._under_way.popleft()
        self._path.trace.note(self.name, data or b"")
        self.receiver.arrive(data)


class Socket:
    """One end, as ``socket.socket`` has it. ``on_readable`` and ``on_writable`` are
    called when something changed that select would tell of."""

    family = socket.AF_INET

    def __init__(self, incoming: Pipe, outgoing: Pipe) -> None:
        self.incoming = incoming
        self.outgoing = outgoing
        self.on_readable: Callable[[], None] = _nothing
        self.on_writable: Callable[[], None] = _nothing
        self.closed = False
        self.dark = False
        """Its machine is without power: it answers nothing."""
        self.uid = 0
        incoming.receiver = self
        outgoing.sender = self
        self._at_end = False
        self._error = 0
        self._shut = False
        self._stopped = False
        self._linger = True

    # -- what programs call ------------------------------------------------------------

    def send(self, data: bytes) -> int:
        """See ``socket.send``. Raises OSError."""
        if self._error or self.closed:
            raise OSError(self._error or EPIPE, "connection is broken")
        if self._shut:
            raise OSError(EPIPE, "was shut down")
        return self.outgoing.accept(data)

    def recv(self, size: int) -> bytes:
        """See ``socket.recv``. Raises OSError."""
        if self._error:
            raise OSError(self._error, "connection is broken")
        arrived = self.incoming.arrived
        if not arrived or self._stopped:
            if self._at_end and not self._stopped:
                return b""
            raise BlockingIOError(socket.EWOULDBLOCK, "would block")
        pieces: list[bytes] = []
        while arrived and size > 0:
            data = arrived.popleft()
            pieces.append(data[:size])
            if len(data) > size:
                arrived.appendleft(data[size:])
            size -= len(pieces[-1])
        data = b"".join(pieces)
        was_full = self.incoming.inside >= self.incoming.capacity
        self.incoming.inside -= len(data)
        if was_full:
            self.incoming.notify()
        return data

    def shutdown(self, how: int) -> None:
        """See ``socket.shutdown``: nothing further is sent."""
        if how != socket.SHUT_RD and not self._shut and not self._error:
            self._shut = True
            self.outgoing.finish()

    def close(self) -> None:
        """See ``socket.close``. What was read halfway, or wants no lingering, ends with
        an RST."""
        if self.closed:
            return
        self.closed = True
        self.on_readable = self.on_writable = _nothing
        if self._error:
            return
        if self.incoming.arrived or not self._linger:
            self.outgoing.reset()
        elif not self._shut:
            self._shut = True
            self.outgoing.finish()

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""

    def fileno(self) -> int:
        """A number that no descriptor has."""
        return -1 if self.closed else LARGE_BYTES

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        """Takes the sizes of buffers, and what is to become of unsent data."""
        if (level, option) == (socket.SOL_SOCKET, socket.SO_SNDBUF):
            self.outgoing.capacity = min(self.outgoing.capacity, value)
        elif (level, option) == (socket.SOL_SOCKET, socket.SO_LINGER):
            self._linger = False

    def getsockopt(self, level: int, option: int, size: int = 4) -> bytes:
        """The peer's credentials, of a UNIX socket."""
        return struct.pack("3i", 1, self.uid, self.uid)

    # -- what select asks --------------------------------------------------------------

    @property
    def can_read(self) -> bool:
        """Whether ``recv`` would not block."""
        if self._stopped:
            return bool(self._error)
        return bool(self.incoming.arrived or self._at_end or self._error)

    @property
    def can_write(self) -> bool:
        """Whether ``send`` would not block."""
        return bool(self._error or self.outgoing.inside < self.outgoing.capacity)

    # -- what the network does ---------------------------------------------------------

    def arrive(self, data: bytes | None) -> None:
        """Data, or the end of the stream."""
        if self.dark or self._error:
            return
        if self.closed:
            if data is not None:
                self.outgoing.reset()
            return
        if data is None:
            self._at_end = True
        else:
            self.incoming.arrived.append(data)
        self.on_readable()

    def stop_reading(self) -> None:
        """Its program does not read, until further notice."""
        self._stopped = True

    def read_again(self) -> None:
        """Its program reads again."""
        self._stopped = False
        if self.can_read:
            self.on_readable()

    def broken(self, error: int) -> None:
        """The connection is no more."""
        if self.dark or self.closed or self._error:
            return
        self._error = error
        self.on_readable()
        self.on_writable()

    def writable(self) -> None:
        """There is room again."""
        if not self.dark and not self.closed:
            self.on_writable()

    def power_off(self) -> None:
        """Its machine is gone from one moment to the next: nobody is told."""
        self.dark = self.closed = True
        self.on_readable = self.on_writable = _nothing

    def power_on(self) -> None:
        """The machine is back, without a memory of this connection: whoever goes on
        sending hears so."""
        if self.dark:
            self.dark = False
            if self.incoming.inside:
                self.outgoing.reset()


def _nothing() -> None:
    pass


def socket_pair(
    world: SimulatedWorld, trace: Trace, weather: Weather, seed: str
) -> tuple[Socket, Socket, Path]:
    """Both ends of a connection, the dialling one first, and its path."""
    path = Path(world, trace, weather, seed)
    up, down = Pipe(path, ">"), Pipe(path, "<")
    return Socket(down, up), Socket(up, down), path
