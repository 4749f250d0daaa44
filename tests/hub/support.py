"""A whole hub over a store in memory, and peers that write down what they are told."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import TestCase

from relaychat.hub.draft import Cause
from relaychat.hub.hooks import Hooks
from relaychat.hub.house import Counts, House
from relaychat.hub.hub import Alarms, Hub
from relaychat.hub.limits import Limits
from relaychat.hub.peer import Form, Peer
from relaychat.hub.state import Room, User
from relaychat.model import events
from relaychat.model.admission import Admission, Enter
from relaychat.model.commands import Command, Cursor, Hello
from relaychat.model.errors import RelayError
from relaychat.model.events import Goodbye, LogEvent, RoomShown, UserQuit, UserRenamed
from relaychat.model.names import fold, skeleton
from relaychat.model.words import Word
from relaychat.store.api import Batch, Failed, Outcome, Poison
from relaychat.store.ledger import Ledger
from relaychat.store.memory import MemoryStore
from relaychat.testing.world import SimulatedWorld

_words = [
    one
    for one in vars(events).values()
    if isinstance(one, type) and issubclass(one, Word) and one.__struct_config__.tag
]
decode: Callable[[bytes], Word] = msgspec.json.Decoder(
    reduce(or_, [one for one in _words if one is not Word])
).decode
encode = msgspec.json.Encoder().encode

HIDDEN = {"at", "account", "id", "epoch", "occurrence", "command", "retry"}
"""Fields that ``brief`` leaves out."""


def brief(word: Word) -> str:
    """A word in few: its tag, and what is not at its default."""
    shown = msgspec.to_builtins(word)
    if isinstance(word, RoomShown):
        return f"room {word.room} {word.seq}"
    if isinstance(word, events.Welcome):
        return f"welcome {word.nick}"
    if isinstance(word, events.Fault):
        return f"error {word.code}"
    if isinstance(word, (events.Page, events.MemberList, events.RoomList)):
        return str(shown["type"])
    return " ".join([str(shown[name]) for name in shown if name not in HIDDEN])


class Plain(Form):
    """All in JSON, like the native dialect: log events rather than user events."""

    def render(self, event: Word) -> bytes:
        if isinstance(event, UserQuit | UserRenamed):
            return b""
        return encode(event) + b"\n"


class Terse(Form):
    """No echo, no acknowledgements, user events instead of the rooms' shares of
    them: like IRC."""

    echo = False
    acks = False

    def render(self, event: Word) -> bytes:
        if getattr(event, "occurrence", None) is not None:
            return b""
        return encode(event) + b"\n"

    def replay(self, event: Word) -> bytes:
        return encode(event) + b"\n"


PLAIN = Plain()
TERSE = Terse()


class RecordingPeer(Peer):
    """A session that writes down what it is told, and takes it or not."""

    def __init__(self, hub: Hub, form: Form) -> None:
        super().__init__(form, self._take, "test", "nowhere")
        self.hub = hub
        self.taking = True
        self.asked = 0
        self.left = 0
        self.answered = 0
        self.closed: RelayError | None = None
        self._out: list[bytes] = []

    def _take(self, payload: bytes) -> bool:
        assert payload, "an empty payload is not worth a call"
        self._out.append(payload)
        return self.taking

    def outcome(self, command: Command, result: Word) -> bytes:
        self.answered += 1
        return encode(result) + b"\n"

    def tell(self, event: Word) -> bytes:
        return encode(event) + b"\n"

    def settled(self, count: int) -> None:
        self.left += count

    def close(self, error: RelayError) -> None:
        self.closed = error
        self._take(encode(Goodbye(error.code, error.text)) + b"\n")
        self.hub.lost(self, "lost", error.text)

    def ask(self, *commands: Command) -> None:
        """Ask, without waiting for the turn."""
        self.asked += len(commands)
        for command in commands:
            self.hub.submit(self, command)

    @property
    def writes(self) -> int:
        """How many payloads came since ``words`` was last asked."""
        return len(self._out)

    def words(self) -> list[Word]:
        """What it was told since the last time."""
        lines = b"".join(self._out).splitlines()
        self._out.clear()
        return [decode(line) for line in lines]

    def heard(self) -> list[str]:
        """The same in brief."""
        return [brief(word) for word in self.words()]

    @property
    def me(self) -> User:
        """Its user."""
        assert self.user is not None
        return self.user


Script = Callable[[Batch], Outcome]


class ScriptedStore(MemoryStore):
    """The store in memory, which can be told what the next commits come to."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        super().__init__(ledger)
        self.script: list[Script | None] = []
        """For each commit to come its outcome, or None to carry it out."""
        self.given: list[Batch] = []

    def commit(self, batch: Batch) -> Deferred[Outcome]:
        self.given.append(batch)
        says = self.script.pop(0) if self.script else None
        return super().commit(batch) if says is None else succeed(says(batch))


