"""A reactor for one simulated process, on which Twisted's own TCP transport runs.

It has what endpoints, transports and services ask a reactor for: timers, readers and
writers, listening and dialling. One call of ``doRead`` or ``doWrite`` is one event of
the simulated world.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet import main, tcp
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import (
    AlreadyCalled,
    AlreadyCancelled,
    CannotListenError,
    ConnectionDone,
    ConnectionLost,
)
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IListeningPort,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from relaychat.testing.simulation.network import Listener, Network
from relaychat.testing.simulation.process import Process
from relaychat.testing.simulation.sockets import Socket

_ENDS: dict[type[Exception], Failure] = {
    ConnectionDone: Failure(main.CONNECTION_DONE),
    ConnectionLost: Failure(main.CONNECTION_LOST),
}


class Transport(tcp.Connection):
    """Twisted's TCP transport on a simulated socket."""

    def __init__(
        self,
        handle: Socket,
        protocol: Any,
        reactor: SimulatedReactor,
        host: IAddress,
        peer: IAddress,
    ) -> None:
        super().__init__(handle, protocol, reactor)  # type: ignore[arg-type]
        self.bufferSize = reactor.network.weather.transport_bytes
        self._host, self._peer = host, peer
        self.logstr = "simulated"
        self.connected = 1
        handle.on_readable = lambda: reactor.ready(self, True)
        handle.on_writable = lambda: reactor.ready(self, False)

    def getHost(self) -> IAddress:
        """Our own address."""
        return self._host

    def getPeer(self) -> IAddress:
        """The other end's address."""
        return self._peer


@implementer(IDelayedCall)
class DelayedCall:
    """See ``IDelayedCall``."""

    def __init__(
        self, reactor: SimulatedReactor, seconds: float, call: Callable[[], object]
    ) -> None:
        self._reactor = reactor
        self._call = call
        self.called = self.cancelled = False
        self._start(seconds)

    def _start(self, seconds: float) -> None:
        self._time = self._reactor.seconds() + seconds
        self._timer = self._reactor.process.later(seconds, self._fire)

    def _fire(self) -> None:
        self.called = True
        self._call()

    def getTime(self) -> float:
        """When it is due."""
        return self._time

    def cancel(self) -> None:
        """Forget it. Raises AlreadyCalled, AlreadyCancelled."""
        self._check()
        self.cancelled = True
        self._timer.cancel()

    def delay(self, secondsLater: float) -> None:
        """Later than it was to be."""
        self._check()
        self._timer.cancel()
        self._start(self._time - self._reactor.seconds() + secondsLater)

    def reset(self, secondsFromNow: float) -> None:
        """So long from now."""
        self._check()
        self._timer.cancel()
        self._start(secondsFromNow)

    def active(self) -> bool:
        """Whether it is still to come."""
        return not (self.called or self.cancelled)

    def _check(self) -> None:
        if self.called:
            raise AlreadyCalled
        if self.cancelled:
            raise AlreadyCancelled


@implementer(IListeningPort)
class Port:
    """See ``IListeningPort``."""

    def __init__(self, network: Network, listener: Listener, address: IAddress) -> None:
        self._network = network
        self._listener = listener
        self._address = address

    def startListening(self) -> None:
        """It does."""

    def stopListening(self) -> None:
        """Nobody comes in any more."""
        self._network.close(self._listener)

    def getHost(self) -> IAddress:
        """Where."""
        return self._address


