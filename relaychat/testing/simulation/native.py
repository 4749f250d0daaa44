"""A person with a native client: the product's link, core and outbox, on a simulated
machine.

What the client keeps on its disk survives its crashes: its cursors, and the outbox in
the file of the client library (``client.file``), whose SQLite is in memory. Everything
that it is shown goes into its journal; what comes over the wire is also watched raw,
for the core mends what a server does wrong.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

import msgspec

from relaychat.client.core import Conversation
from relaychat.client.cursor import Reader
from relaychat.client.file import ClientFile
from relaychat.client.greeting import Greeting
from relaychat.client.happenings import (
    Answered,
    Down,
    Entered,
    Happening,
    Kept,
    Ready,
    Refused,
    Rejected,
    Shown,
    Up,
)
from relaychat.client.link import Link
from relaychat.client.outbox import Send
from relaychat.client.speech import LineBuffer, Unreadable, read
from relaychat.model import events
from relaychat.model.commands import (
    Command,
    Cursor,
    Hello,
    History,
    Rename,
    Resume,
    Say,
    SetPolicy,
)
from relaychat.model.names import fold
from relaychat.model.policy import PolicyChange
from relaychat.model.words import Word
from relaychat.testing import notes as words
from relaychat.testing.journal import Journal
from relaychat.testing.reading import Reading
from relaychat.testing.simulation.pages import Paged, readable
from relaychat.testing.simulation.process import Process
from relaychat.testing.simulation.reactor import Dial, SimulatedReactor
from relaychat.testing.simulation.stage import Stage

SINCE_JOIN = 0.4
"""Of the rooms that a native makes, so many show each member only what was said since
it is in."""


class WatchedConversation(Conversation):
    """The product's core, and a strict reader of the same bytes beside it: on one
    connection nothing may be doubled or left out, not even what the core would mend."""

    reading = Reading(None)
    wrong: Callable[[str], None]

    def connected(self) -> None:
        """See ``Conversation``."""
        super().connected()
        hello = msgspec.json.decode(self._out[0], type=Hello)
        self.reading = Reading(hello.resume)
        self._raw = LineBuffer()

    def ask(self, command: Command) -> None:
        """See ``Conversation``."""
        if isinstance(command, Resume):
            self.reading.asked(command.rooms)
        super().ask(command)

    def receive(self, data: bytes) -> list[Happening]:
        """See ``Conversation``."""
        with suppress(Unreadable):  # The core says so, and hangs up.
            words = [cast(Word, read(raw)) for raw in self._raw.feed(data)]
            self.reading.read(words)
        for text in self.reading.wrong:
            self.wrong(text)
        self.reading.wrong.clear()
        return super().receive(data)


class Native:
    """See the module. ``nick`` is how they would like to be called."""

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
        self.cursors: dict[str, Cursor] = {}
        """On disk: how far it has read, by room."""
        self._disk = sqlite3.connect(":memory:", isolation_level=None)
        self._file = self._opened()
        """On disk: what is not answered yet."""
        self._chance = random.Random(f"{stage.seed} {name} file")
        self.wanted: list[str] = []
        """On disk: the rooms that it follows."""
        self.kept: list[tuple[str, int]] = []
        """Messages of its own that are in a log, latest last: room and seq."""
        self.pages: list[Paged] = []
        """Pages of history that it was given."""
        self.redacted: list[tuple[str, int]] = []
        """Messages that it saw redacted: room and seq."""
        self.conversation: WatchedConversation
        self.link: Link
        self._place = place
        self._starts = 0
        self._dials = 0
        self._dialled_us = 0
        """When the present connection began."""
        self._asked_us: dict[int, int] = {}
        """When each question of history was asked, by its identity."""
        self._readers: dict[str, Reader] = {}
        """Whose cursors are those on disk."""
        self._reactor: SimulatedReactor
        self._secret = random.Random(f"{stage.seed} {name} secret").randbytes(16).hex()
        account = nick if password else ""
        self.journal.add(words.Client(nick, account, self._secret))

    # -- the client's process ----------------------------------------------------------

    def start(self) -> None:
        """Begin, with what the disk holds."""
        if self.running:
            return
        self._starts += 1
        self.running = True
        stage, seed = self.stage, f"{self.stage.seed} {self.name} {self._starts}"
        chance = random.Random(seed)
        process = Process(stage.world, seed, self._bug)
        self._reactor = SimulatedReactor(process, stage.network, self.name)
        hello = Hello(self.nick, self.password, device=self._secret, client="simulated")
        window = chance.choice([1, 5, 128])
        self.conversation = WatchedConversation(
            hello,
            everything=True,
            returning=self._file.welcomed,
            window=window,
            spool=self._file,
            greeting=Greeting(lambda: chance.randbytes(12).hex()),
        )
        self.conversation.wrong = lambda text: stage.report(
            "I5", f"{self.name}: {text}"
        )
        self._readers = {
            room: self.conversation.follow(room, cursor=self.cursors.get(room))
            for room in dict.fromkeys((*self.wanted, *self.cursors))
        }
        self.link = Link(
            self._reactor,
            Dial(self._reactor, self._place, self._dial_seed),
            self.conversation,
            self._heard,
            chance.random,
        )
        self.link.startService()

    def crash(self) -> None:
        """kill -9 of the client."""
        if self.running:
            self.running = self.up = False
            self._reactor.kill()
            if self._chance.random() < 0.5:  # With a cursor the answers are written.
                self._file.flush()
            self._file = self._opened()

    def _opened(self) -> ClientFile:
        """What the disk holds, as a new process finds it."""
        return ClientFile(Path(self.name), self._disk, lambda: None)

    def end(self) -> None:
        """Be no more; the disk goes, too."""
        self._disk.close()

    @property
    def unsent(self) -> list[Send]:
        """On disk: what is not answered yet."""
        self._file.flush()
        return self._file.unsent()

    def _dial_seed(self) -> str:
        self._dials += 1
        self._dialled_us = self.stage.now_us
        return str(self._dials)

    def _bug(self, text: str) -> None:
        self.stage.report("bug", f"{self.name}: {text}")

    # -- what it does ------------------------------------------------------------------

    @property
    def rooms(self) -> list[str]:
        """The rooms that it is in."""
        return self.conversation.rooms if self.up else []

    def call(self, deed: Callable[[], None]) -> None:
        """Do something, if it is running; what it wants to say then is sent."""
        if self.running:
            self._reactor.process.call(lambda: self._do(deed))

    def _do(self, deed: Callable[[], None]) -> None:
        deed()
        self.link.flush()

    def want(self, room: str) -> None:
        """Be in a room from now on."""
        if room not in self.wanted:
            self.wanted.append(room)
        if not self.conversation.wants(room):
            self.conversation.follow(room)

    def send(self, send: Send) -> None:
        """Send something: on disk first."""
        (send,) = self.conversation.send(msgspec.structs.replace(send, cid=None))
        cid, digest = send.cid or 0, words.asked(send)
        self.journal.add(words.Invoked(cid, self.stage.now_us, send.room, digest, cid))
        self.stage.counts["messages"] += isinstance(send, Say)

    def ask(self, command: Command) -> None:
        """Ask for something else, if it is connected."""
        if self.conversation.welcome is not None:
            if isinstance(command, History):
                self._asked_us[id(command)] = self.stage.now_us
            self.conversation.ask(command)

    def leave(self, room: str) -> None:
        """Be in a room no more. Until it is out it goes on reading."""
        if room in self.wanted:
            self.wanted.remove(room)
        self.conversation.leave(room)

    def _forget_left(self) -> None:
        for room in list(self.cursors):
            if self.conversation.reader(room) is None:
                del self.cursors[room]
                self.journal.add(words.Stopped(room))

    # -- what it is told ---------------------------------------------------------------

    def _heard(self, happening: Happening) -> None:
        match happening:
            case Up():
                self.journal.add(words.Connected())
                self.journal.add(words.Client(happening.welcome.nick, self._account))
            case Ready():
                self.up = True
                self._file.welcome()
            case Down():
                self.up = False
                why = self.conversation.broken
                # Another device left a room in that moment: it comes back and goes on.
                if why and not why.startswith("could not resume"):
                    self.stage.report("I5", f"{self.name}: {why}")
            case Entered(room):
                self._entered(room)
            case Shown(event, raw):
                self._shown(event, raw)
            case Kept(send, done):
                self._kept(send, done)
            case Refused(send, fault):
                self.journal.add(words.Refused(send.cid or 0, fault.code))
                self.stage.counts["refused"] += 1
            case Rejected(fault):
                self._rejected(fault)
            case Answered(History() as asked, events.Page() as page):
                at_us = self._asked_us.pop(id(asked), self.stage.now_us)
                self.pages.append(Paged(at_us, asked, page))
            case Answered(Rename() as rename, events.Done()):
                self.journal.add(words.Client(rename.nick, self._account))

    @property
    def _account(self) -> str:
        return self.nick if self.password else ""

    def _entered(self, room: events.RoomShown) -> None:
        name, reader = room.room, self.conversation.reader(room.room)
        if name in self.cursors and reader is self._readers.get(name):
            return
        if name in self.cursors:
            self.journal.add(words.Stopped(name))
        if reader is not None:
            self._readers[name] = reader
        since = reader.since if reader is not None else None
        seq = room.seq if since is None else min(since, room.seq)
        self.cursors[name] = Cursor(room.epoch, seq)
        self.journal.add(words.Started(name, room.epoch, seq))
        self._decide_on(room)

    def _decide_on(self, room: events.RoomShown) -> None:
        """Who makes a room says who may read it."""
        chance = random.Random(f"{self.stage.seed} {room.epoch} policy")
        if room.role == "owner" and room.seq == 1 and chance.random() < SINCE_JOIN:
            self.ask(SetPolicy(room.room, PolicyChange(history="since_join")))

    def _shown(self, event: Word, raw: bytes) -> None:
        self.stage.counts["deliveries"] += 1
        if isinstance(event, events.LogEvent):
            epoch = self.cursors[event.room].epoch
            self.cursors[event.room] = Cursor(epoch, event.seq)
            digest = words.fingerprint(raw)
            self.journal.add(words.Saw(event.room, epoch, event.seq, digest))
            self._gone(event)
            self._redactions(event, epoch)
        elif isinstance(event, events.Withheld):
            epoch = self.cursors[event.room].epoch
            self._gapped(event, epoch, "withheld")
        elif isinstance(event, events.Gap):
            self._gapped(event, event.epoch, event.reason)

    def _gapped(
        self, event: events.Withheld | events.Gap, epoch: str, reason: str
    ) -> None:
        self.cursors[event.room] = Cursor(epoch, event.last)
        note = words.Gapped(event.room, epoch, event.first, event.last, reason)
        self.journal.add(note)

    def _gone(self, event: events.LogEvent) -> None:
        """Go by a new nick, or forget a room that was left."""
        me = fold(self.conversation.nick)
        if isinstance(event, events.Renamed) and fold(event.nick) == me:
            self.journal.add(words.Client(event.nick, self._account))
        if isinstance(event, events.Left) and fold(event.sender) == me:
            self._reactor.callLater(0, self._forget_left)

    def _redactions(self, event: events.LogEvent, epoch: str) -> None:
        """What was redacted before the connection began is not shown on it."""
        if isinstance(event, events.Redacted):
            self.redacted.append((event.room, event.target))
        if readable(event):
            disk = self.stage.disk
            blanked_us = disk.blanked_us.get(disk.numbers.get(epoch, 0), {})
            if blanked_us.get(event.seq, self._dialled_us) < self._dialled_us:
                text = f"{self.name} is shown {event.seq} of {event.room}, redacted"
                self.stage.report("I8", text)

    def _kept(self, send: Send, done: events.Done) -> None:
        cid, room, seq = send.cid or 0, done.room or send.room, done.seq or 0
        self.journal.add(words.Acked(cid, self.stage.now_us, room, "", seq))
        self.stage.counts["acknowledged"] += 1
        self.stage.counts["resent"] += done.duplicate
        if isinstance(send, Say):
            self.kept.append((room, seq))
            del self.kept[:-50]

    def _rejected(self, fault: events.Fault) -> None:
        if fault.code == "nick_in_use" and self.password is None:
            tried = self.conversation.hello.nick
            nick = f"{self.nick}{len(tried) - len(self.nick) + 1}"[:20]
            hello = msgspec.structs.replace(self.conversation.hello, nick=nick)
            self.conversation.hello = hello
        elif not fault.retry and fault.code != "nick_in_use":
            self.stage.report("I9", f"{self.name} was not let in: {fault}")
