"""``relaychat bot``: any program as a bot. It reads lines of JSON and writes some.

::

    we ▶  {"type":"welcome","nick":"helper"}
    bot   {"type":"hello"}                         within the start-up time
    we ▶  {"type":"said","room":"#ops","seq":7,"sender":"ann","text":"!time", …}
    bot   {"type":"send","room":"#ops","text":"half past nine"}
    bot   {"type":"done"}                          done with that line, for good

Each entry of its rooms' logs but its own is a line, and each line has a ``done``, in
order. An entry without one comes again, after any crash of the bot, of this program or
of the machine; and what the bot sent before ``done`` counts with it or not at all (see
``given``).

The program is supervised: when it ends it is started again after a growing delay. It
has an environment made from scratch, no shell, a process group of its own, which is
ended as a whole, and limits on its memory, its output, and its time.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from relaychat.client.api import CannotConnect, Client
from relaychat.client.bots.given import WINDOW, Bucket, Given, TooMuch
from relaychat.client.bots.suspect import Suspect
from relaychat.client.cli.output import note
from relaychat.client.cli.run import REFUSED, Job, Trouble
from relaychat.client.cli.visit import Target
from relaychat.client.happenings import Entered, Exited, Refused, Shown
from relaychat.client.sending import RefusedByServer
from relaychat.client.state import StateError
from relaychat.client.story import Story
from relaychat.model.commands import Custom, Edit, React, Redact, Say
from relaychat.model.names import fold

LAUNCH = Path(__file__).with_name("launch.py")
LINE_BYTES = 64 * 1024
"""The longest line that a bot may write."""
FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 60.0
"""Before it is started again; the delay doubles until it is done with something."""
END_S = 2.0
"""Between SIGTERM and SIGKILL."""
ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ")
"""What a bot inherits; all else is given by ``--env``."""


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

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._clock = bot.reactor
        self._held = b""
        self._lines: list[bytes] = []
        self._up = self._over = False
        self._errors = 0
        options = bot.options
        now_s = self._clock.seconds()
        self._bucket = Bucket(options.rate_per_s, options.burst, now_s)
        self._reading: Any = None
        self._late = self._clock.callLater(
            options.start_s, self.end, f"no hello within {options.start_s:g} s"
        )
        self._killing: Any = None
        # One at a time tells which of them it is that it dies on.
        self.given = Given(bot.client, 1 if bot.suspect.deaths else WINDOW)
        self.story = Story(bot.client, self._tell)
        self.ended: Deferred[str] = Deferred()
        """Fires with the reason."""
        self.over: Deferred[None] = Deferred()
        """Fires when the process is gone, whoever waits for ``ended``."""
        self._why = ""
        self.worked = False
        """Whether it was done with something."""

    # -- to the bot --------------------------------------------------------------------

    def connectionMade(self) -> None:
        self._write({"type": "welcome", "nick": self._bot.client.nick})

    def _write(self, word: object) -> None:
        self.transport.write(_encode(word) + b"\n")

    def follow(self, name: str) -> None:
        """Tell it a room, from where it came to."""
        cursor = self._bot.client.read_to(name)
        if self._up and cursor is not None and name not in self.story.at:
            self.story.at[name] = cursor
            self.story.read_on(name)

    def _tell(self, event: Any, raw: bytes) -> None:
        sender = getattr(event, "sender", None)
        if sender is not None and fold(sender) == fold(self._bot.client.nick):
            self.given.skip(event)
            return
        if self.given.idle:
            self._watch()
        self.given.give(event)
        self.story.full = self.given.full
        self.transport.write(raw + b"\n")

    def _watch(self) -> None:
        if self._late.active():
            self._late.cancel()
        line_s = self._bot.options.line_s
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
            self.given.done()
            self.worked = True
            self._late.cancel()
            if not self.given.idle:
                self._watch()
            if self.story.full and not self.given.full:
                self.story.go_on()
        else:
            self.given.send(msgspec.structs.replace(word, id=None, cid=None))

    def _hello(self) -> None:
        if not self._up:
            self._up = True
            self._late.cancel()
            for name in list(self._bot.client.rooms):
                self.follow(name)

    def errReceived(self, data: bytes) -> None:
        """What it writes to stderr is told, within limits."""
        for line in data.decode("utf-8", "replace").splitlines():
            self._errors += 1
            if self._errors <= self._bot.options.burst:
                note(f"{self._bot.name}: {line[:500]}")

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
        self.story.stop()
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


class Bot:
    """The supervisor."""

    def __init__(
        self, reactor: Any, client: Client, words: Sequence[str], options: Options
    ) -> None:
        self.reactor = reactor
        self.client = client
        self.options = options
        self.name = name_of(words)
        self._words = list(words)
        file = client.file.path.with_suffix(".set-aside.jsonl")
        self.suspect = Suspect(file, options.deaths)
        self.program: Program | None = None
        client.on(Shown, self._shown)
        client.on(Entered, lambda one: self._follow(one.room.room))
        client.on(Exited, lambda one: self._forget(one.room))
        client.on(Refused, lambda one: note(f"{one.send.room}: {one.fault.text}"))

    async def run(self) -> int:
        """Connect and keep the program running. Raises Trouble."""
        try:
            await self.client.connect()
            for room in self.options.rooms:
                await self.client.join(room, self.options.key)
        except (CannotConnect, RefusedByServer) as error:
            raise Trouble(REFUSED, str(error)) from None
        delay_s = FIRST_DELAY_S
        while True:
            program = self._start()
            why = await program.ended
            self.program = None
            delay_s = FIRST_DELAY_S if program.worked else delay_s
            self._ended(program)
            note(f"{self.name}: {why}; starting it again in {delay_s:g} s")
            await _wait(self.reactor, delay_s)
            delay_s = min(delay_s * 2, LONGEST_DELAY_S)

    def _ended(self, program: Program) -> None:
        """Perhaps it is the line that it dies on."""
        event = program.given.oldest
        try:
            if self.suspect.died(event, program.worked):
                self.client.done(event)
                note(
                    f"{self.name}: died {self.options.deaths} times on seq "
                    f"{_place(event)}; set aside in {self.suspect.path}"
                )
        except OSError as error:
            note(f"{self.name}: a line can't be set aside: {error}")

    def _start(self) -> Program:
        environment = {
            name: os.environ[name] for name in ENVIRONMENT if name in os.environ
        }
        environment |= dict(one.partition("=")[::2] for one in self.options.env)
        self.program = Program(self)
        memory = str(self.options.memory_mib)
        self.reactor.spawnProcess(
            self.program,
            sys.executable,
            [sys.executable, "-I", "-S", str(LAUNCH), memory, *self._words],
            env=environment,
        )
        return self.program

    async def close(self) -> None:
        """End the program, and leave."""
        if self.program is not None:
            program, self.program = self.program, None
            program.end("we end")
            await program.over
        await self.client.close()

    def _shown(self, shown: Shown) -> None:
        if self.program is not None:
            self.program.story.happened(shown.event, shown.raw)

    def _follow(self, room: str) -> None:
        if self.program is not None:
            self.program.follow(fold(room))

    def _forget(self, room: str) -> None:
        if self.program is not None:
            self.program.story.at.pop(fold(room), None)


def name_of(words: Sequence[str]) -> str:
    """What a program is called: by its script, if it is an interpreter's."""
    script = next((word for word in words[1:] if not word.startswith("-")), "")
    return os.path.basename(script if os.path.isfile(script) else words[0])


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


def _place(event: Any) -> str:
    """Where it is in the log."""
    return f"{getattr(event, 'seq', None) or event.first} of {event.room}"


def _wait(reactor: Any, seconds: float) -> Deferred[None]:
    waiting: Deferred[None] = Deferred(lambda _: timer.cancel())
    timer = reactor.callLater(seconds, waiting.callback, None)
    return waiting


def bot_job(target: Target, words: Sequence[str], options: Options) -> Job:
    """The job of ``relaychat bot``."""

    async def job(reactor: Any) -> int:
        client = Client(
            reactor,
            target.server,
            target.nick,
            password=target.password,
            name=f"bot-{options.name or name_of(words)}",
            state=target.state,
            trusting=target.trusting,
            by_hand=True,
        )
        bot = Bot(reactor, client, words, options)
        try:
            return await bot.run()
        finally:
            await bot.close()

    return job
