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
``deliveries``).

The program is supervised: when it ends it is started again after a growing delay. It
has an environment made from scratch, no shell, a process group of its own, which is
ended as a whole, and limits on its memory, its output, and its time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from relaychat.client.api import CannotConnect, Client
from relaychat.client.bots.deliveries import WINDOW
from relaychat.client.bots.poison import PoisonLine
from relaychat.client.bots.program import Options, Program
from relaychat.client.cli.output import note
from relaychat.client.cli.run import REFUSED, Job, Trouble
from relaychat.client.cli.visit import Target
from relaychat.client.happenings import Entered, Exited, Refused, Shown
from relaychat.client.sending import RefusedByServer
from relaychat.model.names import fold

LAUNCH = Path(__file__).with_name("launch.py")
FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 60.0
"""Before it is started again; the delay doubles until it is done with something."""
ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ")
"""What a bot inherits; all else is given by ``--env``."""


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
        self.poison = PoisonLine(file, options.deaths)
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
        event = program.deliveries.oldest
        try:
            if self.poison.died(event, program.worked):
                self.client.done(event)
                note(
                    f"{self.name}: died {self.options.deaths} times on seq "
                    f"{_place(event)}; set aside in {self.poison.path}"
                )
        except OSError as error:
            note(f"{self.name}: a line can't be set aside: {error}")

    def _start(self) -> Program:
        environment = {
            name: os.environ[name] for name in ENVIRONMENT if name in os.environ
        }
        environment |= dict(one.partition("=")[::2] for one in self.options.env)
        # One line at a time tells which of them it is that it dies on.
        window = 1 if self.poison.deaths else WINDOW
        self.program = Program(
            self.reactor, self.client, self.options, self.name, window
        )
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
            self.program.subscription.happened(shown.event, shown.raw)

    def _follow(self, room: str) -> None:
        if self.program is not None:
            self.program.follow(fold(room))

    def _forget(self, room: str) -> None:
        if self.program is not None:
            self.program.subscription.at.pop(fold(room), None)


def name_of(words: Sequence[str]) -> str:
    """What a program is called: by its script, if it is an interpreter's."""
    script = next((word for word in words[1:] if not word.startswith("-")), "")
    return os.path.basename(script if os.path.isfile(script) else words[0])


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
