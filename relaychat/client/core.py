"""The client's side of a conversation, over any number of connections, without I/O.

::

    connected ─▶ hello {resume} ─▶ welcome, room…, events…, resumed ─▶ join… ─▶ ready
        ▲                                                                        │
        └──────────────── disconnected: cursors and outbox stay ◀────────────────┘

``receive`` takes bytes and returns happenings; ``data_to_send`` is what to write. Bytes
from a bad server never raise: ``broken`` says why the connection is of no use any more.

Only what follows without a hole is shown (see ``cursor``), and what is sent with a cid
is resent until it is answered (see ``outbox``): so over any interruption each event is
shown once, and each message is in the log once.

On the wire sends carry their cid as ``id``; all else that is asked counts down from -1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from relaychat.client.cursor import Hole, Reader, Standing
from relaychat.client.greeting import Greeting
from relaychat.client.happenings import (
    Answered,
    Complaint,
    Entered,
    Exited,
    Happening,
    Kept,
    Parting,
    Postponed,
    Ready,
    Refused,
    Rejected,
    Shown,
    Shut,
    Up,
)
from relaychat.client.outbox import WINDOW, Outbox, Send, Spool
from relaychat.client.places import Place, Places
from relaychat.client.speech import LineBuffer, Unknown, Unreadable, line, read, written
from relaychat.model.accounts import Challenge
from relaychat.model.commands import (
    Bye,
    Command,
    Cursor,
    Hello,
    Join,
    Part,
    Ping,
    Pong,
    Rename,
    Resume,
)
from relaychat.model.events import (
    Done,
    Fault,
    Gap,
    Goodbye,
    Kicked,
    Left,
    LogEvent,
    Pinged,
    Ponged,
    Renamed,
    Resumed,
    RoomShown,
    Welcome,
    Withheld,
)
from relaychat.model.names import fold
from relaychat.model.words import Word
from relaychat.wire.scram import ScramError

LOST = Fault("lost", "the connection went before the answer came", retry=True)
"""The answer to what was asked when the connection went."""


class Conversation:
    """See the module. One object serves all connections of a client, one after the
    other."""

    def __init__(
        self,
        hello: Hello,
        *,
        everything: bool = False,
        returning: bool = False,
        window: int = WINDOW,
        greeting: Greeting | None = None,
        spool: Spool | None = None,
    ) -> None:
        """``everything``: follow every room that the user is in, not only those asked
        for; of one ``returning``, who was here before, also all of the direct rooms
        that began since. ``greeting``: how hello is said, if not plainly. ``spool``
        keeps what is sent over a crash of this program; it belongs to the device that
        hello names."""
        self.hello = hello
        self._greeting = greeting or Greeting()
        self.outbox = Outbox(window, spool)
        self.broken = ""
        self.welcome: Welcome | None = None
        """The server's, of this connection."""
        self.ready = False
        self.nick = hello.nick
        self._places = Places(everything, returning)
        self._asked: dict[int, Command] = {}
        self._last_id = 0
        self._resume_id = 0
        self._hello = hello
        """As it was said on this connection, but for how the password was."""
        self._resume_due = False
        """Rooms lack something that no resume on its way will bring."""
        self._lines = LineBuffer()
        self._out: list[bytes] = []
        self._found: list[Happening] = []

    # -- what one wants ----------------------------------------------------------------

    def follow(
        self,
        room: str,
        key: str = "",
        cursor: Cursor | None = None,
        since: int | None = None,
    ) -> Reader:
        """Be in a room and be shown its events: after ``cursor``, else after seq
        ``since``, else from now on."""
        reader = Reader(room, cursor, since)
        self._want(Place(room, key, reader))
        return reader

    def enter(self, room: str, key: str = "") -> None:
        """Be in a room without being shown its events."""
        self._want(Place(room, key, None))

    def as_member(self, room: str) -> None:
        """Count as a member of a room until the server says otherwise: if a connection
        finds us outside, we left it on another device or were put out, and Exited tells
        instead of a join."""
        place = self._places.of(room)
        if place is not None:
            place.member = True

    def leave(self, room: str, reason: str = "") -> None:
        """Be no longer in a room. What happens there until we are out is shown."""
        part = self._places.leave(room, reason)
        if part is not None:
            self.ask(part)

    def wants(self, room: str) -> bool:
        """Whether it is a room that we want to be in."""
        return self._places.wanted(room) is not None

    def reader(self, room: str) -> Reader | None:
        """Who follows a room."""
        place = self._places.of(room)
        return place.reader if place else None

    @property
    def rooms(self) -> list[str]:
        """The rooms we are in, as they are written there."""
        return [one.name for one in self._places if one.inside and not one.leaving]

    @property
    def leaving(self) -> bool:
        """Whether we are not out yet of a room that we want to leave."""
        return any(place.leaving for place in self._places)

    def send(self, *sends: Send) -> list[Send]:
        """Send something with a cid, or be given one; Kept or Refused will tell.

        Raises ValueError if a cid does not rise, and what the spool raises.
        """
        numbered = self.outbox.put(*sends)
        self._flush_outbox()
        return numbered

    def ask(self, command: Command) -> None:
        """Ask for something else; Answered will tell. Only while connected."""
        self._last_id -= 1
        self._asked[self._last_id] = command
        self._say(replace(command, id=self._last_id))

    def ping(self) -> None:
        """Ask for a sign of life, without caring for the answer."""
        self._say(Ping())

    def bye(self, reason: str = "") -> None:
        """Leave for good."""
        self._say(Bye(reason))

    @property
    def stalled(self) -> bool:
        """Whether something was refused for now: call ``again`` after a while."""
        return self.outbox.stalled or any(
            place.refused_for_now for place in self._places
        )

    def again(self) -> None:
        """Try once more what was refused for now."""
        self.outbox.again()
        if self.welcome is not None:
            for place in self._places:
                if place.refused_for_now:
                    self._join(place)
        self._flush_outbox()

    # -- the connection ----------------------------------------------------------------

    def connected(self) -> None:
        """A new connection is there: say hello."""
        self._lines, self._out, self.broken = LineBuffer(), [], ""
        self.welcome, self.ready, self._asked = None, False, {}
        self._resume_due = False
        resume = self._places.hello()
        self._last_id -= 1
        self._resume_id = self._last_id
        self._hello = replace(self.hello, resume=resume, id=self._last_id)
        self._say(self._greeting.begin(self._hello))

    def disconnected(self) -> list[Happening]:
        """The connection is gone. What was asked on it is answered with LOST."""
        self._places.returning = self._places.returning or self.ready
        self.welcome, self.ready = None, False
        self.outbox.lost()
        asked, self._asked = self._asked, {}
        inner = (Join, Resume)
        return [
            Answered(one, LOST) for one in asked.values() if not isinstance(one, inner)
        ]

    def receive(self, data: bytes) -> list[Happening]:
        """What the server's bytes mean. Never raises for them: see ``broken``."""
        found: list[Happening] = []
        if self.broken:
            return found
        self._found = found
        try:
            for raw in self._lines.feed(data):
                self._take(read(raw), raw)
        except (Unreadable, Hole) as error:
            self.broken = str(error)
        except ScramError as error:
            self.broken = str(error)
            found.append(Rejected(Fault("scram", self.broken)))
        if self._resume_due:
            self._resume()
        self._flush_outbox()
        return found

    def data_to_send(self) -> bytes:
        """What is to be written, once."""
        out, self._out = self._out, []
        return b"".join(out)

    # -- inside ------------------------------------------------------------------------

    def _want(self, place: Place) -> None:
        self._places.add(place)
        if self.ready:
            self._join(place)

    def _say(self, command: Command) -> None:
        self._out.append(line(command))

    def _flush_outbox(self) -> None:
        if self.ready:
            self._out += [
                line(replace(send, id=send.cid)) for send in self.outbox.take()
            ]

    def _join(self, place: Place) -> None:
        place.refused = None
        if not place.direct:
            place.joining = True
            self.ask(Join(place.name, place.key))

    def _take(self, word: Word | Unknown, raw: bytes) -> None:
        if isinstance(word, (LogEvent, Unknown)):
            self._log_event(word, raw)
            return
        take = _TAKES.get(type(word))
        if take is not None:
            take(self, word, raw)
        elif getattr(word, "id", None) is not None:
            self._answered(word)
        else:
            self._found.append(Shown(word, raw))

    # -- rooms -------------------------------------------------------------------------

    def _log_event(self, event: LogEvent | Unknown, raw: bytes) -> None:
        place = self._places.of(event.room)
        if place is None or place.reader is None or not event.seq:
            return
        if not place.reader.passes(event.seq):
            return
        if isinstance(event, LogEvent):
            self._found.append(Shown(event, raw))
            if isinstance(event, Renamed) and fold(event.sender) == fold(self.nick):
                self.nick = event.nick
            elif place.reader.standing is Standing.LEVEL and self._puts_us_out(event):
                # What is replayed was before the moment at which we were shown inside.
                place.inside = False
                place.reader.left()
                self._places.left(place.name)

    def _puts_us_out(self, event: LogEvent) -> bool:
        gone = event.nick if isinstance(event, Kicked) else None
        if isinstance(event, Left) and event.cause == "part":
            gone = event.sender
        return gone is not None and fold(gone) == fold(self.nick)

    def _lacking(self, event: Withheld | Gap, raw: bytes) -> None:
        reader = self.reader(event.room)
        if reader is None:
            return
        fresh: Withheld | Gap | None = (
            reader.gap(event) if isinstance(event, Gap) else reader.withheld(event)
        )
        if fresh is not None:
            self._found.append(Shown(fresh, raw if fresh == event else written(fresh)))

    def _room(self, room: RoomShown, raw: bytes) -> None:
        command = self._asked.pop(room.id, None) if isinstance(room.id, int) else None
        place, entered = self._places.shown(room)
        if place is not None:
            if place.reader and place.reader.shown(room, command is not None):
                self._resume_due = True
            if place.leaving and place.leaving not in self._asked.values():
                self.ask(place.leaving)  # The connection went before the answer came.
            elif entered:
                self._found.append(Entered(room))
        self._check_ready()

    def _resumed(self, answer: Resumed, raw: bytes) -> None:
        if isinstance(answer.id, int):
            self._asked.pop(answer.id, None)
        if answer.id != self._resume_id or self._resume_due:
            return
        self._resume_due = not self._places.level(answer.rooms)
        for place in list(self._places):
            if self.ready or place.inside or place.refused is not None:
                continue
            if place.leaving:
                self._places.left(place.name)
            elif place.member:
                self._places.drop(place.name)
                self._found.append(Exited(place.name))
            else:
                self._join(place)
        self._check_ready()

    def _resume(self) -> None:
        self._resume_due = False
        self.ask(Resume(self._places.resume()))
        self._resume_id = self._last_id

    def _check_ready(self) -> None:
        settled = all(place.settled for place in self._places)
        if self.welcome and not self.ready and settled:
            self.ready = True
            self._found.append(Ready())

    # -- answers -----------------------------------------------------------------------

    def _challenged(self, challenge: Challenge, raw: bytes) -> None:
        self._say(replace(self._greeting.prove(challenge), id=self._resume_id))

    def _welcomed(self, welcome: Welcome, raw: bytes) -> None:
        self._greeting.check(welcome)
        self.welcome, self.nick = welcome, welcome.nick
        self.outbox.seen(welcome.cid)
        self._found.append(Up(welcome))

    def _done(self, done: Done, raw: bytes) -> None:
        if isinstance(done.id, int) and done.id > 0:
            send = self.outbox.kept(done.id, done)
            if send is not None:
                self._found.append(Kept(send, done))
            return
        self._answered(done)

    def _fault(self, fault: Fault, raw: bytes) -> None:
        label = fault.id if isinstance(fault.id, int) else fault.cid
        if label is not None and label > 0:
            send = self.outbox.refused(label, fault)
            if send is not None:
                what = Postponed if fault.retry else Refused
                self._found.append(what(send, fault))
        elif self.welcome is None:
            hello = self._greeting.again(self._hello, fault)
            if hello is not None:
                self._say(hello)
            else:
                self._found.append(Rejected(fault))
        elif label is None:
            self._found.append(Complaint(fault))
        else:
            self._answered(fault)

    def _answered(self, answer: Any) -> None:
        command = (
            self._asked.pop(answer.id, None) if isinstance(answer.id, int) else None
        )
        if command is None:
            return
        if isinstance(command, Join):
            place = self._places.of(command.room)
            if place is not None and isinstance(answer, Fault):
                place.joining, place.refused = False, answer
                self._found.append(Shut(command.room, answer))
            self._check_ready()
        elif isinstance(command, Resume):
            if isinstance(answer, Fault):
                self.broken = f"could not resume: {answer.text}"
        else:
            if isinstance(command, Rename) and isinstance(answer, Done):
                self.nick = command.nick
            elif isinstance(command, Part):
                self._parted(command, answer)
            self._found.append(Answered(command, answer))

    def _parted(self, command: Part, answer: Any) -> None:
        place = self._places.of(command.room)
        if place is not None and isinstance(answer, Fault) and answer.retry:
            place.leaving = None
        else:
            self._places.left(command.room)

    def _pinged(self, ping: Pinged, raw: bytes) -> None:
        self._say(Pong(ping.token))

    def _ponged(self, pong: Ponged, raw: bytes) -> None:
        if isinstance(pong.id, int):
            self._answered(pong)

    def _goodbye(self, goodbye: Goodbye, raw: bytes) -> None:
        self._found.append(Parting(goodbye))


_TAKES: dict[type[Word], Callable[[Conversation, Any, bytes], None]] = {
    Challenge: Conversation._challenged,
    Welcome: Conversation._welcomed,
    RoomShown: Conversation._room,
    Resumed: Conversation._resumed,
    Done: Conversation._done,
    Fault: Conversation._fault,
    Withheld: Conversation._lacking,
    Gap: Conversation._lacking,
    Pinged: Conversation._pinged,
    Ponged: Conversation._ponged,
    Goodbye: Conversation._goodbye,
}
