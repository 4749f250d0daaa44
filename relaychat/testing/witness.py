"""Clients that write journals: what a client hears, in the checker's words.

Each is handed what its client does and hears, and adds notes to a journal (or to
anything that takes notes, such as a file). Neither does any I/O.
"""

from __future__ import annotations

from collections.abc import Callable

from relaychat.client.core import Conversation
from relaychat.client.cursor import Logged, Reader, Standing
from relaychat.client.happenings import (
    Entered,
    Happening,
    Kept,
    Refused,
    Shown,
    Up,
)
from relaychat.client.outbox import Send
from relaychat.model.commands import Cursor, Say
from relaychat.model.events import (
    Gap,
    Kicked,
    Left,
    LogEvent,
    Renamed,
    RoomShown,
)
from relaychat.model.names import fold
from relaychat.testing import notes
from relaychat.testing.notes import (
    Acked,
    Client,
    Connected,
    Gapped,
    Heard,
    Invoked,
    Note,
    Saw,
    Started,
    Stopped,
    asked,
    fingerprint,
    heard,
)
from relaychat.wire.irc import parse

Add = Callable[[Note], None]
Now = Callable[[], int]


class NativeWitness:
    """The journal of a ``Conversation``: hand it every send, and every happening. Its
    ops are numbered by their cids. ``cursors`` are those that the conversation was made
    to follow rooms from.

    It keeps its own place in each room: the conversation is already behind the last of
    the happenings that it gives at once.
    """

    def __init__(
        self,
        add: Add,
        conversation: Conversation,
        now_us: Now,
        cursors: dict[str, Cursor] | None = None,
    ) -> None:
        self._add = add
        self._conversation = conversation
        self._now_us = now_us
        self._cursors = {fold(room): one for room, one in (cursors or {}).items()}
        self._reading: set[str] = set()
        self._readers: dict[str, Reader] = {}
        self._before: dict[str, int] = {}
        """Up to where earlier lives of this process have read."""
        self._nick = fold(conversation.nick)

    def comes_back(self, room: str, cursor: Cursor) -> None:
        """An earlier life of this process has read the room up to here. What a crash
        makes come again is passed over; a hole shows."""
        room = fold(room)
        self._reading.add(room)
        self._cursors[room] = cursor
        self._before[room] = cursor.seq
        reader = self._conversation.reader(room)
        if reader is not None:
            self._readers[room] = reader

    def sent(self, send: Send) -> None:
        """This is about to be sent for the first time."""
        cid = send.cid or 0
        self._add(Invoked(cid, self._now_us(), send.room, asked(send), send.cid))

    def happened(self, happening: Happening) -> None:
        """The conversation says so."""
        match happening:
            case Shown(event, raw) if isinstance(event, Logged):
                if fold(event.room) in self._reading:
                    self._shown(event, raw)
            case Kept(send, done):
                room = done.room or ""
                cursor = self._cursors.get(fold(room))
                # The first answer may be of the room's life before.
                epoch = cursor.epoch if cursor and not done.duplicate else ""
                cid, seq = send.cid or 0, done.seq or 0
                self._add(Acked(cid, self._now_us(), room, epoch, seq))
            case Refused(send, fault):
                self._add(notes.Refused(send.cid or 0, fault.code))
            case Up(welcome):
                self._nick = fold(welcome.nick)
                device = self._conversation.hello.device or ""
                self._add(Client(welcome.nick, welcome.account or "", device))
                self._add(Connected())
            case Entered(room):
                self._entered(room)

    def _entered(self, shown: RoomShown) -> None:
        """It starts only where it was not reading: over a connection that was lost and
        found the seqs themselves have to say that nothing is left out."""
        room = fold(shown.room)
        reader = self._conversation.reader(room)
        anew = self._readers.get(room, reader) is not reader
        if reader is None or (room in self._reading and not anew):
            return
        since = shown.seq if reader.since is None else min(reader.since, shown.seq)
        if anew:
            self._cursors.pop(room, None)
        self._readers[room] = reader
        cursor = self._cursors.setdefault(room, Cursor(shown.epoch, since))
        self._reading.add(room)
        self._add(Started(shown.room, cursor.epoch, cursor.seq))

    def _shown(self, event: Logged, raw: bytes) -> None:
        room = fold(event.room)
        epoch = self._cursors[room].epoch
        last = event.seq if isinstance(event, LogEvent) else event.last
        if last <= self._before.get(room, 0) and not isinstance(event, Gap):
            return
        if isinstance(event, Gap):
            epoch, reason = event.epoch, str(event.reason)
        else:
            reason = "withheld"
        if isinstance(event, LogEvent):
            self._add(Saw(event.room, epoch, event.seq, fingerprint(raw)))
            self._cursors[room] = Cursor(epoch, event.seq)
            self._concerns_us(event)
        else:
            self._add(Gapped(event.room, epoch, event.first, event.last, reason))
            self._cursors[room] = Cursor(epoch, event.last)

    def _concerns_us(self, event: LogEvent) -> None:
        gone = event.nick if isinstance(event, Kicked) else event.sender
        if fold(gone) != self._nick:
            return
        if isinstance(event, Renamed):
            self._nick = fold(event.nick)
            account = self._conversation.welcome and self._conversation.welcome.account
            self._add(Client(event.nick, account or ""))
        reader = self._conversation.reader(event.room)
        out = isinstance(event, Kicked) or (
            isinstance(event, Left) and event.cause == "part"
        )
        # What is replayed was before the moment at which we were shown inside.
        if out and reader is not None and reader.standing is Standing.OUTSIDE:
            self._reading.discard(fold(event.room))
            self._add(Stopped(event.room))


