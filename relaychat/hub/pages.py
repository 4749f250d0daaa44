"""Pages of a log, and what stands in them for what may not be seen (H11, H17)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, cast

import msgspec

from relaychat.hub.state import Member
from relaychat.hub.tail import Kept, decode_event
from relaychat.model.commands import History
from relaychat.model.events import AnyLogEvent, Gap, LogEvent, Page, Withheld
from relaychat.store.api import Store

Shown = AnyLogEvent | Withheld | Gap


class Span(NamedTuple):
    """Which entries: ``after < seq < before``, the first or the last ``limit``
    of them."""

    after: int
    before: int
    limit: int
    newest: bool


def by_time(command: History) -> bool:
    """Whether a query has bounds that only the log can turn into seqs."""
    return command.since is not None or command.until is not None


def span_of(command: History, after: int, before: int) -> Span:
    """Which of the entries between these, both exclusive, a query asks for."""
    limit = command.limit
    if command.around is not None:
        after = max(after, command.around - limit // 2 - 1)
        return Span(after, min(before, after + limit + 1), limit, False)
    newest = command.after is None and command.since is None
    after = max(after, command.after or 0)
    before = min(before, command.before or before)
    if newest:
        after = max(after, before - limit - 1)
    return Span(after, before, limit, newest)


def shown_to(
    member: Member, events: Iterable[LogEvent]
) -> list[LogEvent | Withheld | Gap]:
    """Events as this member may see them: hidden ones in a row become one Withheld."""
    if member.room.open_history:
        return list(events)
    shown: list[LogEvent | Withheld | Gap] = []
    for event in events:
        if member.may_read(event.seq):
            shown.append(event)
        elif shown and isinstance(shown[-1], Withheld):
            shown[-1] = Withheld(event.room, shown[-1].first, event.seq)
        else:
            shown.append(Withheld(event.room, event.seq, event.seq))
    return shown


Sized = tuple[LogEvent, int]
"""An entry, and the bytes of its body."""


def page_of(
    member: Member, command: History, span: Span, sized: Iterable[Sized], limit: int
) -> Page:
    """The page that a query asks for, out of entries that hold all of its span. At most
    ``limit`` bytes of bodies (H22)."""
    room = member.room
    chosen: list[LogEvent] = []
    inside = [one for one in sized if span.after < one[0].seq < span.before]
    size = 0
    for event, bytes_ in reversed(inside) if span.newest else inside:
        size += bytes_
        if chosen and (size > limit or len(chosen) == span.limit):
            break
        chosen.append(event)
    if span.newest:
        chosen.reverse()
    if not chosen:
        return Page(room.name, room.epoch, (), id=command.id)
    more = chosen[0].seq > 1 if span.newest else chosen[-1].seq < span.before - 1
    events = cast(tuple[Shown, ...], tuple(shown_to(member, chosen)))
    return Page(room.name, room.epoch, events, more, id=command.id)


def kept_sizes(kept: Iterable[Kept]) -> list[Sized]:
    """Entries that are in memory."""
    return [(one.event, len(one.body)) for one in kept]


async def read_page(
    store: Store, member: Member, command: History, end: int, limit: int
) -> Page:
    """The page that a query asks for, of what was there when it was decided (before
    ``end``): from the log, or from the ring of a room without one."""
    room = member.room
    if not room.logged:
        return ring_page(member, command, end, limit)
    first = 1
    if command.since is not None:
        first = await store.seek(room.number, command.since)
    if command.until is not None:
        end = min(end, await store.seek(room.number, command.until))
    span = span_of(command, first - 1, end)
    entries = await store.page(
        room.number, span.after, span.before, span.limit, span.newest
    )
    sized = [(decode_event(one.body), len(one.body)) for one in entries]
    return page_of(member, command, span, sized, limit)


def ring_page(member: Member, command: History, end: int, limit: int) -> Page:
    """What a room without a log still holds, behind a gap for what it forgot (H19)."""
    room = member.room
    after, before = 0, end
    for kept in room.tail.entries:
        if command.since is not None and kept.at < command.since:
            after = kept.seq
        if command.until is not None and kept.at >= command.until:
            before = min(before, kept.seq)
    span = span_of(command, after, before)
    page = page_of(member, command, span, kept_sizes(room.tail.entries), limit)
    first = room.tail.first() or end
    shown = first_seq(page)
    last = min(first, span.before) - 1
    if last <= span.after or (shown is not None and shown > first):
        return page
    gap = Gap(room.name, span.after + 1, last, "no_history", room.epoch)
    more = page.more and not span.newest
    return msgspec.structs.replace(page, events=(gap, *page.events), more=more)


def first_seq(page: Page) -> int | None:
    """The seq that a page begins with."""
    if not page.events:
        return None
    first = page.events[0]
    return first.seq if isinstance(first, LogEvent) else first.first
