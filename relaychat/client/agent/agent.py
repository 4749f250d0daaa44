"""The agent: one session and one outbox for all programs of a user on this machine.

It stays connected, and serves a UNIX socket that its user alone may open. Through it
programs send and listen in the words of the native protocol (see ``local``), and need
neither a password nor a connection of their own::

    echo '{"type":"send","room":"#ops","text":"done"}' | nc -U agent.sock

What it has taken is in its outbox on the disk, and goes out once, in order, whatever
dies in between: the agent, the server, the program that sent it (see ``accepted``).
"""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from relaychat.client.agent.accepted import Accepted
from relaychat.client.agent.local import Local
from relaychat.client.api import Client
from relaychat.client.cli.show import full_line
from relaychat.client.happenings import (
    Complaint,
    Down,
    Entered,
    Exited,
    Happening,
    Parting,
    Refused,
    Rejected,
    Shown,
    Shut,
    Up,
)
from relaychat.client.state import StateError

PATH_BYTES = 107
"""The longest path that a UNIX socket may have."""


class Agent(Service):
    """See the module."""

    log = Logger()

    def __init__(
        self, reactor: Any, client: Client, path: Path, rooms: tuple[str, ...] = ()
    ) -> None:
        """``path`` is the socket's, ``rooms`` are joined. Raises StateError."""
        if len(os.fsencode(path)) > PATH_BYTES:
            raise StateError(
                f"{path}: too long for a UNIX socket; give another --state"
            )
        self.client = client
        self.accepted = Accepted(client)
        self.locals: list[Local] = []
        self.path = path
        self._reactor = reactor
        self._port: Any = None
        self._rooms = rooms
        kinds: tuple[type[Any], ...] = (
            Up, Down, Entered, Exited, Shut, Rejected, Complaint, Parting, Refused,
        )  # fmt: skip
        for kind in kinds:
            client.on(kind, self._tell)
        client.on(Shown, self._shown)
        client.on(Entered, self._entered)
        client.on(Exited, self._exited)

    def startService(self) -> None:
        super().startService()
        self.path.unlink(missing_ok=True)  # Nobody else is this client: it is stale.
        factory = Factory.forProtocol(lambda: Local(self))
        self._port = self._reactor.listenUNIX(str(self.path), factory, mode=0o600)
        for room in self._rooms:
            self.client.join(room).addErrback(lambda _: None)  # Shut tells.
        self.client.connect().addErrback(lambda _: None)  # Down and Rejected tell.

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._port is not None:
            await self._port.stopListening()
        for one in list(self.locals):
            one.transport.loseConnection()
        await self.client.close()

    def failed(self, failure: Failure) -> None:
        """Something of ours went wrong for a local program; the others go on."""
        self.log.failure("a local program could not be served", failure)

    # -- what happens ------------------------------------------------------------------

    def _shown(self, shown: Shown) -> None:
        line = full_line(shown.event, room=True)
        if line is not None:
            self.log.info("{line}", line=line)
        for one in list(self.locals):
            one.happened(shown.event, shown.raw)

    def _entered(self, entered: Entered) -> None:
        room = self.client.room(entered.room.room)
        for one in list(self.locals):
            if room is not None:
                one.entered(room)

    def _exited(self, exited: Exited) -> None:
        for one in list(self.locals):
            one.exited(exited.room)

    def _tell(self, happening: Happening) -> None:
        text = told(happening)
        if text:
            self.log.info("{text}", text=text)


def told(happening: Happening) -> str:
    """A happening of the link in words; empty for what is not worth a line."""
    match happening:
        case Up(welcome):
            return f"up as {welcome.nick} on {welcome.server}"
        case Down(reason=reason):
            return f"down: {reason}; trying again"
        case Entered(room):
            return f"in {room.room}, at {room.seq}"
        case Exited(room=name):
            return f"out of {name}"
        case Shut(room=name, fault=fault):
            return f"not let into {name}: {fault.text}"
        case Refused(send, fault):
            return f"a message to {send.room} was refused: {fault.text}"
        case Rejected(fault) | Complaint(fault):
            return f"refused: {fault.text}"
        case Parting(goodbye):
            return f"the server closes: {goodbye.text}"
    return ""


def answers(path: Path) -> bool:
    """Whether an agent serves this socket."""
    with closing(socket.socket(socket.AF_UNIX)) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