REFUSALS = {"401", "403", "404", "411", "412", "417", "421", "442"}
"""Numerics that may answer a PRIVMSG: it is not kept."""


class IrcWitness:
    """The journal of a plain IRC client: hand it what it says and each line it hears.

    IRC has no acknowledgements, so one asks: send ``PING`` with the number that
    ``said`` gave, and its PONG says that all up to it is kept. What was refused is
    never counted as kept: nobody can tell which it was.
    """

    def __init__(self, add: Add, nick: str, now_us: Now) -> None:
        self._add = add
        self._now_us = now_us
        self.nick = nick
        self.rooms: set[str] = set()
        """Folded, those it is in."""
        self.open: dict[int, None] = {}
        """Ops that wait for their PONG."""
        self._ops = 0
        add(Client(nick))

    def connected(self) -> None:
        """A new connection."""
        self._add(Connected())

    def disconnected(self) -> None:
        """It is gone; what was said last has an unknown outcome."""
        self.open.clear()
        for room in self.rooms:
            self._add(Stopped(room))
        self.rooms.clear()

    def said(self, room: str, text: str) -> int:
        """This is about to be said. Returns its number."""
        self._ops += 1
        digest = asked(Say(room, text))
        self._add(Invoked(self._ops, self._now_us(), room, digest))
        self.open[self._ops] = None
        return self._ops

    def line(self, line: bytes) -> None:
        """A line was heard; without its end."""
        source, _, rest = line.decode("utf-8", "replace").partition(" ")
        verb, parameters = parse(rest)
        if verb == "PONG" and parameters[-1].isdigit():
            self._kept(int(parameters[-1]))
        elif verb in REFUSALS:
            self.open.clear()
        found = heard(line)
        mine = fold(source[1:].partition("!")[0]) == fold(self.nick)
        if found is not None:
            room, digest = found
            if verb == "JOIN" and mine:
                self.rooms.add(room)
                self._add(Started(room))
            if room in self.rooms:
                self._add(Heard(room, digest))
            gone = parameters[1] if verb == "KICK" else ""
            if fold(gone) == fold(self.nick) or (verb == "PART" and mine):
                self.rooms.discard(room)
                self._add(Stopped(room))
        elif verb == "NICK" and mine:
            self.nick = parameters[0]
            self._add(Client(self.nick))

    def _kept(self, upto: int) -> None:
        for op in [op for op in self.open if op <= upto]:
            del self.open[op]
            self._add(Acked(op, self._now_us()))
