"""A person with a plain IRC client: no ids, no cursors, no memory of its own.

Behind each command it sends a PING: answers come in order, so the PONG tells that the
command was carried out, and an error in front of it, that it was refused. It keeps the
list of who is in its rooms, and notices who speaks without being there.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from relaychat.model.commands import Say
from relaychat.model.names import HOST, fold
from relaychat.testing import notes as words
from relaychat.testing.journal import Journal
from relaychat.testing.simulation.process import Process
from relaychat.testing.simulation.reactor import Dial, SimulatedReactor
from relaychat.testing.simulation.stage import Stage
from relaychat.wire.framing import LineFramer
from relaychat.wire.irc import compose, parse

LINE_LIMIT = 8192
PULSE_S = 15.0
"""Silence after which it asks for a sign of life; as long again, and it hangs up."""
LONGEST_DELAY_S = 8.0
SETTLED = "settled"
"""Asked for behind the welcome."""


class Asked(Struct):
    """A command that is on its way. ``op`` is the message's in the journal, or 0."""

    number: int
    verb: str
    about: str
    op: int = 0
    refused: str = ""


class Irc:
    """See the module."""

    def __init__(
        self, stage: Stage, name: str, nick: str, password: str | None, place: str
    ) -> None:
        self.stage = stage
        self.name = name
        self.nick = nick
        self.password = password
        self.journal = Journal(name)
        self.up = False
        self.running = False
        self.wanted: list[str] = []
        self.roster: dict[str, dict[str, None]] = {}
        """Who is in its rooms, folded nicks by folded room."""
        self.me = nick
        """What it is called at present."""
        self._place = place
        self._starts = 0
        self._dials = 0
        self._failures = 0
        self._ops = 0
        self._count = 0
        self._asked: deque[Asked] = deque()
        self._names: dict[str, dict[str, None]] = {}
        self._aliases: dict[str, set[str]] = {}
        self._said: set[str] = set()
        """Its own texts of this connection, which must never hear them in a room."""
        self._wire: _Wire | None = None
        self._last_heard_us = 0
        self._reactor: SimulatedReactor
        self._chance: random.Random
        self.journal.add(words.Client(nick, nick if password else ""))

    # -- the client's process ----------------------------------------------------------

    def start(self) -> None:
        """Begin, knowing nothing but its rooms."""
        if self.running:
            return
        self._starts += 1
        self.running = True
        seed = f"{self.stage.seed} {self.name} {self._starts}"
        self._chance = random.Random(seed)
        process = Process(self.stage.world, seed, self._bug)
        self._reactor = SimulatedReactor(process, self.stage.network, self.name)
        self._dial()
        self._reactor.callLater(PULSE_S, self._pulse)

    def crash(self) -> None:
        """kill -9 of the client."""
        if self.running:
            self.running = False
            self._reactor.kill()
            self._gone()

    def call(self, deed: Callable[[], None]) -> None:
        """Do something, if it is running."""
        if self.running:
            self._reactor.process.call(deed)

    def _bug(self, text: str) -> None:
        self.stage.report("bug", f"{self.name}: {text}")

    def _dial(self) -> None:
        dial = Dial(self._reactor, self._place, self._dial_seed)
        attempt = dial.connect(Factory.forProtocol(lambda: _Wire(self)))
        attempt.addErrback(lambda _: self._again())

    def _dial_seed(self) -> str:
        self._dials += 1
        return str(self._dials)

    def _again(self) -> None:
        self._failures += 1
        delay_s = min(LONGEST_DELAY_S, 0.2 * 1.6**self._failures)
        self._reactor.callLater(delay_s * (0.5 + self._chance.random()), self._dial)

    # -- what it does ------------------------------------------------------------------

    @property
    def rooms(self) -> list[str]:
        """The rooms that it is in."""
        return list(self.roster) if self.up else []

    def want(self, room: str) -> None:
        """Be in a room from now on."""
        if room not in self.wanted:
            self.wanted.append(room)
        if self.up and fold(room) not in self.roster:
            self.say("JOIN", room)

    def leave(self, room: str) -> None:
        """Be in a room no more."""
        if room in self.wanted:
            self.wanted.remove(room)
        self.say("PART", room)

    def message(self, room: str, text: str) -> None:
        """Say something to a room or a nick."""
        if not self.up:
            return
        self._ops += 1
        asked = words.asked(Say(room, text))
        at_us = self.stage.now_us
        self.journal.add(words.Invoked(self._ops, at_us, room, asked))
        self.stage.counts["messages"] += 1
        self._said.add(text)
        self.say("PRIVMSG", room.removeprefix("@"), text, op=self._ops)

    def say(self, verb: str, *parameters: str, op: int = 0) -> None:
        """A command, and the question whether it was carried out."""
        if self._wire is None:
            return
        self._count += 1
        self._asked.append(Asked(self._count, verb, (*parameters, "")[0], op))
        self._send(compose(verb, parameters))
        self._send(f"PING :{self._count}")

    def _send(self, line: str) -> None:
        if self._wire is not None:
            self._wire.transport.write(f"{line}\r\n".encode())

    # -- the connection ----------------------------------------------------------------

    def made(self, wire: _Wire) -> None:
        """A connection is there."""
        self._wire = wire
        self._last_heard_us = self.stage.now_us
        self.journal.add(words.Connected())
        if self.password:
            self.me = self.nick
            self._send(f"PASS :{self.password}")
        self._send(f"NICK {self.me}")
        self._send(f"USER {self.name} 0 * :{self.name}")

    def received(self, line: bytes) -> None:
        """A line came."""
        self._last_heard_us = self.stage.now_us
        if not self._wire:
            return
        text = line.decode()
        source = text[1:].partition(" ")[0] if text.startswith(":") else ""
        verb, parameters = parse(text)
        nick = source.partition("!")[0]
        if (found := words.heard(line)) is not None:
            self._entry(verb, nick, *found)
        if (
            verb == "PRIVMSG"
            and parameters[0][0] == "#"
            and parameters[1] in self._said
        ):
            self.stage.report("I10", f"{self.name} hears its own voice: {text}")
        if verb == "NOTICE" and nick == HOST:
            self._gap(fold(parameters[0]))
        take = _TAKES.get(verb)
        if take is not None:
            take(self, nick, parameters)
        elif verb == "FAIL" or (verb.isdigit() and verb[0] in "45"):
            self._error(verb, parameters)

    def lost(self, wire: _Wire) -> None:
        """The connection is gone."""
        if wire is self._wire:
            self._gone()
            self._again()

    def _gone(self) -> None:
        self._wire = None
        self.up = False
        for room in self.roster:
            self.journal.add(words.Stopped(room))
        self.roster.clear()
        self._names.clear()
        self._asked.clear()
        self._said.clear()

    def _pulse(self) -> None:
        self._reactor.callLater(PULSE_S, self._pulse)
        silence_s = (self.stage.now_us - self._last_heard_us) / 1e6
        if self._wire is None:
            return
        if silence_s >= 2 * PULSE_S:
            self._wire.transport.abortConnection()
        elif silence_s >= PULSE_S:
            self._send("PING :there?")

    # -- what it is told ---------------------------------------------------------------

    def _entry(self, verb: str, nick: str, room: str, digest: int) -> None:
        """A line that tells an entry of a log. One's own JOIN is one only where it was
        asked for: else it says that one was in already."""
        if verb == "JOIN" and fold(nick) == fold(self.me):
            if room in self.roster:
                self.stage.report("I10", f"{self.name} comes into {room} twice")
            self.roster[room] = {}
            self.journal.add(words.Started(room))
            head = self._asked[0] if self._asked else None
            if head is None or head.verb != "JOIN" or fold(head.about) != room:
                return
        elif room not in self.roster:
            self.stage.report("I8", f"{self.name} is told {verb} of {room}, being out")
            return
        self.stage.counts["deliveries"] += verb in ("PRIVMSG", "NOTICE")
        self.journal.add(words.Heard(room, digest))
        if verb in ("PRIVMSG", "NOTICE") and not self._is_in(room, fold(nick)):
            text = f"{self.name} hears {nick} speak in {room}, who is not there"
            self.stage.report("I10", text)

    def _gap(self, room: str) -> None:
        """It is told that something is not shown: from here on it hears on."""
        if room in self.roster:
            self.stage.counts["gaps told on IRC"] += 1
            self.journal.add(words.Stopped(room))
            self.journal.add(words.Started(room))

    def _is_in(self, room: str, nick: str) -> bool:
        """Whether somebody is there, by this nick or by one from before or after a
        rename: to who reads slowly each room tells of it in its own time."""
        names = self.roster[room]
        seen, look = {nick}, [nick]
        while look:
            one = look.pop()
            if one in names:
                return True
            more = self._aliases.get(one, set()) - seen
            seen |= more
            look += more
        return False

    def _error(self, number: str, parameters: list[str]) -> None:
        code = parameters[1] if number == "FAIL" else number
        if self._asked:
            self._asked[0].refused = code
        elif number in ("432", "433") and not self.up:
            self.me = f"{self.nick}{self._chance.randint(2, 99)}"
            self.journal.add(words.Client(self.me, self.nick if self.password else ""))
            self._send(f"NICK {self.me}")

    def _welcome(self, nick: str, parameters: list[str]) -> None:
        self.me = parameters[0]
        self.journal.add(words.Client(self.me, self.nick if self.password else ""))
        self._failures = 0
        # Only behind this it is known which rooms one is in already.
        self._send(f"PING :{SETTLED}")

    def _settled(self) -> None:
        self.up = True
        for room in self.wanted:
            if fold(room) not in self.roster:
                self.say("JOIN", room)

    def _ping(self, nick: str, parameters: list[str]) -> None:
        self._send(f"PONG :{parameters[0]}")

    def _pong(self, nick: str, parameters: list[str]) -> None:
        if parameters[-1] == SETTLED:
            self._settled()
        if not self._asked or parameters[-1] != str(self._asked[0].number):
            return
        done = self._asked.popleft()
        if done.op and done.refused:
            self.journal.add(words.Refused(done.op, done.refused))
            self.stage.counts["refused"] += 1
        elif done.op:
            self.journal.add(words.Acked(done.op, self.stage.now_us))
            self.stage.counts["acknowledged"] += 1

    # -- who is where ------------------------------------------------------------------

    def _listed(self, nick: str, parameters: list[str]) -> None:
        room = fold(parameters[2])
        nicks = [fold(one.lstrip("@+")) for one in parameters[3].split()]
        self._names.setdefault(room, {}).update(dict.fromkeys(nicks))

    def _list_ended(self, nick: str, parameters: list[str]) -> None:
        room = fold(parameters[1])
        names = self._names.pop(room, {})
        # Later ones may be ahead of what is told of the room.
        if room in self.roster and not self.roster[room]:
            self.roster[room] = names

    def _joined(self, nick: str, parameters: list[str]) -> None:
        if fold(nick) != fold(self.me):
            self.roster.get(fold(parameters[0]), {})[fold(nick)] = None

    def _left(self, nick: str, parameters: list[str]) -> None:
        self._out(fold(parameters[0]), fold(nick))

    def _kicked(self, nick: str, parameters: list[str]) -> None:
        self._out(fold(parameters[0]), fold(parameters[1]))

    def _out(self, room: str, nick: str) -> None:
        if nick == fold(self.me):
            self.roster.pop(room, None)
            self.journal.add(words.Stopped(room))
        else:
            self.roster.get(room, {}).pop(nick, None)

    def _quit(self, nick: str, parameters: list[str]) -> None:
        for names in self.roster.values():
            names.pop(fold(nick), None)

    def _renamed(self, nick: str, parameters: list[str]) -> None:
        was, now = fold(nick), parameters[0]
        self._aliases.setdefault(was, set()).add(fold(now))
        self._aliases.setdefault(fold(now), set()).add(was)
        if was == fold(self.me):
            self.me = now
            self.journal.add(words.Client(now, self.nick if self.password else ""))
        for names in self.roster.values():
            if was in names:
                del names[was]
                names[fold(now)] = None


_TAKES: dict[str, Callable[[Irc, str, list[str]], None]] = {
    "001": Irc._welcome,
    "353": Irc._listed,
    "366": Irc._list_ended,
    "JOIN": Irc._joined,
    "KICK": Irc._kicked,
    "NICK": Irc._renamed,
    "PART": Irc._left,
    "PING": Irc._ping,
    "PONG": Irc._pong,
    "QUIT": Irc._quit,
}


class _Wire(Protocol):
    """One connection of a client."""

    transport: Any

    def __init__(self, client: Irc) -> None:
        self._client = client
        self._framer = LineFramer(LINE_LIMIT)

    def connectionMade(self) -> None:
        self._client.made(self)

    def dataReceived(self, data: bytes) -> None:
        for line in self._framer.feed(data):
            if isinstance(line, bytes):
                self._client.received(line)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._client.lost(self)
