"""The hub: one queue, one turn at a time. The heart of the relay.

    take what is queued  ->  decide, in order  ->  commit, all at once  ->  deliver

While a commit runs, the next turn's commands collect, so a turn grows with the load by
itself (DESIGN section 3). What a turn decides is seen by nobody before its commit.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from relaychat.hub.catchup import CatchUp
from relaychat.hub.decide import NONE, Again, Cut, Item, Known, decide
from relaychat.hub.delivery import deliver
from relaychat.hub.draft import Cause, Need
from relaychat.hub.erasure import Walk
from relaychat.hub.facts import (
    Blanking,
    Closing,
    Drained,
    Erased,
    Expired,
    Fact,
    Lost,
    ReadOn,
    Ready,
    Restarted,
    Retry,
    Revoked,
    Survey,
    Surveyed,
)
from relaychat.hub.house import House
from relaychat.hub.pages import read_page
from relaychat.hub.peer import Peer
from relaychat.hub.records import KINDS, load
from relaychat.hub.state import Member, Room, State, User
from relaychat.hub.tail import Tails, entries_of
from relaychat.hub.turn import Turn
from relaychat.model.commands import Command, Custom, Edit, History, Say
from relaychat.model.errors import NotStorable, RelayError, ShuttingDown
from relaychat.model.errors import Revoked as LoginRevoked
from relaychat.model.names import fold
from relaychat.store.api import (
    Committed,
    Duplicates,
    Entry,
    Failed,
    InDoubt,
    Outcome,
    Store,
    StoreBroken,
)

SLICE_US = 20_000
"""A fan-out yields to the reactor after so many microseconds (H7): sockets are read and
timers kept at least this often."""
WALK_ENTRIES = 500
"""Log entries looked at in one turn where an account's text leaves the log."""
RETRY_S = 1.0
"""How often a store that keeps nothing is tried again, while facts wait for it."""


SPOKEN = frozenset({Say, Edit})
"""What counts for the payload of a turn."""


class Alarms(Struct, frozen=True):
    """Whom the hub tells what it can't settle itself."""

    error: Callable[[str], None]
    """A bug or a refusal of the store: log it, with the exception under way if any."""
    in_doubt: Callable[[str], None]
    """A commit's outcome is unknown: close everything, exit, and let the log decide."""
    stop: Callable[[], None]
    """Somebody with the right to do so asked the server to stop."""


