"""The clients of the crash loop. They talk, they read, they come back, and write down
everything in journals."""

from __future__ import annotations

import random
import time
from typing import Any

from crash_server import PASSWORD
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from relaychat.client.core import Conversation
from relaychat.client.dial import endpoint as dial
from relaychat.client.happenings import Happening, Kept, Ready, Shut
from relaychat.client.link import Link
from relaychat.client.outbox import Send
from relaychat.model.commands import Edit, Hello, React, Redact, Rename, Say
from relaychat.testing.journal import Journal
from relaychat.testing.witness import IrcWitness, NativeWitness

ROOMS = ("#alpha", "#beta")
IRC_BURST = 4
"""Lines that an IRC client says at once, with one PING behind them."""
IRC_PAUSE_S = 0.01
RETRY_S = 0.1


def now_us() -> int:
    """The clock of all journals."""
    return time.monotonic_ns() // 1000


class Native:
    """A native client by the client library: follows both rooms, and talks in them as
    fast as it is answered."""

    def __init__(
        self, reactor: Any, endpoint: str, nick: str, *, window: int, account: bool
    ) -> None:
        self.journal = Journal(nick)
        self.talking = bool(window)
        self._chance = random.Random(nick)
        device = f"{self._chance.getrandbits(128):032x}"
        password = PASSWORD if account else None
        hello = Hello(nick, password, device)
        self.conversation = Conversation(hello, window=max(window, 1))
        self.witness = NativeWitness(self.journal.add, self.conversation, now_us)
        self.readers = [self.conversation.follow(room) for room in ROOMS]
        self.acked = 0
        self.wrong: list[str] = []
        self._cid = 0
        self._kept: list[tuple[str, int]] = []
        self.link = Link(
            reactor, dial(reactor, endpoint), self.conversation,
            self._heard, jitter=lambda: 0.0,
        )  # fmt: skip
        self.link.startService()

    def _heard(self, happening: Happening) -> None:
        self.witness.happened(happening)
        if isinstance(happening, Kept):
            self.acked += 1
            if isinstance(happening.send, Say) and happening.done.room in ROOMS:
                self._kept = [
                    *self._kept[-20:],
                    (happening.send.room, happening.done.seq or 0),
                ]
        elif isinstance(happening, Shut) and not happening.fault.retry:
            self.wrong.append(f"{self.journal.name}: {happening}")
        if isinstance(happening, Ready | Kept):
            self.talk()

    def talk(self) -> None:
        """Say as much as fits into the window."""
        while (
            self.talking and self.conversation.ready and self.conversation.outbox.room
        ):
            self._cid += 1
            send = self._next(self._cid)
            self.witness.sent(send)
            self.conversation.send(send)

    def _next(self, cid: int) -> Send:
        dice = self._chance.random()
        text = f"{self.journal.name} says {cid}"
        if dice < 0.02:
            return Say(self._chance.choice(("@ann", "@bob")), text, cid=cid)
        if dice < 0.08 and self._kept:
            room, seq = self._chance.choice(self._kept)
            if dice < 0.04:
                return Edit(room, seq, f"{text} again", cid=cid)
            if dice < 0.045:
                return Redact(room, seq, text, cid=cid)
            return React(room, seq, text, cid=cid)
        return Say(self._chance.choice(ROOMS), text, cid=cid)

    def level(self, ends: dict[str, int]) -> bool:
        """Whether it is answered and has read all."""
        read = all(reader.seq >= ends.get(reader.room, 0) for reader in self.readers)
        return read and not len(self.conversation.outbox)

    def settle(self) -> None:
        """Say no more."""
        self.talking = False

    def stop(self) -> Deferred[None]:
        """Hang up."""
        return self.link.stopService()


class Wanderer(Native):
    """Reads; leaves a room now and then, comes back, and changes its name."""

    def __init__(self, reactor: Any, endpoint: str, nick: str) -> None:
        super().__init__(reactor, endpoint, nick, window=0, account=True)
        self._nicks = (nick, f"{nick}-away")
        self._reactor = reactor
        self._timer = reactor.callLater(1, self._wander)

    def _wander(self) -> None:
        pause_s = self._chance.uniform(0.1, 0.8)
        self._timer = self._reactor.callLater(pause_s, self._wander)
        if not self.conversation.ready:
            return
        if self._chance.random() < 0.3:
            self.conversation.ask(Rename(self._chance.choice(self._nicks)))
        elif self.conversation.wants(ROOMS[1]):
            self.conversation.leave(ROOMS[1])
        else:
            self._come_back()
        self.link.flush()

    def _come_back(self) -> None:
        self.readers[1] = self.conversation.follow(ROOMS[1])

    def settle(self) -> None:
        """Stay, from now on."""
        self._timer.cancel()
        if not self.conversation.wants(ROOMS[1]):
            self._come_back()
            self.link.flush()


