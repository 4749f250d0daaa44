"""Pages of history, held against the log (H11, H17, H22).

Who asks is shown what is there, in its order and without holes, as far as they may read
it, and nothing that was redacted before they asked.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from relaychat.client.cursor import Logged
from relaychat.model.commands import History
from relaychat.model.events import Custom, Edited, LogEvent, Page, Said, Withheld
from relaychat.testing.journal import Journal
from relaychat.testing.notes import fingerprint
from relaychat.testing.roomlog import Log
from relaychat.testing.simulation.disk import Disk
from relaychat.testing.truth import Truth

Wrong = tuple[str, str]
"""Which promise, and how it is broken."""


class Paged(NamedTuple):
    """A page, and what was asked when."""

    asked_us: int
    command: History
    page: Page


def wrong_pages(
    journal: Journal, pages: list[Paged], truth: Truth, disk: Disk, past_stays: int
) -> Iterator[Wrong]:
    """What is wrong with the pages that a client was shown. Of a member's former stays
    so many are remembered."""
    for paged in pages:
        number = disk.numbers.get(paged.page.epoch)
        log = truth.logs.get(number) if number is not None else None
        if number is None or log is None:
            yield "I2", f"{journal.name}: a page of no room: {paged.page}"
            continue
        blanked = disk.blanked_us.get(number, {})
        committed = bisect_right(disk.committed_us.get(number, []), paged.asked_us)
        for invariant, text in (
            *_misplaced(paged, committed),
            *_altered(paged, log, blanked),
            *_forbidden(paged.page, log, journal, past_stays),
        ):
            what = f"{journal.name} asked {paged.command} of {log}: {text}"
            yield invariant, what


def _misplaced(paged: Paged, committed: int) -> Iterator[Wrong]:
    """Holes, and what is not where the question points. ``committed``: how many entries
    there were when it was asked."""
    command, events = paged.command, paged.page.events
    next_ = _first(events[0]) if events else 1
    for event in events:
        if _first(event) != next_:
            yield "I5", f"{_first(event)} came where {next_} should"
        next_ = _last(event) + 1
    last = next_ - 1
    if command.around is not None:
        return
    if command.after is not None:
        expected = command.after + 1
        if committed >= expected and (not events or _first(events[0]) != expected):
            yield "I5", f"the page does not begin with {expected}"
    else:
        expected = min(committed, (command.before or committed + 1) - 1)
        if last < expected or (command.before is not None and last >= command.before):
            yield "I5", f"the page ends with {last}, not with {expected}"


def _altered(paged: Paged, log: Log, blanked: dict[int, int]) -> Iterator[Wrong]:
    """Entries that are not those of the log, or are told as they were before."""
    for event in paged.page.events:
        if not isinstance(event, LogEvent):
            continue
        seq, told = event.seq, fingerprint(msgspec.json.encode(event))
        if seq > len(log):
            yield "I2", f"was shown {seq}, and it ends at {len(log)}"
        elif told not in (log.fingerprints[seq - 1], log.first_fingerprints.get(seq)):
            yield "I2", f"{seq} was shown differently than it is"
        elif readable(event) and blanked.get(seq, paged.asked_us) < paged.asked_us:
            yield "I8", f"{seq} was redacted, and shown"


def readable(event: object) -> bool:
    """Whether it has a text that can be redacted."""
    return isinstance(event, Said | Edited | Custom) and not event.redacted


def _forbidden(
    page: Page, log: Log, journal: Journal, past_stays: int
) -> Iterator[Wrong]:
    """What somebody may not read, or may and is not shown."""
    if log.kind == "direct" or not log.retold.stays:
        return
    stays = log.retold.stays_of(journal.names)
    until = log.retold.open_until(stays)
    # Of a guest's stays we know no more than the nicks.
    known = bool(journal.account) and len(stays) <= past_stays
    for event in page.events:
        inside = any(
            first <= _last(event) and _first(event) <= last for first, last in stays
        )
        if isinstance(event, LogEvent) and event.seq > until and not inside:
            yield "I8", f"was shown {event.seq}, and was no member"
        if isinstance(event, Withheld) and inside and known:
            yield "I5", f"a member may read {event.first} to {event.last}"


def _first(event: Logged) -> int:
    return event.seq if isinstance(event, LogEvent) else event.first


def _last(event: Logged) -> int:
    return event.seq if isinstance(event, LogEvent) else event.last
