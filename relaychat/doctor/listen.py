"""The other end of an examination, where there is no relay: it answers discovery on all
interfaces, and takes connections to close them at once."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from relaychat import __version__
from relaychat.app.world import ReactorWorld
from relaychat.client.cli.output import note
from relaychat.client.cli.run import LOCAL, Job, Trouble
from relaychat.net.discovery import Discovery, News, Reply, Settings
from relaychat.net.interfaces import Interface
from relaychat.net.mdns import Announcer, announced
from relaychat.net.reach import Open
from relaychat.wire.discovery import read_query

DIALECT = "native"
"""What its door is called: so it is announced by mDNS as a relay's would be. Who tries
to chat there is hung up on."""
MET = 256
"""Machines that it tells of."""


class _Closing(Protocol):
    """A connection has come, which is all there is to know."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See Protocol."""


class Speaker:
    """What there is to say: one door."""

    def __init__(self, door: Open) -> None:
        self._door = door

    def doors(self) -> tuple[Open, ...]:
        """See ``net.discovery.Speaker``."""
        return (self._door,)

    def news(self, told: Callable[[News], None]) -> None:
        """See ``net.discovery.Speaker``: there are none."""
        told(News())


class Answering(Discovery):
    """Tells of whom it hears: so one sees whether the question came, or the answer got
    lost."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._met: set[tuple[str, str]] = set()

    def received(
        self, data: bytes, sender: Any, interface: Interface, reply: Reply
    ) -> None:
        """See Discovery."""
        key = (str(sender[0]), interface.name)
        asks = read_query(data) is not None
        if asks and key not in self._met and len(self._met) < MET:
            self._met.add(key)
            note(f"{key[0]} asks by {key[1]}")
        super().received(data, sender, interface, reply)


def listen_job(port: int, udp_port: int) -> Job:
    """Answer until it is interrupted."""

    async def job(reactor: Any) -> int:
        try:
            listening = _listen(reactor, port)
        except CannotListenError as error:
            why = f"TCP port {port} can't be had: {error.socketError}; name another"
            raise Trouble(LOCAL, f"{why} with --port, at both ends") from None
        here = listening.getHost()
        door = Open(DIALECT, here.host, here.port)
        name, world = _name(), ReactorWorld(reactor)
        speaker = Speaker(door)
        answering = Answering(reactor, world, Settings(port=udp_port), name, speaker)
        announcer = Announcer(reactor)

        shown: dict[str, str] = {}

        def looked(interfaces: tuple[Interface, ...]) -> None:
            _show(interfaces, shown)
            wanted = announced(
                [door], interfaces, (), name, answering.instance, __version__
            )
            announcer.announce(wanted)

        answering.looked = looked
        answering.start()
        note(
            f"answering on UDP port {udp_port} and TCP port {here.port}; on the other"
            " machine: relaychat doctor lan [ADDRESS]"
        )
        forever: Deferred[int] = Deferred()
        try:
            return await forever
        finally:
            answering.stop()
            await announcer.stop()

    return job


def _show(interfaces: Iterable[Interface], shown: dict[str, str]) -> None:
    """Tell of interfaces, and of what has changed about them since."""
    for one in interfaces:
        if one.loopback:
            continue
        addresses = ", ".join(str(address.ip) for address in one.addresses)
        text = (
            f"{one.name}: {addresses or 'no address'}{'' if one.running else ', down'}"
        )
        if shown.get(one.name) != text:
            shown[one.name] = text
            note(text)


def _listen(reactor: Any, port: int) -> Any:
    """A port for both versions of IP, or for IPv4 where there is no other."""
    factory = Factory.forProtocol(_Closing)
    try:
        return reactor.listenTCP(port, factory, interface="::")
    except CannotListenError:
        return reactor.listenTCP(port, factory, interface="0.0.0.0")


def _name() -> str:
    """This machine's name, as far as it may be one."""
    found = re.sub(r"[^A-Za-z0-9.-]+", "-", socket.gethostname()).strip(".-")[:63]
    return found.strip(".-") or "doctor"