class _IrcLines(LineOnlyReceiver):
    """One connection of a plain IRC client."""

    transport: Any
    delimiter = b"\r\n"
    MAX_LENGTH = 2**20

    def __init__(self, client: Irc) -> None:
        self._client = client

    def connectionMade(self) -> None:
        self._client.made(self)

    def say(self, *lines: str) -> None:
        """Send lines, with one write."""
        self.transport.writeSequence([f"{line}\r\n".encode() for line in lines])

    def lineReceived(self, line: bytes) -> None:
        self._client.line(line)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._client.lost()


class Irc:
    """A plain IRC client: joins, hears, speaks, and asks by PING what is kept."""

    def __init__(self, reactor: Any, endpoint: str, nick: str, room: str) -> None:
        self.journal = Journal(nick)
        self.witness = IrcWitness(self.journal.add, nick, now_us)
        self.room = room
        self.talking = True
        self.inside = False
        self.acked = 0
        self._chance = random.Random(nick)
        self._reactor = reactor
        self._endpoint = dial(reactor, endpoint)
        self._lines: _IrcLines | None = None
        self._timer: Any = None
        self._said = 0
        self._stopped = False
        self.drained = False
        self._connect()

    def _connect(self) -> None:
        if not self._stopped:
            attempt = self._endpoint.connect(
                Factory.forProtocol(lambda: _IrcLines(self))
            )
            attempt.addErrback(lambda _: self._later(RETRY_S, self._connect))

    def _later(self, seconds: float, call: Any) -> None:
        self._timer = self._reactor.callLater(seconds, call)

    def made(self, lines: _IrcLines) -> None:
        """Connected."""
        self._lines = lines
        self.witness.connected()
        nick = self.witness.nick
        lines.say(f"NICK {nick}", f"USER {nick} 0 * :{nick}")

    def lost(self) -> None:
        """And gone again."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._lines, self.inside = None, False
        self.witness.disconnected()
        if not self._stopped:
            self._later(RETRY_S, self._connect)

    def line(self, line: bytes) -> None:
        """Something was heard."""
        assert self._lines is not None
        self.witness.line(line)
        words = line.split(b" ")
        if words[0] == b"PING":
            self._lines.say(f"PONG {words[1].decode()}")
        elif words[1] in (b"376", b"422"):
            self._lines.say(f"JOIN {self.room}")
        elif words[1] == b"366":
            self.inside = True
            if self._timer is None or not self._timer.active():
                self._speak()
        elif words[1] == b"PONG" and words[-1] == b":drained":
            self.drained = True

    def _speak(self) -> None:
        if self._lines is None or not self.talking:
            return
        if self._chance.random() < 0.01:
            self._wander(self._lines)
        elif self.inside and len(self.witness.open) < 10 * IRC_BURST:
            lines = []
            for _ in range(IRC_BURST):
                self._said += 1
                text = f"{self.journal.name} says {self._said}"
                op = self.witness.said(self.room, text)
                lines.append(f"PRIVMSG {self.room} :{text}")
            self._lines.say(*lines, f"PING :{op}")
        self._later(IRC_PAUSE_S, self._speak)

    def _wander(self, lines: _IrcLines) -> None:
        """Go out and in again, or take another name."""
        if self._chance.random() < 0.3:
            nick = self.journal.name
            lines.say(f"NICK {self._chance.choice((nick, f'{nick}-away'))}")
        else:
            self.inside = False
            lines.say(f"PART {self.room}", f"JOIN {self.room}")

    def drain(self) -> None:
        """Say no more; ``drained`` tells when all was heard."""
        self.talking = False
        if self._lines is not None and self.inside:
            self._lines.say("PING :drained")

    def stop(self) -> None:
        """Hang up."""
        self._stopped = True
        if self._lines is not None:
            self._lines.transport.abortConnection()
        elif self._timer is not None and self._timer.active():
            self._timer.cancel()


class _Hello(Protocol):
    """Says hello as a guest, once, and fires with the time of its welcome."""

    transport: Any

    def __init__(self, welcomed: Deferred[float], nick: str) -> None:
        self._welcomed = welcomed
        self._nick = nick
        self._read = b""

    def connectionMade(self) -> None:
        hello = f'{{"type":"hello","nick":"{self._nick}"}}\n'
        self.transport.write(hello.encode())

    def dataReceived(self, data: bytes) -> None:
        self._read += data
        if b"\n" in self._read:
            if self._read.startswith(b'{"type":"welcome"'):
                self._welcomed.callback(time.monotonic())
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._welcomed.called:
            self._welcomed.errback(reason)


def welcome(reactor: Any, endpoint: str, nick: str = "probe") -> Deferred[float]:
    """Connect and say hello; fires with the time of the welcome, or fails. A nick is
    taken for minutes then."""
    welcomed: Deferred[float] = Deferred()
    client: Any = dial(reactor, endpoint)
    client.connect(Factory.forProtocol(lambda: _Hello(welcomed, nick))).addErrback(
        welcomed.errback
    )
    return welcomed
