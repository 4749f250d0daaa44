"""One local program at the agent: the native protocol once more, on a UNIX socket.

A program may say what it would say to a relay, and is told the same. These are
different:

- ``hello`` is optional, its nick and password mean nothing: the agent is logged in.
  Without it one hears only of the rooms that one joined here.
- A message is taken when it is in the agent's outbox, on the disk, and goes out when
  the server is there. ``ok`` comes when it is in the log.
- Answers may overtake each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from relaychat import __version__
from relaychat.client.agent.accepted import Taken, origin_of
from relaychat.client.cursor import Logged
from relaychat.client.outbox import Send
from relaychat.client.sending import RefusedByServer, Sending
from relaychat.client.speech import LineBuffer, Unreadable
from relaychat.client.subscription import Subscription
from relaychat.model import commands, events
from relaychat.model.commands import Command, Cursor
from relaychat.model.events import Done, Fault
from relaychat.model.names import fold
from relaychat.model.words import Word

if TYPE_CHECKING:
    from relaychat.client.agent.agent import Agent
    from relaychat.client.rooms import Room

FLIGHT = 256
"""Of one program, what waits for an answer of the server; more is not read."""
SENDS = (
    commands.Say,
    commands.Edit,
    commands.Redact,
    commands.React,
    commands.Custom,
)

_decode: Callable[[bytes], Command] = msgspec.json.Decoder(commands.AnyCommand).decode
_encode = msgspec.json.Encoder().encode


@implementer(IPushProducer)
class Local(Protocol):
    """See the module."""

    transport: Any

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._client = agent.client
        self._lines = LineBuffer()
        self._origin = ""
        self._everything = False
        self._subscription = Subscription(self._client, self._write)
        """Of the rooms that it hears of."""
        self._gone = False
        self._sends: list[Send] = []
        self._flight = 0
        self._full = False
        """It does not read what it is told."""
        self._read = True
        """We read what it says."""

    # -- the socket --------------------------------------------------------------------

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)
        self._agent.locals.append(self)

    def dataReceived(self, data: bytes) -> None:
        try:
            for raw in self._lines.feed(data):
                self._line(raw)
        except Unreadable as error:
            self._close(events.Goodbye("protocol_broken", str(error)))
        self._take_sends()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._gone = True
        self._subscription.stop()
        if self in self._agent.locals:
            self._agent.locals.remove(self)

    def pauseProducing(self) -> None:
        """It does not read: what happens meanwhile it is given from the log."""
        self._subscription.full = self._full = True
        self._pace()

    def resumeProducing(self) -> None:
        """It reads again."""
        self._full = False
        self._subscription.go_on()
        self._pace()

    def stopProducing(self) -> None:
        """The connection is going."""
        self._subscription.stop()

    def _pace(self) -> None:
        """Read on, or not now: what it asks makes answers, and they have to go
        somewhere."""
        read = not self._full and self._flight <= FLIGHT
        if read == self._read or self._gone:
            return
        self._read = read
        if read:
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()

    def _landed(self) -> None:
        """One thing less waits for an answer of the server."""
        self._flight -= 1
        self._pace()

    def _tell(self, word: Word) -> None:
        if not self._gone:
            self.transport.write(_encode(word) + b"\n")

    def _close(self, goodbye: events.Goodbye) -> None:
        self._tell(goodbye)
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    # -- what it asks ------------------------------------------------------------------

    def _line(self, raw: bytes) -> None:
        try:
            command = _decode(raw.strip() or b"{}")
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            if raw.strip():
                self._tell(Fault("bad_syntax", str(error)))
            return
        if isinstance(command, SENDS):
            self._sends.append(command)
            return
        self._take_sends()
        take = _TAKES.get(type(command))
        if take is not None:
            take(self, command)
        else:
            self._ask(command)

    def _ask(self, command: Command) -> None:
        """Let the server answer."""

        def answered(answer: Any) -> None:
            self._landed()
            self._answer(command, answer)

        self._flight += 1
        self._pace()
        asked = msgspec.structs.replace(command, id=None)
        self._client.link.ask(asked).addCallback(answered)

    def _answer(self, command: Command, answer: Any) -> None:
        self._tell(msgspec.structs.replace(answer, id=command.id))

    def _hello(self, hello: commands.Hello) -> None:
        if hello.device is not None:
            self._origin = origin_of(hello.device)
        self._everything = True
        welcome = self._client.conversation.welcome
        self._answer(
            hello,
            events.Welcome(
                self._client.nick,
                welcome.server if welcome else self._client.address.server,
                f"relaychat-client/{__version__}",
                1,
                account=welcome.account if welcome else None,
                cid=self._agent.accepted.high(self._origin) if self._origin else 0,
                limits=welcome.limits if welcome else {},
            ),
        )
        for room in list(self._client.rooms.values()):
            self._show(room)
        if hello.resume is not None:
            self._resume_from(hello.resume, hello)

    def _join(self, join: commands.Join) -> None:
        known = self._client.room(join.room)
        if known is not None:
            self._show(known, join)
            return

        def failed(failure: Failure) -> None:
            failure.trap(RefusedByServer)
            self._answer(join, cast(RefusedByServer, failure.value).fault)

        joined: Deferred[Room] = self._client.join(join.room, join.key)
        joined.addCallbacks(lambda room: self._show(room, join), failed)

    def _show(self, room: Room, command: Command | None = None) -> None:
        """Show a room as it is; what follows will follow."""
        name = fold(room.name)
        self._subscription.at.setdefault(name, room.cursor)
        self._tell(room.shown(command.id if command else None))

    def _resume(self, resume: commands.Resume) -> None:
        self._resume_from(resume.rooms, resume)

    def _resume_from(self, cursors: dict[str, Cursor], command: Command) -> None:
        names = []
        for name, cursor in cursors.items():
            room = self._client.room(name)
            if room is not None:
                self._subscription.at[fold(room.name)] = cursor
                names.append(room.name)
        work = [self._subscription.read_on(fold(name)) for name in names]

        async def level() -> None:
            for one in work:
                await one
            self._answer(command, events.Resumed(tuple(names)))

        Deferred.fromCoroutine(level()).addErrback(self._agent.failed)

    def _ping(self, ping: commands.Ping) -> None:
        self._answer(ping, events.Ponged(ping.token))

    def _pong(self, pong: commands.Pong) -> None:
        """It lives."""

    def _bye(self, bye: commands.Bye) -> None:
        self._close(events.Goodbye("bye", "goodbye", id=bye.id))

    def _mark(self, mark: commands.Mark) -> None:
        self._client.mark(mark.room, mark.seq)
        self._answer(mark, events.Marked(mark.room, mark.seq))

    # -- what it sends -----------------------------------------------------------------

    def _take_sends(self) -> None:
        sends, self._sends = self._sends, []
        good = []
        for send in sends:
            if send.cid and not self._origin:
                text = "say hello with a device, and a cid means something"
                self._answer(send, Fault("cid_needs_device", text, cid=send.cid))
            else:
                good.append(send)
        if not good:
            return
        for send, taken in zip(
            good, self._agent.accepted.take(self._origin, good), strict=True
        ):
            self._taken(send, taken)
        self._pace()

    def _taken(self, send: Send, taken: Taken) -> None:
        if not isinstance(taken, Sending):
            self._settled(send, taken)
            return
        self._flight += 1

        def refused(failure: Failure) -> None:
            failure.trap(RefusedByServer)
            landed(cast(RefusedByServer, failure.value).fault)

        def landed(answer: Done | Fault) -> None:
            self._landed()
            self._settled(send, answer)

        taken.kept().addCallbacks(landed, refused)

    def _settled(self, send: Send, answer: Done | Fault) -> None:
        self._answer(send, msgspec.structs.replace(answer, cid=send.cid))

    # -- what it hears -----------------------------------------------------------------

    def entered(self, room: Room) -> None:
        """The agent is in a room, perhaps since before."""
        if self._everything and fold(room.name) not in self._subscription.at:
            self._show(room)

    def exited(self, name: str) -> None:
        """The agent is in a room no more."""
        self._subscription.at.pop(fold(name), None)

    def happened(self, event: Word, raw: bytes) -> None:
        """The agent was shown this."""
        if isinstance(event, Logged):
            self._subscription.happened(event, raw)
        elif self._everything and not self._subscription.full:
            self.transport.write(raw + b"\n")

    def _write(self, event: Word, raw: bytes) -> None:
        self.transport.write(raw + b"\n")


_TAKES: dict[type[Command], Callable[[Local, Any], None]] = {
    commands.Hello: Local._hello,
    commands.Join: Local._join,
    commands.Resume: Local._resume,
    commands.Ping: Local._ping,
    commands.Pong: Local._pong,
    commands.Bye: Local._bye,
    commands.Mark: Local._mark,
}