@implementer(IReactorTime)
class SimulatedReactor:
    """See the module. Clients dial by ``Dial``."""

    running = True

    def __init__(self, process: Process, network: Network, host: str) -> None:
        self.process = process
        self.network = network
        self.host = host
        self.sockets: dict[Socket, None] = {}
        """All that the process has open."""
        self._readers: dict[Any, None] = {}
        self._writers: dict[Any, None] = {}
        self._listeners: list[Listener] = []

    # -- time --------------------------------------------------------------------------

    def seconds(self) -> float:
        """The monotonic clock."""
        return self.process.monotonic_us() / 1e6

    def callLater(
        self,
        delay: float,
        callable: Callable[..., Any],  # noqa: A002
        *args: object,
        **kwargs: object,
    ) -> DelayedCall:
        """See ``IReactorTime``."""
        return DelayedCall(self, delay, lambda: callable(*args, **kwargs))

    def getDelayedCalls(self) -> list[DelayedCall]:
        """See ``IReactorTime``; nobody who runs here asks."""
        return []

    def callFromThread(self, call: Callable[..., object], *args: Any) -> None:
        """There is one thread."""
        self.callLater(0, call, *args)

    # -- readers and writers -----------------------------------------------------------

    def addReader(self, reader: Any) -> None:
        """Call ``doRead`` when there is something to read."""
        self._readers[reader] = None
        if reader.socket.can_read:
            self.process.later(0, lambda: self.ready(reader, True))

    def addWriter(self, writer: Any) -> None:
        """Call ``doWrite`` when there is room."""
        self._writers[writer] = None
        if writer.socket.can_write:
            self.process.later(0, lambda: self.ready(writer, False))

    def removeReader(self, reader: Any) -> None:
        """See ``addReader``."""
        self._readers.pop(reader, None)

    def removeWriter(self, writer: Any) -> None:
        """See ``addWriter``."""
        self._writers.pop(writer, None)

    def ready(self, transport: Any, reading: bool) -> None:
        """Select would return now with this one."""
        self.process.call(lambda: self._ready(transport, reading))

    def _ready(self, transport: Any, reading: bool) -> None:
        waiting = self._readers if reading else self._writers
        if transport not in waiting:
            return
        handle: Socket = transport.socket
        why = transport.doRead() if reading else transport.doWrite()
        if why:
            self._disconnect(transport, why, reading)
        elif transport in waiting and (
            handle.can_read if reading else handle.can_write
        ):
            self.process.later(0, lambda: self.ready(transport, reading))

    def _disconnect(self, transport: Any, why: Exception, reading: bool) -> None:
        self.removeReader(transport)
        known = _ENDS.get(type(why))
        if known is not None and reading and type(why) is ConnectionDone:
            transport.readConnectionLost(known)
            return
        self.removeWriter(transport)
        transport.connectionLost(known or Failure(why))

    # -- coming and going --------------------------------------------------------------

    def listenTCP(
        self, port: int, factory: Any, backlog: int = 50, interface: str = ""
    ) -> Port:
        """See ``IReactorTCP``."""
        address = IPv4Address("TCP", interface or "127.0.0.1", port)
        return self._listen(f"tcp:{port}", factory, address)

    def listenUNIX(
        self,
        address: str,
        factory: Any,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> Port:
        """See ``IReactorUNIX``. Nothing appears in the file system."""
        return self._listen(f"unix:{address}", factory, UNIXAddress(address))

    def _listen(self, place: str, factory: Any, address: IAddress) -> Port:
        listener = Listener(place, lambda *come: self._accept(factory, address, *come))
        if not self.network.open(listener):
            raise CannotListenError("", place, OSError("address in use"))
        self._listeners.append(listener)
        factory.doStart()
        return Port(self.network, listener, address)

    def _accept(
        self, factory: Any, address: IAddress, handle: Socket, peer: str
    ) -> None:
        unix = isinstance(address, UNIXAddress)
        there: IAddress = UNIXAddress("") if unix else IPv4Address("TCP", peer, 4711)
        handle.uid = os.geteuid()
        self.process.call(lambda: self.attach(factory, handle, address, there))

    def attach(
        self, factory: Any, handle: Socket, here: IAddress, there: IAddress
    ) -> Any:
        """A protocol of the factory on this socket; None if it wants none."""
        protocol = factory.buildProtocol(there)
        if protocol is None:
            handle.close()
            return None
        self.sockets[handle] = None
        transport = Transport(handle, protocol, self, here, there)
        transport.startReading()
        protocol.makeConnection(transport)
        return protocol

    # -- the end -----------------------------------------------------------------------

    def stop_listening(self) -> None:
        """Nobody comes in any more."""
        for listener in self._listeners:
            self.network.close(listener)

    def kill(self) -> None:
        """The process is gone; the kernel closes what it had open."""
        self._gone()
        for handle in self._open():
            handle.close()

    def power_off(self) -> list[Socket]:
        """The machine is gone. Returns what it had open, for its ``power_on``."""
        self._gone()
        handles = self._open()
        for handle in handles:
            handle.power_off()
        return handles

    def _gone(self) -> None:
        self.process.kill()
        self.stop_listening()
        self._readers.clear()
        self._writers.clear()

    def _open(self) -> list[Socket]:
        handles = [handle for handle in self.sockets if not handle.closed]
        self.sockets.clear()
        return handles


@implementer(IStreamClientEndpoint)
class Dial:
    """Where a client connects to, from a new address each time. ``seed`` gives each
    connection chance of its own."""

    def __init__(
        self,
        reactor: SimulatedReactor,
        place: str,
        seed: Callable[[], str],
    ) -> None:
        self._reactor = reactor
        self._place = place
        self._seed = seed

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """Fires with the protocol. Fails with ConnectionRefusedError,
        TimeoutError."""
        reactor, network = self._reactor, self._reactor.network
        attempt: Deferred[Any] = Deferred(lambda _: over())
        ended = False

        def over() -> None:
            nonlocal ended
            ended = True

        def connected(handle: Socket | None, why: str) -> None:
            if ended or not reactor.process.alive:
                if handle is not None:
                    handle.close()
                return
            over()
            if handle is None:
                attempt.errback(Refused() if why == "refused" else ConnectTimeout())
                return
            here = IPv4Address("TCP", reactor.host, 4711)
            there = IPv4Address("TCP", "192.0.2.1", 1)
            protocol = reactor.attach(protocolFactory, handle, here, there)
            if protocol is not None:
                attempt.callback(protocol)

        network.dial(reactor.host, self._place, self._seed(), connected)
        return attempt