class Hub:
    """Rooms, people and decisions over one store."""

    drafts: type[Turn] = Turn
    """What a turn is drafted with; the simulator's watches what it takes back."""

    def __init__(self, house: House, store: Store, alarms: Alarms) -> None:
        self.house = house
        self.state = State()
        self._store = store
        self._alarms = alarms
        self._tails = Tails(house.limits)
        self._catch_up = CatchUp(house.limits, self._read_on, alarms.error)
        self._queue: deque[Item] = deque()
        self._next_pos = 1
        self._busy = False
        """A turn is open: it is being committed or delivered, or waits for a read."""
        self._woken = False
        self._need: Need | None = None
        self._fetched: dict[object, Any] = {}
        """What was read for the command at the head of the queue."""
        self._held: list[Item] = []
        """Facts of this turn that wait for a store that keeps things again."""
        self._retrying = False
        self._ended = False
        self._closing = False

    @property
    def idle(self) -> bool:
        """Nothing is queued or under way: the state holds all that has happened."""
        return not (self._queue or self._busy)

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

    def submit_all(self, peer: Peer, commands: Sequence[Command]) -> None:
        """``submit`` for each of these, in order."""
        self._queue.extend([(peer, command) for command in commands])
        if not self._woken:
            self._wake()

    def lost(self, peer: Peer, cause: Cause, reason: str) -> None:
        """A connection is gone; ``quit`` if its peer had said so."""
        self._put(None, Lost(peer, cause, reason))

    def drained(self, peer: Peer) -> None:
        """A reader that took no more has sent everything on its way."""
        self._put(None, Drained(peer))

    def cut(
        self,
        account: str,
        error: RelayError,
        device: str | None = None,
        token: str | None = None,
        keep: object = None,
    ) -> None:
        """End the sessions of an account, or those of one of its devices or tokens
        (their digests) only; all but ``keep``."""
        self._put(None, Revoked(fold(account), error, device, token, keep))

    def erase(self, account: str, blank: bool) -> None:
        """An account is no more: its sessions end, its rooms pass on. ``blank``: its
        text leaves the log."""
        self.cut(account, LoginRevoked("the account was deleted"))
        self._put(None, Erased(account, blank))

    def survey(self, most: int, told: Callable[[Survey], None]) -> None:
        """Ask for the public rooms, naming so many of the fullest. ``told`` is called
        at the end of a turn, so it hears nothing that was not kept."""
        self._put(None, Surveyed(most, told))

    def close(self) -> None:
        """Tell every session that the server stops."""
        self._closing = True
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
        """Carry out a turn. Whatever breaks in it, nobody is left waiting for ever."""
        self._woken = False
        self._busy = True
        try:
            self._run(self._take(), {}, False)
        except Exception:
            self._stop_in_doubt("")

    def _take(self) -> list[Item]:
        """What is queued, up to the bounds of a turn (H7)."""
        limits, queue = self.house.limits, self._queue
        # The facts that wait at the head take no place away from what is new.
        most = limits.turn_commands + len(self._held)
        items = list(islice(queue, most))
        size = 0
        for place, (_, item) in enumerate(items):
            if type(item) in SPOKEN:
                size += len(item.text)
            elif type(item) is Custom:
                size += limits.custom_bytes
            else:
                continue
            if size >= limits.turn_payload_bytes:
                del items[place + 1 :]
                break
        if len(items) == len(queue):
            queue.clear()
        else:
            for _ in items:
                queue.popleft()
        return items

    def _run(self, items: list[Item], known: Known, refusing: bool) -> None:
        """Decide until it stands, then commit it if there is anything to keep."""
        while True:
            turn, self._held = self.drafts(self.house, self.state, refusing), []
            turn.fetched, turn.first_pos = self._fetched, self._next_pos
            try:
                decide(turn, items, known, self._held, self._alarms.error)
            except Again as again:
                turn.roll_back()
                known[again.index] = again.settled
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

    # -- what the commit says (H3) --------------------------------------------

    def _settle(
        self, outcome: Outcome, turn: Turn, items: list[Item], known: Known
    ) -> None:
        if isinstance(outcome, Committed):
            self.house.counts.healthy = True
            turn.stands_at(outcome.first_pos)
            self._next_pos = outcome.first_pos + turn.entries
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
            index = turn.askers[row] if not turn.rows[row].more else NONE
            peer, item = items[index]
            if isinstance(outcome, Duplicates):
                known[index] = outcome.rows[row]
            elif index == NONE:
                known[index] = None  # Decided each by itself, they show whose it is.
            elif peer is not None:
                known[index] = NotStorable()
            else:
                self._alarms.error(f"the store can't keep {item!r}: left out")
                known[index] = None
        self._run(items, known, refusing=False)

    def _broken(self, failure: Failure) -> None:
        """A read failed, or carrying out a turn did, somewhere in a Deferred."""
        if not isinstance(failure.value, StoreBroken):
            self._stop_in_doubt(failure.getTraceback())
        elif self._ends():
            self._alarms.in_doubt(f"the log can't be read: {failure.getErrorMessage()}")

    def _stop_in_doubt(self, why: str) -> None:
        """Carrying out a turn failed: nobody knows what is in the log, so the log
        decides."""
        if self._ends():
            self._alarms.error(f"carrying out a turn failed: {why}")
            self._alarms.in_doubt("the hub is in an unknown state")

    def _ends(self) -> bool:
        """Whether it ends here. It does so once; and what fails while it stops anyway
        means nothing."""
        ends = not self._ended and (self._busy or not self._closing)
        self._ended = self._ended or ends
        return ends

    # -- delivery -------------------------------------------------------------

    def _deliver(self, turn: Turn, items: list[Item]) -> None:
        """Take the turn's entries into memory, in their place (H4), and tell them."""
        for room, entries in turn.kept.items():
            self._tails.extend(room.tail, entries)
        for (room, _), blank in turn.blanked.items():
            self._tails.replace(room.tail, blank)
        fallen: dict[Peer, None] = {}
        self._fan_out(turn, items, deliver(turn, fallen, self._alarms.error), fallen)

    def _go_on(
        self,
        turn: Turn,
        items: list[Item],
        steps: Iterator[None],
        fallen: dict[Peer, None],
    ) -> None:
        try:
            self._fan_out(turn, items, steps, fallen)
        except Exception:
            self._stop_in_doubt("")

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
                    0, lambda: self._go_on(turn, items, steps, fallen)
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
                [
                    kept.event
                    for stretches in turn.kept.values()
                    for kept in entries_of(stretches)
                ]
            )
        fresh = len(self._queue)
        if self._held:
            self._queue.extendleft(reversed(self._held))
            self._retry()
        if self._need is None or turn.durable():
            self._fetched = {}
        if self._need is not None:
            self._fetch(self._need)
        else:
            self._busy = False
            if fresh:
                self._wake()

    def _retry(self) -> None:
        """Try the facts that wait again after a while."""

        def due() -> None:
            self._retrying = False
            self._put(None, Retry())

        if not self._retrying:
            self._retrying = True
            self.house.world.later(RETRY_S, due)

    def _count(self, turn: Turn, items: list[Item]) -> None:
        counts, now_us = self.house.counts, self.house.world.monotonic_us()
        counts.turns += 1
        counts.commands += len(items)
        counts.events += turn.entries
        for peer, count in Counter([peer for peer, _ in items]).items():
            if peer is not None:
                peer.spoke_us = now_us
                peer.settled(count)

    # -- reads ----------------------------------------------------------------

    def _fetch(self, need: Need) -> None:
        """Read what the next command needs; no turn is begun before it is here."""
        self._need = None

        def fetched(result: Any) -> None:
            self._fetched[need.key] = result
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

    def forget(self, room: Room) -> None:
        """A room has closed: its entries need no memory any more."""
        self._tails.forget(room.tail)

    def read(self, peer: Peer, command: History, member: Member, end: int) -> None:
        """Answer a query from the log before ``end``, in a later turn."""
        limit = self.house.limits.page_bytes
        page = read_page(self._store, member, command, end, limit)
        read = Deferred.fromCoroutine(page)
        read.addCallback(lambda page: self._put(None, Ready(peer, command, page)))
        read.addErrback(self._broken)

    def walk(self, walk: Walk, entries: list[Entry] | None = None) -> None:
        """Read on for an account whose text leaves the log."""
        if entries is not None:
            walk.go_on(entries)
        if walk.done:
            self._put(None, Blanking(walk, []))
            return
        read = self._store.page(walk.room, walk.seq, 2**53, WALK_ENTRIES)
        read.addCallback(lambda entries: self._put(None, Blanking(walk, entries)))
        read.addErrback(self._broken)

    def ask_to_stop(self) -> None:
        """Have the server stop cleanly."""
        self._alarms.stop()
