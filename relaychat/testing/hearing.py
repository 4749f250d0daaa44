"""What was told on a wire without seqs, laid along the log (I10).

Plain IRC tells what happens in a room, in its order, from one's own JOIN on, but for
one's own messages. So each stay has to be a piece of the log, whole and in order.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import NamedTuple

from relaychat.testing.journal import Journal, Stay
from relaychat.testing.notes import same_nick
from relaychat.testing.roomlog import Log


class _Match(NamedTuple):
    """How far a stay follows a log."""

    length: int
    """So many lines of it."""
    end: int = 0
    """The place in the log behind it, the first that it may be; 0 if it does not
    follow."""
    why: str = ""
    last: int = 0
    """The last place that it may be."""


def overheard(
    journal: Journal, room: str, stays: list[Stay], logs: list[Log], healed: bool
) -> Iterator[tuple[str, str]]:
    """The breaches in what a client has heard in a room: the invariant and what is
    wrong. ``logs`` are those that the room has had."""
    logs = sorted(logs, key=lambda log: log.number)
    start = 0
    for number, stay in enumerate(stays, 1):
        if not stay.heard or any(not log.kept for log in logs):
            continue
        who = f"{journal.name} in {room}, stay {number}"
        goes_on = healed and not stay.over and not journal.closed
        best = _Match(-1, 0, "there is no such log")
        for log in logs:
            after = start if log is logs[0] else 0
            found = _along(stay.heard, log, after, journal, goes_on)
            best = max(best, found, key=lambda one: (one.end > 0, one.length))
            if found.end:
                start, logs = found.end, logs[logs.index(log) :]
                break
        if not best.end:
            yield "I10", f"{who}: {best.why}"
        elif goes_on and (missing := _missing(logs[0], best.last, journal)):
            yield "I9", f"{who}: was not told {missing} of {logs[0]}"


def _along(
    heard: array[int], log: Log, start: int, journal: Journal, latest: bool
) -> _Match:
    """The stay from the first place where it follows the log to its end, or from the
    latest: the same people may come in more than once."""
    best = _Match(0, 0, f"its first line is not in {log}, or not that late")
    exact: Iterable[int] = _stands(heard[0], log, start)
    if latest:
        exact = reversed(list(exact))
    for place in chain(exact, _stood(heard[0], log, start)):
        if log.heard[place : place + len(heard)] == heard:
            end = place + len(heard)
            return _Match(len(heard), end, "", end)
        found = _from(heard, log, place, journal)
        if found.end:
            return found
        best = max(best, found, key=lambda one: one.length)
    return best


def _stands(told: int, log: Log, start: int) -> Iterator[int]:
    """Where this line stands."""
    with suppress(ValueError):
        while True:
            start = log.heard.index(told, start)
            yield start
            start += 1


def _stood(told: int, log: Log, start: int) -> Iterator[int]:
    """Where it may have stood before it was blanked."""
    return (at for at in log.unsure if at >= start and _blanked(told, log, at))


def _blanked(told: int, log: Log, at: int) -> bool:
    """Whether this line may have been one of a text that was blanked here since."""
    return log.unsure.get(at) == "blanked" and same_nick(told, log.heard[at])


def _from(heard: array[int], log: Log, start: int, journal: Journal) -> _Match:
    """The stay from this place on. Of a text that was blanked since, nobody knows any
    more in how many lines it was told; so there may be several places at once that a
    line leads to."""
    there, places = log.heard, {start}
    for length, told in enumerate(heard):
        after: set[int] = set()
        furthest = 0
        for place in places:
            for at in _ahead(log, place, journal):
                furthest = max(furthest, at)
                if at < len(there) and there[at] == told:
                    after.add(at + 1)
                if _blanked(told, log, at):
                    after.add(at)
        if not after:
            stands = "is not in" if furthest == len(there) else "is out of order in"
            seq = log.heard_seqs[min(furthest, len(there) - 1)]
            return _Match(length, 0, f"line {length + 1} {stands} {log}, near {seq}")
        places = after
    return _Match(len(heard), min(places), "", max(places))


def _ahead(log: Log, place: int, journal: Journal) -> Iterator[int]:
    """The places where the next line may stand: up to the first that can't be passed
    over."""
    yield place
    while place < len(log.heard) and _passable(log, place, journal):
        place += 1
        yield place


def _passable(log: Log, at: int, journal: Journal) -> bool:
    """Whether this client may have been told nothing of a line."""
    return at in log.unsure or log.senders[log.heard_seqs[at] - 1] in journal.nicks


def _missing(log: Log, start: int, journal: Journal) -> int:
    """The seq of a line behind this place that the client should have been told, or
    0."""
    for at in range(start, len(log.heard)):
        if not _passable(log, at, journal):
            return log.heard_seqs[at]
    return 0
