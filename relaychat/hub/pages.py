"""Pages of a log, and what stands in them for what may not be seen (H11, H17)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, cast

import msgspec

from relaychat.hub.limits import Limits
from relaychat.hub.state import Member, Room
from relaychat.hub.tail import Kept
from relaychat.model.commands import History
from relaychat.model.events import AnyLogEvent, Gap, LogEvent, Page, Withheld
from relaychat.store.api import Store

decode_event = msgspec.json.Decoder(AnyLogEvent).decode

Shown = AnyLogEvent | Withheld | Gap

PAGE_BYTES = Limits().page_bytes


class Span(NamedTuple):
    """Which entries: ``after < seq < before``, the first or the last ``limit``
    of them."""

    after: int
    before: int
    limit: int
    newest: bool


def wanted(command: History, room: Room) -> Span | None:
    """What a query asks for by seq, or None if it asks by time."""
    if command.since is not None or command.until is not None:
        return None
    end = room.seq + 1
    if command.around is not None:
        after = max(0, command.around - command.limit // 2 - 1)
        return Span(after, min(end, after + command.limit + 1), command.limit, False)
    after, before = command.after or 0, min(end, command.before or end)
    if command.after is None:
        after = max(after, before - command.limit - 1)
    return Span(after, before, command.limit, command.after is None)


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


def page_of(member: Member, command: History, span: Span, kept: Iterable[Kept]) -> Page:
    """The page of what memory holds."""
    inside = [
        (k.event, len(k.body)) for k in kept if span.after < k.event.seq < span.before
    ]
    return _page(member, command, span, inside)


def _page(
    member: Member, command: History, span: Span, inside: list[tuple[LogEvent, int]]
) -> Page:
    room = member.room
    chosen: list[LogEvent] = []
    size = 0
    for event, bytes_ in reversed(inside) if span.newest else inside:
        size += bytes_
        if chosen and (size > PAGE_BYTES or len(chosen) == span.limit):
            break
        chosen.append(event)
    if span.newest:
        chosen.reverse()
    if not chosen:
        return Page(room.name, room.epoch, (), id=command.id)
    more = chosen[0].seq > 1 if span.newest else chosen[-1].seq < span.before - 1
    events = cast(tuple[Shown, ...], tuple(shown_to(member, chosen)))
    return Page(room.name, room.epoch, events, more, id=command.id)


async def read_page(store: Store, member: Member, command: History) -> Page:
    """The page that a query asks for, from the log; from the ring of a room without
    one."""
    room = member.room
    if not room.logged:
        return _ring_page(member, command)
    span = wanted(command, room) or await _span_by_time(store, room, command)
    entries = await store.page(
        room.number, span.after, span.before, span.limit, span.newest
    )
    return _page(
        member, command, span, [(decode_event(e.body), len(e.body)) for e in entries]
    )


async def _span_by_time(store: Store, room: Room, command: History) -> Span:
    first = 1 if command.since is None else await store.seek(room.number, command.since)
    end = room.seq + 1
    if command.until is not None:
        end = min(end, await store.seek(room.number, command.until))
    return Span(first - 1, end, command.limit, command.since is None)


def _ring_page(member: Member, command: History) -> Page:
    """What a room without a log still holds, with a gap before it (H19)."""
    room, since, until = member.room, command.since or 0, command.until
    span = wanted(command, room) or Span(
        0, room.seq + 1, command.limit, command.since is None
    )
    inside = [
        (kept.event, len(kept.body))
        for kept in room.tail.entries
        if span.after < kept.event.seq < span.before
        and since <= kept.event.at
        and (until is None or kept.event.at < until)
    ]
    page = _page(member, command, span, inside)
    first = room.tail.first() or room.seq + 1
    if first <= span.after + 1:
        return page
    gap = Gap(room.name, span.after + 1, first - 1, "no_history", room.epoch)
    return msgspec.structs.replace(page, events=(gap, *page.events))
