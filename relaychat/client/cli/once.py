"""``relaychat send`` and ``relaychat history``: connect, do one thing, leave."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.internet.defer import Deferred

from relaychat.client.cli import output
from relaychat.client.cli.run import REFUSED, Job, Trouble
from relaychat.client.cli.show import full_line, json_line
from relaychat.client.cli.visit import Target, Visit, refusal, shut
from relaychat.client.happenings import Entered, Happening, Kept, Refused, Shut
from relaychat.client.state import Device, take_device
from relaychat.model import events
from relaychat.model.commands import History, Kind, Say
from relaychat.model.errors import NotInRoom

PAGE = 500
"""Events that are asked for at a time."""

OUTSIDE = "only who is in a room may read it; with --join you go in, and it is told so"

_encode = msgspec.json.Encoder().encode

PASSING = (
    "only you, a guest, are in it: it closes with its last member, and its log ends"
)
"""What a guest is told who speaks where nobody else is. A member that has an account
stays one while away, and keeps the room."""


def send_job(
    target: Target,
    room: str,
    text: str,
    *,
    kind: Kind = "text",
    key: str = "",
    json: bool = False,
    timeout_s: float = 30,
) -> Job:
    """Send one message. The cid makes it harmless to resend it, so this goes on through
    lost connections until the server answers, or the time is over."""

    async def job(reactor: Any) -> int:
        with take_device(target.home) as device:
            return await _send(reactor, device)

    async def _send(reactor: Any, device: Device) -> int:
        alone = False

        def heard(happening: Happening) -> None:
            nonlocal alone
            if isinstance(happening, Shut) and not happening.fault.retry:
                visit.fail(shut(happening))
            elif isinstance(happening, Entered):
                alone = happening.room.members_total == 1
            elif isinstance(happening, Refused):
                visit.fail(refusal(room, happening.fault))
            elif isinstance(happening, Kept):
                welcome = visit.conversation.welcome
                if alone and welcome is not None and welcome.account is None:
                    output.note(f"{room}: {PASSING}")
                if json:
                    output.write(_encode(happening.done).decode() + "\n")
                visit.finish(0)

        visit = Visit(reactor, target, device.secret, heard)

        async def say() -> int:
            await visit.ready
            welcome = visit.conversation.welcome
            device.seen(welcome.cid if welcome is not None else 0)
            visit.conversation.send(Say(room, text, kind, cid=device.next_cid()))
            visit.link.flush()
            return await visit.over

        if not room.startswith("@"):
            visit.conversation.enter(room, key)
        visit.within(timeout_s)
        return await visit.stay(say)

    return job


def history_job(
    target: Target,
    room: str,
    *,
    join: bool = False,
    key: str = "",
    json: bool = False,
    limit: int = 100,
    before: int | None = None,
    after: int | None = None,
    since: int | None = None,
    until: int | None = None,
    timeout_s: float = 30,
) -> Job:
    """Write events of a room's log, oldest first; ``limit`` 0 for all of them.

    Members may read (H11). To look leaves no trace; ``join`` lets one in who is no
    member, and that the room does see.
    """

    async def job(reactor: Any) -> int:
        with take_device(target.home) as device:
            return await _history(reactor, device)

    async def _history(reactor: Any, device: Device) -> int:
        entered: Deferred[None] = Deferred()

        def heard(happening: Happening) -> None:
            if isinstance(happening, Shut) and not happening.fault.retry:
                visit.fail(shut(happening))
            elif isinstance(happening, Entered) and not entered.called:
                entered.callback(None)

        visit = Visit(reactor, target, device.secret, heard)
        asked = History(room, before, after, since=since, until=until)
        if limit == 0 and after is None and since is None:
            asked = msgspec.structs.replace(asked, after=0)

        async def read() -> int:
            await visit.ready
            if join and await _is_outside(visit, room):
                visit.conversation.enter(room, key)
                visit.link.flush()
                await entered
            pages = Pages(visit, asked, limit or sys.maxsize)
            await pages.all(lambda event: _write(event, json))
            return 0

        visit.within(timeout_s)
        return await visit.stay(read)

    return job


async def _is_outside(visit: Visit, room: str) -> bool:
    """Whether the log of a room is closed to us for not being in it."""
    answer = await visit.link.ask(History(room, limit=1))
    return isinstance(answer, events.Fault) and answer.code == NotInRoom.code


def _write(event: Any, json: bool) -> None:
    line = json_line(_encode(event)) if json else full_line(event, date=True)
    if line is not None:
        output.write(line + "\n")


class Pages:
    """A history that may be longer than one page, from its older end on."""

    def __init__(self, visit: Visit, query: History, limit: int) -> None:
        self._visit = visit
        self._query = query
        self._left = limit

    async def all(self, show: Callable[[Any], None]) -> None:
        """Show every event, oldest first. Raises Trouble."""
        if self._query.after is None and self._query.since is None:
            await self._latest(show)
        else:
            await self._onward(show)

    async def _page(self, query: History) -> events.Page:
        query = msgspec.structs.replace(query, limit=max(1, min(PAGE, self._left)))
        while True:
            answer = await self._visit.link.ask(query)
            if isinstance(answer, events.Page):
                return answer
            if not isinstance(answer, events.Fault):
                raise Trouble(1, "the server answered with something else")
            if answer.code == NotInRoom.code:
                raise Trouble(REFUSED, f"{query.room}: {OUTSIDE}")
            if answer.code != "lost":
                raise refusal(query.room, answer)
            await self._visit.link.up()

    async def _onward(self, show: Callable[[Any], None]) -> None:
        query = self._query
        while self._left > 0:
            page = await self._page(query)
            for event in page.events:
                show(event)
                self._left -= 1
            if not page.more or not page.events:
                return
            query = msgspec.structs.replace(query, after=last_seq(page), since=None)

    async def _latest(self, show: Callable[[Any], None]) -> None:
        query, pages = self._query, []
        while self._left > 0:
            page = await self._page(query)
            pages.append(page)
            self._left -= len(page.events)
            if not page.more or not page.events:
                break
            query = msgspec.structs.replace(query, before=first_seq(page))
        for page in reversed(pages):
            for event in page.events:
                show(event)


def last_seq(page: events.Page) -> int:
    """The seq up to which a page reaches."""
    last = page.events[-1]
    return last.last if isinstance(last, (events.Withheld, events.Gap)) else last.seq


def first_seq(page: events.Page) -> int:
    """The seq from which on a page reaches."""
    first = page.events[0]
    return (
        first.first if isinstance(first, (events.Withheld, events.Gap)) else first.seq
    )
