"""The hub: one queue, one turn at a time. The heart of the relay.

    take what is queued  ->  decide, in order  ->  commit, all at once  ->  deliver

While a commit runs, the next turn's commands collect, so a turn grows with the load by
itself (DESIGN section 3). What a turn decides is seen by nobody before its commit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from msgspec import Struct
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from relaychat.hub.catchup import CatchUp
from relaychat.hub.decide import COMMANDS, FACTS
from relaychat.hub.delivery import deliver
from relaychat.hub.facts import (
    Closing,
    Drained,
    Expired,
    Fact,
    Lost,
    ReadOn,
    Ready,
    Restarted,
    Retry,
)
from relaychat.hub.lookup import cid_digest
from relaychat.hub.pages import read_page
from relaychat.hub.peer import Peer
from relaychat.hub.records import KINDS, load
from relaychat.hub.state import Member, State, User
from relaychat.hub.tail import Tails
from relaychat.hub.turn import Cause, House, Need, Settled, Turn
from relaychat.model.commands import Command, History, Say
from relaychat.model.errors import (
    CidReused,
    Internal,
    NotStorable,
    RelayError,
    ShuttingDown,
    Unavailable,
)
from relaychat.model.events import Done, Fault
from relaychat.model.words import Word
from relaychat.store.api import (
    Committed,
    Duplicates,
    Entry,
    Failed,
    InDoubt,
    Outcome,
    Poison,
    Store,
)

SLICE_US = 20_000
"""A fan-out yields to the reactor after so many microseconds (H7): sockets are read and
timers kept at least this often."""
RETRY_S = 1.0
"""How often a store that keeps nothing is tried again, while facts wait for it."""

Item = tuple[Peer | None, Any]


class Again(Exception):
    """The turn is to be taken back and decided again, with this known about
    one item."""

    def __init__(self, index: int, result: Word | Hold | None) -> None:
        super().__init__(index)
        self.index = index
        self.result = result


class Cut(Exception):
    """The turn ends before this item, which needs a read of the store first."""

    def __init__(self, index: int, need: Need, touched: bool) -> None:
        super().__init__(index)
        self.index = index
        self.need = need
        self.touched = touched


class Hold(Enum):
    """What is known of a fact that can't be kept now: it waits for the next
    turn (H3)."""

    BACK = "back"


Known = dict[int, Word | Hold | None]
"""What is settled about items of a turn that is decided again; None: leave it out."""


class Alarms(Struct, frozen=True):
    """Whom the hub tells what it can't settle itself."""

    error: Callable[[str], None]
    """A bug or a refusal of the store: log it, with the exception under way if any."""
    in_doubt: Callable[[str], None]
    """A commit's outcome is unknown: close everything, exit, and let the log decide."""
    stop: Callable[[], None]
    """Somebody with the right to do so asked the server to stop."""


def fault(error: RelayError, command: Command) -> Fault:
    """How an error is told to whoever asked."""
    cid = getattr(command, "cid", None)
    tag = str(type(command).__struct_config__.tag)
    return Fault(
        error.code, error.text, error.about, tag, cid, error.retry, id=command.id
    )