def failed(batch: Batch) -> Outcome:
    """The disk is full."""
    return Failed("the disk is full")


def poison(*rows: int) -> Script:
    """These rows can't be stored."""
    return lambda batch: Poison(rows)


class HubTestCase(TestCase):
    """``self.hub`` over ``self.store`` in ``self.world``. A bug that the hub reports
    fails the test, unless it asks for the reports."""

    limits = Limits()

    def setUp(self) -> None:
        self.world = SimulatedWorld(1)
        self.ledger = Ledger()
        self.reports: list[str] = []
        self.doubts: list[str] = []
        self.stops = 0
        self.addCleanup(lambda: self.assertEqual(self.reports, []))
        self.boot()
        self.run_hub()

    def boot(self) -> None:
        """Start a hub over what the ledger holds, without a turn yet."""
        self.store = ScriptedStore(self.ledger)
        self.hooks = Hooks(self.reports.append)
        house = House("relay", self.world, self.limits, self.hooks, Counts())
        alarms = Alarms(self.reports.append, self.doubts.append, self._stop)
        self.hub = Hub(house, self.store, alarms)
        self.hub.start()

    def restart(self) -> None:
        """Kill the server, and start another one on what was durable."""
        self.store.crash()
        self.world = SimulatedWorld(self.world.now_ms())
        self.boot()
        self.run_hub()

    def _stop(self) -> None:
        self.stops += 1

    def run_hub(self, seconds: float = 0) -> None:
        """Let time pass, and everything happen that is due."""
        self.world.advance(seconds)

    def reported(self) -> list[str]:
        """What the hub has logged, which is then no failure of the test."""
        reports = self.reports[:]
        self.reports.clear()
        return reports

    # -- people -----------------------------------------------------------------------

    def account(self, name: str) -> None:
        """Register an account."""
        key = fold(name)
        self.ledger.records["account", key] = encode({"name": name})
        self.ledger.records.setdefault(("look", skeleton(key)), key.encode())

    def peer(self, form: Form = PLAIN) -> RecordingPeer:
        """A connection without a hello."""
        peer = RecordingPeer(self.hub, form)
        self.hub.opened(peer)
        return peer

    def connect(
        self,
        nick: str,
        form: Form = PLAIN,
        *,
        account: bool = False,
        device: str | None = None,
        window_s: int = 0,
        stays: bool = False,
        resume: dict[str, Cursor] | None = None,
        quiet: bool = True,
    ) -> RecordingPeer:
        """A session that has said hello; ``quiet`` forgets what it was told at that."""
        peer = self.peer(form)
        peer.ask(self.hello(nick, account, device, window_s, stays, resume))
        self.run_hub()
        if quiet:
            peer.words()
        return peer

    def hello(
        self,
        nick: str,
        account: bool = False,
        device: str | None = None,
        window_s: int = 0,
        stays: bool = False,
        resume: dict[str, Cursor] | None = None,
    ) -> Enter:
        """A hello as login passes it on."""
        if account:
            self.account(nick)
        number, owner, high = 0, "", 0
        body = self.ledger.records.get(("device", device or ""))
        if body is not None:
            known = msgspec.json.decode(body)
            number, owner = known["number"], known["owner"]
            cids = [cid for one, cid in self.ledger.cids if one == number]
            high = max(cids, default=0)
        admission = Admission(
            nick if account else None, device, number, owner, high, window_s, stays
        )
        return Enter(Hello(nick, resume=resume), admission)

    def do(self, peer: RecordingPeer, *commands: Command) -> list[str]:
        """Ask in one turn; what this peer is told then, in brief."""
        peer.ask(*commands)
        self.run_hub()
        return peer.heard()

    def lose(
        self, peer: RecordingPeer, cause: Cause = "lost", reason: str = "gone"
    ) -> None:
        """Cut a connection."""
        self.hub.lost(peer, cause, reason)
        self.run_hub()

    # -- what is ----------------------------------------------------------------------

    def room(self, name: str) -> Room:
        """A room of the state."""
        return self.hub.state.rooms[name]

    def cursor(self, room: str, seq: int) -> Cursor:
        """A cursor into a room as it is now."""
        return Cursor(self.room(room).epoch, seq)

    def log(self, name: str) -> list[LogEvent]:
        """The durable log of a room."""
        number = self.room(name).number
        lines = self.ledger.rooms.get(number, [])
        return [_log_event(line.row.body) for line in lines]

    def logged(self, name: str) -> list[str]:
        """The same in brief."""
        return [brief(event) for event in self.log(name)]

    def members(self, name: str) -> list[str]:
        """The nicks in a room, by name."""
        return sorted(user.nick for user in self.room(name).members)


_log_event: Callable[[bytes], Any] = msgspec.json.Decoder(events.AnyLogEvent).decode
