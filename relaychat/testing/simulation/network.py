"""The simulated network: who listens where, who is cut off, and how it is to dial."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import NamedTuple

from relaychat.testing.simulation.sockets import (
    Path,
    Pipe,
    Socket,
    Weather,
    socket_pair,
)
from relaychat.testing.simulation.trace import Trace
from relaychat.testing.world import SimulatedWorld

DIAL_TIMEOUT_S = 10.0
"""After which nobody waits for an answer any more."""


class Listener:
    """Somebody who takes connections at a place."""

    def __init__(self, place: str, accept: Callable[[Socket, str], None]) -> None:
        self.place = place
        self.accept = accept


class Line(NamedTuple):
    """A connection, as the weather sees it."""

    client: Socket
    server: Socket
    path: Path

    @property
    def pipes(self) -> tuple[Pipe, Pipe]:
        """Towards the server, and towards the client."""
        return self.client.outgoing, self.server.outgoing

    @property
    def up(self) -> bool:
        """Whether both ends are there."""
        return not (self.client.closed or self.server.closed)


class Network:
    """See the module."""

    def __init__(self, world: SimulatedWorld, trace: Trace, weather: Weather) -> None:
        self.weather = weather
        self.dark = False
        """The server's machine has no power."""
        self.cut_off: dict[str, None] = {}
        """Hosts that reach nobody."""
        self.spike_us = 0
        """Added to every delay of every connection."""
        self.lines: dict[str, Line] = {}
        """The latest connection of each host."""
        self._all: list[Line] = []
        self._world = world
        self._trace = trace
        self._listeners: dict[str, Listener] = {}
        self._count = count(1)

    @property
    def open_lines(self) -> list[Line]:
        """All connections whose ends are both there."""
        self._all = [line for line in self._all if line.up]
        return self._all

    def open(self, listener: Listener) -> bool:
        """Take connections; False if somebody else does there."""
        if listener.place in self._listeners:
            return False
        self._listeners[listener.place] = listener
        return True

    def close(self, listener: Listener) -> None:
        """Take no more."""
        if self._listeners.get(listener.place) is listener:
            del self._listeners[listener.place]

    def spike(self, spike_us: int) -> None:
        """From now on everything takes so much longer."""
        self.spike_us = spike_us
        for line in self.open_lines:
            line.path.spike_us = spike_us

    def calm(self) -> None:
        """No more troubles, but for connections that are dead without knowing it."""
        self.spike(0)
        for host in list(self.cut_off):
            self.isolate(host, False)
        for line in self.open_lines:
            for pipe in line.pipes:
                pipe.bytes_per_s = 0
            line.client.read_again()

    def isolate(self, host: str, apart: bool) -> None:
        """Cut a host off from everybody, or no more. Nobody is told."""
        if apart:
            self.cut_off[host] = None
        else:
            self.cut_off.pop(host, None)
        for line in self.open_lines:
            if line.path.name.startswith(f"{host} "):
                for pipe in line.pipes:
                    if apart:
                        pipe.silent = True
                    else:
                        pipe.heal()

    def dial(
        self,
        host: str,
        place: str,
        seed: str,
        connected: Callable[[Socket | None, str], None],
    ) -> None:
        """Connect. The answer is a socket, or why there is none: ``refused`` or
        ``timeout``."""
        number = next(self._count)
        client, server, path = socket_pair(
            self._world, self._trace, self.weather, f"{host} {seed}"
        )
        path.spike_us = self.spike_us
        later, delay_us = self._world.later, path.delay_us

        def arrives() -> None:
            if self.dark or host in self.cut_off:
                later(DIAL_TIMEOUT_S, lambda: connected(None, "timeout"))
                return
            listener = self._listeners.get(place)
            if listener is None:
                later(delay_us() / 1e6, lambda: connected(None, "refused"))
                return
            self._trace.note(f"{host} connects")
            line = self.lines[host] = Line(client, server, path)
            self._all.append(line)
            later(delay_us() / 1e6, lambda: connected(client, ""))
            listener.accept(
                server, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            )

        later(delay_us() / 1e6, arrives)