class Hub:
    """Rooms, people and decisions over one store."""

    def __init__(self, house: House, store: Store, alarms: Alarms) -> None:
        self.house = house
        self.state = State()
        self._store = store
        self._alarms = alarms
        self._tails = Tails(house.limits)
        self._catch_up = CatchUp(house.limits, self._read_on)
        self._queue: deque[Item] = deque()
        self._next_pos = 1
        self._busy = False
        """A turn is open: it is being committed or delivered, or waits for a read."""
        self._woken = False
        self._need: Need | None = None
        self._fetched: dict[object, Any] = {}
        self._held: list[Item] = []
        """Facts of this turn that wait for a store that keeps things again."""
        self._ended = False

    # -- what sessions call ---------------------------------------------------

    def start(self) -> None:
        """Open the store and take up its state. Raises what ``Store.open`` raises."""
        snapshot = self._store.open(KINDS)
        self.state = load(snapshot)
        self._next_pos = snapshot.last_pos + 1
        self.state.last_session = self.house.world.now_ms()
        self.house.counts.started_us = self.house.world.monotonic_us()
        for room in self.state.rooms.values():
            if not room.logged:
                room.epoch = self.house.world.token_bytes(8).hex()
        self._put(None, Restarted())

    def opened(self, peer: Peer) -> None:
        """A connection is there."""
        self.state.last_session += 1
        peer.number = self.state.last_session
        peer.since_us = peer.spoke_us = self.house.world.monotonic_us()
        self.state.peers[peer] = None

    def submit(self, peer: Peer, command: Command) -> None:
        """Ask for something. The answer comes by ``peer.outcome``."""
        self._queue.append((peer, command))
        if not self._woken:
            self._wake()

    def lost(self, peer: Peer, cause: Cause, reason: str) -> None:
        """A connection is gone; ``quit`` if its peer had said so."""
        self._put(None, Lost(peer, cause, reason))

    def drained(self, peer: Peer) -> None:
        """A reader that took no more has sent everything on its way."""
        self._put(None, Drained(peer))

    def close(self) -> None:
        """Tell every session that the server stops."""
        self._put(None, Closing(ShuttingDown()))

    def _put(self, peer: Peer | None, item: Command | Fact) -> None:
        self._queue.append((peer, item))
        if not self._woken:
            self._wake()

    def _wake(self) -> None:
        if not self._busy and not self._ended:
            self._woken = True
            self.house.world.later(0, self._begin)

    # -- the turn -------------------------------------------------------------

    def _begin(self) -> None:
        """Take what is queued, up to the bounds of a turn (H7)."""
        self._woken = False
        if self._busy or self._ended or not self._queue:
            return
        self._busy = True
        limits, queue = self.house.limits, self._queue
        items: list[Item] = []
        size = 0
        while (
            queue
            and len(items) < limits.turn_commands
            and size < limits.turn_payload_bytes
        ):
            item = queue.popleft()
            items.append(item)
            if type(item[1]) is Say:
                size += len(item[1].text)
        self._run(items, {}, False)

    def _run(self, items: list[Item], known: Known, refusing: bool) -> None:
        """Decide until it stands, then commit it if there is anything to keep."""
        while True:
            turn = Turn(self.house, self.state, refusing)
            turn.fetched = self._fetched
            try:
                self._decide(turn, items, known)
            except Again as again:
                turn.roll_back()
                known[again.index] = again.result
            except Cut as cut:
                self._need = cut.need
                self._queue.extendleft(reversed(items[cut.index :]))
                del items[cut.index :]
                if not cut.touched:
                    break
                turn.roll_back()
            else:
                break
        if turn.durable():
            committed = self._store.commit(turn.batch())
            committed.addCallback(self._settle, turn, items, known)
            committed.addErrback(self._broken)
        else:
            self._deliver(turn, items)

    def _decide(self, turn: Turn, items: list[Item], known: Known) -> None:
        """Decide each item on the state after those before it (H2). Raises
        Again, Cut."""
        self._held.clear()
        for index, (peer, item) in enumerate(items):
            turn.index = index
            mark = turn.mark()
            try:
                if known and index in known:
                    self._tell_known(turn, peer, item, known[index])
                elif peer is None:
                    FACTS[type(item)](turn, item)
                elif not peer.gone:
                    COMMANDS[type(item)](turn, peer, item)
            except Settled as first:
                turn.answer(_there(peer), item, first.result)
            except RelayError as error:
                if not turn.untouched(mark):
                    raise Again(
                        index, fault(error, item) if peer else Hold.BACK
                    ) from error
                if peer is None:
                    self._held.append((None, item))
                else:
                    self._refuse(turn, peer, item, error)
            except Need as need:
                raise Cut(index, need, not turn.untouched(mark)) from need
            except Exception:
                self._alarms.error(f"deciding {type(item).__name__} failed")
                raise Again(index, fault(Internal(), item) if peer else None) from None

    def _tell_known(
        self, turn: Turn, peer: Peer | None, item: Any, result: Word | Hold | None
    ) -> None:
        if peer is None:
            if result is Hold.BACK:
                self._held.append((None, item))
        elif isinstance(result, Word) and not peer.gone:
            if isinstance(result, Fault) and result.code == Unavailable.code:
                self._go_back(turn, peer, item)
            turn.answer(peer, item, result)

    def _refuse(
        self, turn: Turn, peer: Peer, command: Command, error: RelayError
    ) -> None:
        if isinstance(error, Unavailable):
            self._go_back(turn, peer, command)
        turn.answer(peer, command, fault(error, command))
        if error.fatal:
            turn.close(peer, error)

    def _go_back(self, turn: Turn, peer: Peer, command: Command) -> None:
        """From the first refused cid on, nothing is taken until it is resent (H5)."""
        cid = getattr(command, "cid", None)
        if cid is not None and not peer.refused_cid:
            turn.set(peer, "refused_cid", cid)

    # -- what the commit says (H3) --------------------------------------------

    def _settle(
        self, outcome: Outcome, turn: Turn, items: list[Item], known: Known
    ) -> None:
        if isinstance(outcome, Committed):
            self.house.counts.healthy = True
            self._next_pos = outcome.first_pos
            self._deliver(turn, items)
            return
        if isinstance(outcome, InDoubt):
            self._ended = True
            self._alarms.in_doubt(outcome.why)
            return
        turn.roll_back()
        if isinstance(outcome, Failed):
            if self.house.counts.healthy:
                self._alarms.error(f"the store keeps nothing: {outcome.why}")
            self.house.counts.healthy = False
            self._run(items, known, refusing=True)
            return
        for row in outcome.rows:
            index = turn.askers[row]
            known[index] = self._settled_alone(outcome, row, items[index][1])
        self._run(items, known, refusing=False)

    def _settled_alone(
        self, outcome: Duplicates | Poison, row: int, command: Any
    ) -> Word:
        if isinstance(outcome, Poison):
            return fault(NotStorable(), command)
        first = outcome.rows[row]
        if first.cid_hash != cid_digest(command):
            return fault(CidReused(), command)
        return Done(command.room, first.seq, command.cid, duplicate=True, id=command.id)

    def _broken(self, failure: Failure) -> None:
        """Carrying out a turn failed: nobody knows what is in the log, so the log
        decides."""
        self._ended = True
        self._alarms.error(f"carrying out a turn failed: {failure.getTraceback()}")
        self._alarms.in_doubt("the hub is in an unknown state")

    # -- delivery -------------------------------------------------------------

    def _deliver(self, turn: Turn, items: list[Item]) -> None:
        """Take the turn's entries into memory, in their place (H4), and tell them."""
        for room, entries in turn.kept.items():
            for kept in entries:
                kept.pos += self._next_pos
            self._tails.extend(room.tail, entries)
        self._next_pos += len(turn.rows)
        for (room, seq), blank in turn.blanked.items():
            held = room.tail.get(seq)
            if held is not None:
                blank.pos, blank.origin = held.pos, held.origin
                room.tail.replace(seq, blank)
        fallen: dict[Peer, None] = {}
        self._fan_out(turn, items, deliver(turn, fallen), fallen)

    def _fan_out(
        self,
        turn: Turn,
        items: list[Item],
        steps: Iterator[None],
        fallen: dict[Peer, None],
    ) -> None:
        monotonic_us, until = self.house.world.monotonic_us, 0
        for _ in steps:
            if not until:
                until = monotonic_us() + SLICE_US
            elif monotonic_us() > until:
                self.house.world.later(
                    0, lambda: self._fan_out(turn, items, steps, fallen)
                )
                return
        self._finish(turn, items, fallen)

    def _finish(self, turn: Turn, items: list[Item], fallen: dict[Peer, None]) -> None:
        """All is told: readers that fell behind become cursors, and what was waiting
        for the end of the turn is done."""
        for peer in fallen:
            self._catch_up.fall_behind(peer)
        for peer, error in turn.closing:
            peer.close(error)
        for call in turn.after:
            call(self)
        self._count(turn, items)
        if self.house.hooks.after_events:
            self.house.hooks.tell(
                [kept.event for entries in turn.kept.values() for kept in entries]
            )
        self._fetched = {}
        if self._held:
            self._queue.extendleft(reversed(self._held))
            self._held = []
            self.house.world.later(RETRY_S, lambda: self._put(None, Retry()))
            self._busy = False
        elif self._need is not None:
            self._fetch(self._need)
        else:
            self._busy = False
            if self._queue:
                self._wake()

    def _count(self, turn: Turn, items: list[Item]) -> None:
        counts, now_us = self.house.counts, self.house.world.monotonic_us()
        counts.turns += 1
        counts.commands += len(items)
        counts.events += len(turn.rows)
        settled: dict[Peer, int] = {}
        for peer, _ in items:
            if peer is not None:
                settled[peer] = settled.get(peer, 0) + 1
        for peer, count in settled.items():
            peer.spoke_us = now_us
            peer.settled(count)

    # -- reads ----------------------------------------------------------------

    def _fetch(self, need: Need) -> None:
        """Read what the next command needs; no turn is begun before it is here."""
        self._need = None

        def fetched(result: Any) -> None:
            self._fetched = {need.key: result}
            self._busy = False
            self._wake()

        read = need.fetch(self._store)
        read.addCallback(fetched)
        read.addErrback(self._broken)

    def _read_on(self, peer: Peer, cursors: dict[int, int]) -> None:
        read = self._store.merged(cursors, self.house.limits.page_entries)
        read.addCallback(lambda entries: self._put(None, ReadOn(peer, entries)))
        read.addErrback(self._broken)

    # -- what decisions have done after their turn (``turn.Afterwards``) ------

    def catch_up(self, peer: Peer) -> None:
        """Give a session that is behind what it lacks (H18)."""
        self._catch_up.step(peer)

    def give(self, peer: Peer, entries: list[Entry]) -> None:
        """Give a session that is behind what was read for it."""
        self._catch_up.give(peer, entries)

    def wait_for(self, user: User, seconds: float, cause: Cause, reason: str) -> None:
        """Let a user be gone after so long, unless a session of theirs comes
        back (H9)."""
        if user.timer is not None:
            user.timer.cancel()
        user.timer = self.house.world.later(
            seconds, lambda: self._put(None, Expired(user, cause, reason))
        )

    def read(self, peer: Peer, command: History, member: Member) -> None:
        """Answer a query from the log, in a later turn."""
        read = Deferred.fromCoroutine(read_page(self._store, member, command))
        read.addCallback(lambda page: self._put(None, Ready(peer, command, page)))
        read.addErrback(self._broken)

    def ask_to_stop(self) -> None:
        """Have the server stop cleanly."""
        self._alarms.stop()


def _there(peer: Peer | None) -> Peer:
    """The peer of a command; facts are never settled."""
    assert peer is not None
    return peer
