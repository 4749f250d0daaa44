"""One run of a bot's program: what is written to it, what it says, and how it ends (see
``bot``)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from relaychat.client.api import Client
from relaychat.client.bots.deliveries import Bucket, Deliveries, TooMuch
from relaychat.client.cli.output import note
from relaychat.client.state import StateError
from relaychat.client.subscription import Subscription
from relaychat.model.commands import Custom, Edit, React, Redact, Say
from relaychat.model.names import fold

LINE_BYTES = 64 * 1024
"""The longest line that a bot may write."""
END_S = 2.0
"""Between SIGTERM and SIGKILL."""


@dataclass(frozen=True)
class Options:
    """What the command was told."""

    rooms: tuple[str, ...] = ()
    key: str = ""
    name: str = ""
    memory_mib: int = 512
    rate_per_s: float = 20
    burst: int = 200
    start_s: float = 10
    line_s: float = 300
    deaths: int = 10
    """On the same line, until that is set aside; 0: never."""
    env: tuple[str, ...] = ()


class Ready(msgspec.Struct, frozen=True, tag="hello"):
    """The bot is up."""


class Finished(msgspec.Struct, frozen=True, tag="done"):
    """The bot is done with the oldest line."""


_decode: Callable[[bytes], Any] = msgspec.json.Decoder(
    Ready | Finished | Say | Edit | Redact | React | Custom
).decode
_encode = msgspec.json.Encoder().encode


class Program(ProcessProtocol):
    """One run of the bot's program."""

    transport: Any

    def __init__(
        self, clock: Any, client: Client, options: Options, name: str, window: int
    ) -> None:
        """``name``: what it is called. ``window``: lines that it is given ahead of its
        answers."""
        self._clock = clock
        self._client = client
        self._options = options
        self._name = name
        self._held = b""
        self._lines: list[bytes] = []
        self._up = self._over = False
        self._errors = 0
        now_s = self._clock.seconds()
        self._bucket = Bucket(options.rate_per_s, options.burst, now_s)
        self._reading: Any = None
        self._late = self._clock.callLater(
            options.start_s, self.end, f"no hello within {options.start_s:g} s"
        )
        self._killing: Any = None
        self.deliveries = Deliveries(client, window)
        self.subscription = Subscription(client, self._tell)
        self.ended: Deferred[str] = Deferred()
        """Fires with the reason."""
        self.over: Deferred[None] = Deferred()
        """Fires when the process is gone, whoever waits for ``ended``."""
        self._why = ""
        self.worked = False
        """Whether it was done with something."""

    # -- to the bot --------------------------------------------------------------------

    def connectionMade(self) -> None:
        self._write({"type": "welcome", "nick": self._client.nick})

    def _write(self, word: object) -> None:
        self.transport.write(_encode(word) + b"\n")

    def follow(self, name: str) -> None:
        """Tell it a room, from where it came to."""
        cursor = self._client.read_to(name)
        if self._up and cursor is not None and name not in self.subscription.at:
            self.subscription.at[name] = cursor
            self.subscription.read_on(name)

    def _tell(self, event: Any, raw: bytes) -> None:
        sender = getattr(event, "sender", None)
        if sender is not None and fold(sender) == fold(self._client.nick):
            self.deliveries.skip(event)
            return
        if self.deliveries.idle:
            self._watch()
        self.deliveries.give(event)
        self.subscription.full = self.deliveries.full
        self.transport.write(raw + b"\n")

    def _watch(self) -> None:
        if self._late.active():
            self._late.cancel()
        line_s = self._options.line_s
        self._late = self._clock.callLater(
            line_s, self.end, f"no done within {line_s:g} s"
        )

    # -- from the bot ------------------------------------------------------------------

    def outReceived(self, data: bytes) -> None:
        *lines, self._held = (self._held + data).split(b"\n")
        self._lines += lines
        if len(self._held) > LINE_BYTES or max(map(len, lines), default=0) > LINE_BYTES:
            self.end(f"a line of more than {LINE_BYTES} bytes")
        self._read()

    def _read(self) -> None:
        """Take its lines, as fast as it may write them."""
        self._reading = None
        while self._lines and not self._over:
            raw = self._lines.pop(0)
            try:
                self._line(raw)
            except (TooMuch, StateError, msgspec.MsgspecError, UnicodeError) as error:
                self.end(f"{error}: {raw[:80]!r}")
            wait_s = self._bucket.take(self._clock.seconds())
            if wait_s and not self._over:
                self.transport.pauseProducing()
                self._reading = self._clock.callLater(wait_s, self._read)
                return
        if not self._over:
            self.transport.resumeProducing()

    def _line(self, raw: bytes) -> None:
        word = _decode(raw)
        if isinstance(word, Ready):
            self._hello()
        elif not self._up:
            raise TooMuch("its first word is not hello")
        elif isinstance(word, Finished):
            self.deliveries.done()
            self.worked = True
            self._late.cancel()
            if not self.deliveries.idle:
                self._watch()
            if self.subscription.full and not self.deliveries.full:
                self.subscription.go_on()
        else:
            self.deliveries.send(msgspec.structs.replace(word, id=None, cid=None))

    def _hello(self) -> None:
        if not self._up:
            self._up = True
            self._late.cancel()
            for name in list(self._client.rooms):
                self.follow(name)

    def errReceived(self, data: bytes) -> None:
        """What it writes to stderr is told, within limits."""
        for line in data.decode("utf-8", "replace").splitlines():
            self._errors += 1
            if self._errors <= self._options.burst:
                note(f"{self._name}: {line[:500]}")

    # -- its end -----------------------------------------------------------------------

    def end(self, why: str) -> None:
        """End it and all that it started."""
        if not self._over:
            self._why = why
        self._stop()
        self._signal(signal.SIGTERM)
        if self._killing is None:
            self._killing = self._clock.callLater(END_S, self._signal, signal.SIGKILL)

    def _stop(self) -> None:
        self._over = True
        self.subscription.stop()
        if self._late.active():
            self._late.cancel()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _signal(self, number: int) -> None:
        pid = self.transport.pid
        if pid is None:
            return
        with suppress(ProcessLookupError):
            if os.getpgid(pid) == pid:
                os.killpg(pid, number)
            else:  # It is not launched yet.
                os.kill(pid, number)

    def processExited(self, reason: Failure) -> None:
        """It is gone; what it started and left behind goes, too."""
        with suppress(ProcessLookupError, PermissionError):
            if self._pid is not None:
                os.killpg(self._pid, signal.SIGKILL)

    def makeConnection(self, process: Any) -> None:
        self._pid: int | None = process.pid
        super().makeConnection(process)

    def processEnded(self, reason: Failure) -> None:
        if self._killing is not None and self._killing.active():
            self._killing.cancel()
        self._stop()
        if not self.ended.called:
            self.ended.callback(self._why or _how(reason))
        self.over.callback(None)


def _how(reason: Failure) -> str:
    """How a process ended."""
    error = reason.value
    if not isinstance(error, ProcessTerminated):
        return "it ended"
    if error.signal is not None:
        return f"it was ended by {_signal_name(error.signal)}"
    return f"it ended with exit code {error.exitCode}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # Most of the real-time ones have no name.
        return f"signal {number}"
