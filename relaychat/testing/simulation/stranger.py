"""A person whose client speaks a dialect that the simulator does not know: one of the
user's own.

It says what the dialect's table of verbs lets it say, with words that fit the names of
the parameters. What it is answered it does not understand: what is judged is the relay,
and what the others see.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from relaychat.session.dialect import Dialect
from relaychat.session.table import Row
from relaychat.testing import notes as words
from relaychat.testing.journal import Journal
from relaychat.testing.simulation.process import Process
from relaychat.testing.simulation.reactor import Dial, SimulatedReactor
from relaychat.testing.simulation.stage import Stage

DELAY_S = 2.0
"""Until it dials again."""


class Stranger:
    """See the module."""

    def __init__(
        self, stage: Stage, name: str, nick: str, place: str, dialect: type[Dialect]
    ) -> None:
        self.stage = stage
        self.name = name
        self.nick = nick
        self.password: str | None = None
        self.journal = Journal(name)
        self.up = False
        self.running = False
        self.wanted: list[str] = []
        self.said = 0
        """Lines."""
        self._place = place
        self._dialect = dialect
        self._starts = 0
        self._dials = 0
        self._wire: _Wire | None = None
        self._reactor: SimulatedReactor
        self.journal.add(words.Client(nick))

    @property
    def rooms(self) -> list[str]:
        """Where it would like to be; it can't know where it is."""
        return self.wanted if self.up else []

    def start(self) -> None:
        """Begin."""
        if self.running:
            return
        self._starts += 1
        self.running = True
        seed = f"{self.stage.seed} {self.name} {self._starts}"
        process = Process(self.stage.world, seed, self._bug)
        self._reactor = SimulatedReactor(process, self.stage.network, self.name)
        self._dial()

    def crash(self) -> None:
        """kill -9 of the client."""
        if self.running:
            self.running = self.up = False
            self._wire = None
            self._reactor.kill()

    def call(self, deed: Callable[[], None]) -> None:
        """Do something, if it is running."""
        if self.running:
            self._reactor.process.call(deed)

    def babble(self, chance: random.Random, nicks: list[str], text: str) -> None:
        """Say something, whatever it means."""
        rows = list(self._dialect.verbs.values())
        if self._wire is not None and rows:
            self._say(chance.choice(rows), chance, nicks, text)

    def _say(
        self, row: Row, chance: random.Random, nicks: list[str], text: str
    ) -> None:
        if self._wire is None:
            return
        syntax = row.syntax
        count = chance.randint(syntax.required, len(syntax.names))
        names = syntax.names[:count]
        given = [self._word(name, chance, nicks, text) for name in names]
        line = " ".join([syntax.word, *given]).encode()[: self._dialect.line_limit]
        self.said += 1
        self.stage.counts["lines of other dialects"] += 1
        self._wire.transport.write(line + b"\n")

    def _word(
        self, name: str, chance: random.Random, nicks: list[str], text: str
    ) -> str:
        if name in ("room", "rooms", "channel", "target"):
            return chance.choice(self.wanted or ["#a"])
        if name in ("nick", "name", "user", "who"):
            return self.nick if chance.random() < 0.7 else chance.choice(nicks)
        if name in ("text", "message", "body", "topic", "reason"):
            return text
        return chance.choice(["1", "x", self.nick, *self.wanted])

    # -- the connection ----------------------------------------------------------------

    def made(self, wire: _Wire) -> None:
        """A connection is there: everything is said once, in the order of the table,
        so that a hello and a join are among it."""
        self._wire = wire
        self.up = True
        self.journal.add(words.Connected())
        chance = random.Random(f"{self.stage.seed} {self.name} {self._dials} hello")
        for row in self._dialect.verbs.values():
            self._say(row, chance, [self.nick], f"hello {self.name} {self._dials}")

    def lost(self, wire: _Wire) -> None:
        """The connection is gone."""
        if wire is self._wire:
            self._wire = None
            self.up = False
            self._reactor.callLater(DELAY_S, self._dial)

    def _dial(self) -> None:
        dial = Dial(self._reactor, self._place, self._dial_seed)
        attempt = dial.connect(Factory.forProtocol(lambda: _Wire(self)))
        attempt.addErrback(lambda _: self._reactor.callLater(DELAY_S, self._dial))

    def _dial_seed(self) -> str:
        self._dials += 1
        return str(self._dials)

    def _bug(self, text: str) -> None:
        self.stage.report("bug", f"{self.name}: {text}")


class _Wire(Protocol):
    """One connection of a client."""

    transport: Any

    def __init__(self, client: Stranger) -> None:
        self._client = client

    def connectionMade(self) -> None:
        self._client.made(self)

    def dataReceived(self, data: bytes) -> None:
        """Whatever it means."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._client.lost(self)
