"""The judge: what clients have seen, against what the store holds.

``check`` takes the truth (the logs) and the clients' journals, and names every breach
of what relaychat promises:

=====  ===============================================================================
I1     what was acknowledged is in the log, at the place that was told
I2     what was shown is in the log, byte by byte the same, even if nobody was answered
I3     what was sent is in the log at most once; once, if it was acknowledged; not at
       all, if it was refused; and what was to be sent again is not too late then
I4     a log is 1, 2, 3 … without holes; its chain and its head prove it
I5     a reader is shown one entry after the other, each once, or told of a gap
I6     what one sender sent stands in a room in the order of sending
I7     what was sent after something else was acknowledged stands behind it
I8     nobody is shown what only members may read, and what was redacted is gone
I9     healed: everything is decided, and every reader is level with the log
I10    on a wire without seqs the same is told as on the others, in the same order
I11    a room's members, topic and policy, from which a restart begins, are what its log
       tells
=====  ===============================================================================

It is pure: no clock, no I/O. It counts what it has looked at, so that nothing passes
because there was nothing to see.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from relaychat.model.names import fold
from relaychat.testing.hearing import overheard
from relaychat.testing.journal import Journal, Op, Run, Stream
from relaychat.testing.notes import Gapped
from relaychat.testing.roomlog import Log
from relaychat.testing.truth import Place, Truth

TOLD_PER_INVARIANT = 20
"""Breaches that are told in words; all are counted."""


class Violation(Struct, frozen=True):
    """A breach: which promise (``I1`` … ``I11``), and what is wrong."""

    invariant: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.text}"


class Counts(Struct):
    """What was looked at."""

    logs: int = 0
    entries: int = 0
    journals: int = 0
    ops: int = 0
    acked: int = 0
    refused: int = 0
    seen: int = 0
    gaps: int = 0
    heard: int = 0

    def __str__(self) -> str:
        return (
            f"{self.entries} entries in {self.logs} logs, {self.journals} journals: "
            f"{self.ops} sent, {self.acked} acknowledged, {self.refused} refused, "
            f"{self.seen} shown, {self.gaps} gaps, {self.heard} heard"
        )


class Report(Struct):
    """What came of a check."""

    violations: list[Violation]
    """At most some of each kind."""
    found: dict[str, int]
    """How many there are, by invariant."""
    counts: Counts

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        return not self.found


def check(truth: Truth, journals: Sequence[Journal], *, healed: bool = False) -> Report:
    """Hold these journals against the truth. ``healed``: all faults were over for long
    enough, so everything has to be decided and every reader to be level (I9)."""
    return _Check(truth, journals).run(healed)


class _Check:
    def __init__(self, truth: Truth, journals: Sequence[Journal]) -> None:
        self.truth = truth
        self.journals = journals
        self.found: Counter[str] = Counter()
        self.violations: list[Violation] = []
        self.counts = Counts(len(truth.logs), journals=len(journals))
        self.places: dict[int, dict[int, Place]] = {}
        """Where ops are, by journal and op."""
        self._known: dict[tuple[str, str], Log | None] = {}

    def breach(self, invariant: str, text: str) -> None:
        """Something is wrong."""
        self.found[invariant] += 1
        if self.found[invariant] <= TOLD_PER_INVARIANT:
            self.violations.append(Violation(invariant, text))

    def run(self, healed: bool) -> Report:
        """All of it."""
        self._logs()
        for index, journal in enumerate(self.journals):
            for text in journal.strange:
                self.breach("I5", f"{journal.name}: {text}")
            self.places[index] = self._sent(journal)
        self._once()
        self._recognise()
        for index, journal in enumerate(self.journals):
            self._order_of_sending(journal, self.places[index])
        self._real_time()
        for journal in self.journals:
            self._read(journal, healed)
            if healed and not journal.closed:
                self._alive(journal)
        return Report(self.violations, dict(self.found), self.counts)

    # -- the logs ----------------------------------------------------------------------

    def _logs(self) -> None:
        for log in self.truth.logs.values():
            self.counts.entries += len(log)
            for text in log.wrong:
                self.breach("I4", text)
            for text in log.readable:
                self.breach("I8", text)
            for text in log.beside:
                self.breach("I11", text)
        for text in self.truth.wrong:
            self.breach("I3", text)

    # -- what was sent -----------------------------------------------------------------

    def _sent(self, journal: Journal) -> dict[int, Place]:
        """Each op against its cid or its place; where each is (I1, I3)."""
        number = self.truth.device(journal.device) if journal.device else None
        cids = self.truth.cids.get(number or 0, {})
        places: dict[int, Place] = {}
        for op in journal.ops.values():
            self.counts.ops += 1
            self.counts.acked += op.acked
            self.counts.refused += op.refused
            place = cids.get(op.cid) if op.cid is not None else None
            if place is None and op.seq:
                place = self._told(op)
            if place is not None:
                places[op.op] = place
            if wrong := self._wrong_with(op, place):
                self.breach(wrong[0], f"{journal.name}: {op}: {wrong[1]}")
        return places

    def _told(self, op: Op) -> Place | None:
        """The place that the answer named, if it is there."""
        for log in self.truth.named(fold(op.acked_room), op.epoch):
            if op.seq <= len(log):
                return Place(log, op.seq)
        return None

    def _wrong_with(self, op: Op, place: Place | None) -> tuple[str, str] | None:
        if op.refused and place is not None:
            return "I3", f"refused, and at {place}"
        if op.passed:
            return "I3", "what was sent behind it was taken before it"
        if op.refused:
            return None
        if place is None:
            lost = op.acked and (op.cid is not None or op.seq > 0)
            kept = not lost or self._not_kept(op)
            return None if kept else ("I1", "acknowledged and not in the log")
        log, seq = place
        digest = log.asked[seq - 1]
        if digest not in (0, op.digest):
            return "I1", f"{place} holds something else"
        if op.acked and op.seq and op.seq != seq:
            return "I1", f"acknowledged at {op.seq}, stands at {seq}"
        if op.acked and op.epoch and log.epoch and op.epoch != log.epoch:
            return "I1", f"acknowledged in {op.epoch}, stands in {log}"
        return None

    def _not_kept(self, op: Op) -> bool:
        """Whether its room keeps no log, so that it can't be there."""
        return any(
            not log.kept and op.seq > len(log)
            for log in self.truth.named(fold(op.acked_room or op.room), op.epoch)
        )

    def _once(self) -> None:
        """As often in the logs as it was sent, whatever ids it was given (I3)."""
        most: Counter[int] = Counter()
        least: Counter[int] = Counter()
        for index, journal in enumerate(self.journals):
            known = self.places[index]
            for op in journal.ops.values():
                most[op.digest] += not op.refused
                placed = op.op in known or self._not_kept(op)
                least[op.digest] += op.acked and not placed
        in_log: Counter[int] = Counter()
        unknown = 0
        for log in self.truth.logs.values():
            in_log.update(log.asked)
            unknown += len(log.first_fingerprints)
        for digest, limit in most.items():
            if in_log[digest] > limit:
                text = f"sent {limit} times, {in_log[digest]} times in the logs"
                self.breach("I3", f"{self._named(digest)}: {text}")
            elif in_log[digest] < least[digest] and not unknown:
                self.breach("I1", f"{self._named(digest)}: acknowledged, in no log")

    def _named(self, digest: int) -> str:
        """Who sent this, for the message."""
        for journal in self.journals:
            for op in journal.ops.values():
                if op.digest == digest:
                    return f"{journal.name}: {op}"
        return str(digest)

    def _recognise(self) -> None:
        """Find what has neither cid nor place by its words, where only it has them."""
        by_digest: dict[int, list[tuple[int, int]]] = {}
        for index, journal in enumerate(self.journals):
            for op in journal.ops.values():
                known = op.refused or op.op in self.places[index]
                if not known and op.digest and op.cid is None:
                    by_digest.setdefault(op.digest, []).append((index, op.op))
        there: dict[int, list[Place]] = {}
        for log in self.truth.logs.values() if by_digest else ():
            for seq, digest in enumerate(log.asked, 1):
                if digest in by_digest:
                    there.setdefault(digest, []).append(Place(log, seq))
        for digest, places in there.items():
            if len(places) == len(by_digest[digest]) == 1:
                ((index, number),) = by_digest[digest]
                self.places[index][number] = places[0]

    def _order_of_sending(self, journal: Journal, places: dict[int, Place]) -> None:
        """I6: over all connections where a cid fences them, else within each."""
        last: dict[tuple[int, int], tuple[int, Op]] = {}
        for op in journal.ops.values():
            place = places.get(op.op)
            if place is None:
                continue
            line = (place.log.number, 0 if op.cid is not None else op.connection)
            before = last.get(line)
            if before is not None and place.seq <= before[0]:
                self.breach("I6", f"{journal.name}: {op} stands before {before[1]}")
            else:
                last[line] = (place.seq, op)

    def _real_time(self) -> None:
        """I7: nothing stands before what was acknowledged before it was sent."""
        moments: dict[int, list[tuple[int, int, int, Op]]] = {}
        for index, journal in enumerate(self.journals):
            for op in journal.ops.values():
                place = self.places[index].get(op.op)
                if place is None:
                    continue
                of_log = moments.setdefault(place.log.number, [])
                of_log.append((op.at_us, 0, place.seq, op))
                if op.acked:
                    of_log.append((op.acked_us, 1, place.seq, op))
        for of_log in moments.values():
            of_log.sort(key=lambda moment: moment[:3])
            highest, by = 0, None
            for _, acked, seq, op in of_log:
                if acked and seq > highest:
                    highest, by = seq, op
                elif not acked and seq < highest:
                    self.breach("I7", f"{op} stands before {by}")

    # -- what was read -----------------------------------------------------------------

    def _read(self, journal: Journal, healed: bool) -> None:
        for (room, epoch), stream in journal.streams.items():
            log = self._log_of(room, epoch)
            who = f"{journal.name} in {room} ({epoch})"
            self.counts.gaps += len(stream.gaps)
            for run in stream.runs:
                self.counts.seen += len(run.digests)
                if run.cause != "started":
                    self._cause(who, run)
                if log is not None and run.digests:
                    self._same(who, log, run)
            if log is None:
                if any(run.digests for run in stream.runs):
                    self.breach("I2", f"{who}: there is no such log")
                continue
            self._allowed(who, journal, log, stream)
        for room, stays in journal.stays.items():
            logs = [log for log in self.truth.logs.values() if _is(log, room)]
            self.counts.heard += sum(len(stay.heard) for stay in stays)
            for invariant, text in overheard(journal, room, stays, logs, healed):
                self.breach(invariant, text)

    def _log_of(self, room: str, epoch: str) -> Log | None:
        """The log of this epoch; among sealed ones, the one that fits what was read."""
        key = (room, epoch)
        if key not in self._known:
            logs = self.truth.named(room, epoch)
            runs = [
                run
                for journal in self.journals
                if key in journal.streams
                for run in journal.streams[key].runs
                if run.digests
            ]
            fits = (log for log in logs if any(_fits(log, run) for run in runs))
            self._known[key] = next(fits, logs[-1] if logs else None)
        return self._known[key]

    def _cause(self, who: str, run: Run) -> None:
        if run.cause == "unasked":
            self.breach("I8", f"{who}: was shown {run.first}, and reads it no more")
        else:
            self.breach("I5", f"{who}: was shown {run.first} out of turn")

    def _same(self, who: str, log: Log, run: Run) -> None:
        """I2."""
        shown = log.fingerprints[run.first - 1 : run.last]
        if shown == run.digests:
            return
        if run.last > len(log) and log.kept:
            text = f"was shown {run.last}, and {log} ends at {len(log)}"
            self.breach("I2", f"{who}: {text}")
        pairs = zip(shown, run.digests, strict=False)
        for seq, (there, told) in enumerate(pairs, run.first):
            if there != told and log.first_fingerprints.get(seq) != told:
                self.breach("I2", f"{who}: {seq} was shown differently than it is")

    def _allowed(self, who: str, journal: Journal, log: Log, stream: Stream) -> None:
        """I8, and that nothing was kept from somebody who may read it (I5)."""
        if log.kind == "direct" or not log.retold.stays:
            return
        stays = log.retold.stays_of(journal.names)
        until = log.retold.open_until(stays)
        for run in stream.runs:
            at = run.first
            while run.digests and at <= min(run.last, len(log)):
                stay = next((one for one in stays if one[0] <= at <= one[1]), None)
                if stay is None and at > until:
                    self.breach("I8", f"{who}: was shown {at}, and was no member")
                    break
                at = max(until if at <= until else 0, stay[1] if stay else 0) + 1
        for gap in stream.gaps:
            if wrong := _unfounded(gap, journal, log, stays):
                self.breach("I5", f"{who}: {gap}: {wrong}")

    # -- healed ------------------------------------------------------------------------

    def _alive(self, journal: Journal) -> None:
        """I9."""
        for op in journal.ops.values():
            resent = op.cid is not None or op.connection == journal.connections
            if resent and not op.acked and not op.refused:
                self.breach("I9", f"{journal.name}: {op} was never answered")
        for room, epoch in journal.reading.items():
            stream = journal.streams.get((room, epoch))
            log = self._log_of(room, epoch) if stream else None
            if stream is None or log is None or not log.kept:
                continue
            end = len(log)
            inside = any(last > end for _, last in log.retold.stays_of(journal.names))
            # A guest who was gone for too long is another one now: what was said to
            # the one before stays with that one.
            direct = log.kind == "direct" and bool(journal.account)
            if stream.seq < end and (inside or direct):
                text = f"stands at {stream.seq}, {log} ends at {end}"
                self.breach("I9", f"{journal.name}: {text}")


def _unfounded(
    gap: Gapped, journal: Journal, log: Log, stays: list[list[int]]
) -> str | None:
    """What is wrong with a gap within one epoch."""
    if gap.reason == "withheld":
        # Who was put out while behind is told of the end alone; of a guest's stays we
        # know no more than the nicks.
        if not journal.account or any(last == gap.last + 1 for _, last in stays):
            return None
        met = any(gap.first <= last and first <= gap.last for first, last in stays)
        return "a member may read that" if met else None
    if log.kept and gap.last >= gap.first and gap.first <= len(log):
        return f"{log} has it"
    return None


def _fits(log: Log, run: Run) -> bool:
    """Whether a run's first entry is this log's."""
    seq, told = run.first, run.digests[0]
    return seq <= len(log) and told in (
        log.fingerprints[seq - 1],
        log.first_fingerprints.get(seq),
    )


def _is(log: Log, room: str) -> bool:
    return fold(log.name) == room
