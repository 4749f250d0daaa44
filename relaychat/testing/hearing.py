"""What was told on a wire without seqs, laid along the log (I10).

Plain IRC tells what happens in a room, in its order, from one's own JOIN on, but for
one's own messages. So each stay has to be a piece of the log, whole and in order.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import NamedTuple

from relaychat.testing.journal import Journal, Stay
from relaychat.testing.roomlog import Log


class _Match(NamedTuple):
    """How far a stay follows a log."""

    length: int
    """So many lines of it."""
    end: int = 0
    """The place in the log behind it; 0 if it does not follow."""
    why: str = ""


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
        elif goes_on and (missing := _missing(logs[0], start, journal)):
            yield "I9", f"{who}: was not told {missing} of {logs[0]}"


def _along(
    heard: array[int], log: Log, start: int, journal: Journal, latest: bool
) -> _Match:
    """The stay from the first place where it follows the log to its end, or from the
    latest: the same people may come in more than once."""
    best = _Match(0, 0, f"its first line is not in {log}, or not that late")
    places = _starts(heard[0], log, start)
    for place in reversed(places) if latest else places:
        if log.heard[place : place + len(heard)] == heard:
            return _Match(len(heard), place + len(heard))
        found = _from(heard, log, place, journal)
        if found.end:
            return found
        best = max(best, found, key=lambda one: one.length)
    return best


def _starts(told: int, log: Log, start: int) -> list[int]:
    """Where this line stands; if nowhere, where it may have stood and was blanked."""
    places = [at for at in range(start, len(log.heard)) if log.heard[at] == told]
    return places or [
        at for at, how in log.unsure.items() if how == "blanked" and at >= start
    ]


def _from(heard: array[int], log: Log, at: int, journal: Journal) -> _Match:
    there, unsure = log.heard, log.unsure
    for length, told in enumerate(heard):
        while at < len(there) and there[at] != told and _passable(log, at, journal):
            if unsure.get(at) == "blanked" and told not in there:
                break  # its text as it was, of which there may be several lines
            at += 1
        if at == len(there):
            return _Match(length, 0, f"line {length + 1} is not in {log}")
        if there[at] == told:
            at += 1
        elif unsure.get(at) != "blanked":
            place = log.heard_seqs[at]
            why = f"line {length + 1} is not what stands at {place} of {log}"
            return _Match(length, 0, why)
    return _Match(len(heard), at)


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
