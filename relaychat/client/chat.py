"""``relaychat chat``: a plain line mode, for a terminal and under a pipe.

A line is a message to the present room, or a command with a slash (``COMMANDS``). What
others say is written as it comes. At the end of the input it waits until all that was
said is in the log, then leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from relaychat.client import output
from relaychat.client.happenings import (
    Entered,
    Happening,
    Kept,
    Refused,
    Shown,
    Shut,
    Up,
)
from relaychat.client.lines import Lines
from relaychat.client.run import Job
from relaychat.client.show import clean, full_line, json_line
from relaychat.client.state import take_device
from relaychat.client.stdin import Input
from relaychat.client.visit import Target, Visit, refusal
from relaychat.model import events
from relaychat.model.commands import (
    Command,
    Kind,
    ListMembers,
    ListRooms,
    Rename,
    Say,
    SetTopic,
    Who,
)
from relaychat.model.names import fold
from relaychat.model.words import Word

LINE_BYTES = 16 * 1024
"""A longer line goes as several messages."""


class Chat:
    """One run of the command."""

    def __init__(
        self,
        reactor: Any,
        target: Target,
        rooms: list[str],
        *,
        key: str = "",
        json: bool = False,
        fd: int = 0,
    ) -> None:
        """Raises StateError, Trouble."""
        self._json = json
        self._room = ""
        self._seen: set[str] = set()
        self._open_asks = 0
        self._leaving = False
        self._lines = Lines(LINE_BYTES)
        self._device = take_device(target.home)
        self._visit = Visit(
            reactor, target, self._device.secret, self._heard, everything=True
        )
        self._input = Input(reactor, fd, self._typed, self._typed_all)
        for room in rooms:
            self._join(room, key)

    async def run(self) -> int:
        """Chat until the input ends, /quit or a signal."""
        self._visit.ready.addCallback(lambda _: self._input.go())
        try:
            return await self._visit.stay()
        finally:
            self._input.pause()
            self._device.close()

    # -- from the server ---------------------------------------------------------------

    def _heard(self, happening: Happening) -> None:
        if isinstance(happening, Shown):
            self._show(happening.event, happening.raw)
        elif isinstance(happening, Up):
            self._device.seen(happening.welcome.cid)
            self._tell(
                f"you are {happening.welcome.nick} on {happening.welcome.server}"
            )
        elif isinstance(happening, Entered):
            self._entered(happening.room)
        elif isinstance(happening, Refused):
            output.note(str(refusal("not sent", happening.fault)))
        elif isinstance(happening, Shut):
            output.note(str(refusal(happening.room, happening.fault)))
            if not happening.fault.retry:
                self._visit.conversation.leave(happening.room)
        if isinstance(happening, (Kept, Refused, Shut)):
            self._check_end()

    def _show(self, event: Word, raw: bytes) -> None:
        if self._json:
            output.write(json_line(raw) + "\n")
            return
        text = full_line(event, room=True)
        if text is not None:
            output.write(text + "\n")

    def _entered(self, room: events.RoomShown) -> None:
        if fold(room.room) in self._seen:
            return
        self._seen.add(fold(room.room))
        if room.direct is None:
            topic = f": {room.topic}" if room.topic else ""
            self._tell(f"in {room.room} with {room.members_total} members{topic}")

    def _tell(self, text: str) -> None:
        if not self._json:
            output.write(f"-- {clean(text)}\n")

    # -- from the user -----------------------------------------------------------------

    def _typed(self, data: bytes) -> None:
        try:
            for text in self._lines.feed(data):
                self._line(text)
            self._visit.link.flush()
        except Exception as error:
            self._visit.fail(error)

    def _typed_all(self) -> None:
        for text in self._lines.end():
            self._line(text)
        self._visit.link.flush()
        self._quit("")

    def _line(self, text: str) -> None:
        if self._leaving or not text.strip():
            return
        if not text.startswith("/") or text.startswith("//"):
            self._say(text.removeprefix("/") if text.startswith("//") else text)
            return
        word, _, rest = text[1:].partition(" ")
        row = COMMANDS.get(word.lower())
        if row is None:
            self._tell(f"there is no /{word}; /help lists what there is")
            return
        row.run(self, rest.strip())

    def _say(self, text: str, kind: Kind = "text", room: str = "") -> None:
        room = room or self._room
        if not room:
            self._tell("you are in no room; /join #room first")
            return
        cid = self._device.next_cid()
        self._visit.conversation.send(Say(room, text, kind, cid=cid))

    def _join(self, room: str, key: str = "") -> None:
        self._room = room
        if not room.startswith("@"):
            self._visit.conversation.follow(room, key)

    def _part(self, rest: str) -> None:
        room, _, reason = rest.partition(" ")
        room = room or self._room
        self._seen.discard(fold(room))
        self._visit.conversation.leave(room, reason)
        if fold(room) == fold(self._room):
            rooms = [one for one in self._visit.conversation.rooms if one[0] != "@"]
            self._room = rooms[-1] if rooms else ""

    def _message(self, rest: str) -> None:
        nick, _, text = rest.partition(" ")
        if text:
            self._say(text, room=nick if nick[0] in "#@" else f"@{nick}")

    def _ask(self, command: Command) -> None:
        def answered(answer: Word) -> None:
            self._open_asks -= 1
            self._answer(command, answer)
            self._check_end()

        self._open_asks += 1
        self._visit.link.ask(command).addCallback(answered).addErrback(self._visit.fail)

    def _answer(self, command: Command, answer: Word) -> None:
        if isinstance(answer, events.Fault):
            output.note(str(refusal(f"/{_word_of(command)}", answer)))
        elif self._json:
            output.write(json_line(msgspec.json.encode(answer)) + "\n")
        else:
            for text in _lines_of(answer):
                self._tell(text)
        more = isinstance(answer, (events.RoomList, events.MemberList)) and answer.more
        if more and isinstance(answer, events.RoomList):
            self._ask(ListRooms(answer.rooms[-1].room))
        elif more and isinstance(answer, events.MemberList):
            self._ask(ListMembers(answer.room, answer.members[-1].nick))

    def _quit(self, reason: str) -> None:
        self._leaving = True
        self._input.pause()
        self._check_end()

    def _check_end(self) -> None:
        if (
            self._leaving
            and not self._open_asks
            and not self._visit.conversation.outbox
        ):
            self._visit.finish(0)

    def _help(self, rest: str) -> None:
        for row in COMMANDS.values():
            self._tell(row.help)


class Row(NamedTuple):
    """One slash command."""

    run: Callable[[Chat, str], None]
    help: str


def _join_row(chat: Chat, rest: str) -> None:
    room, _, key = rest.partition(" ")
    if room:
        chat._join(room, key)


COMMANDS: dict[str, Row] = {
    "join": Row(_join_row, "/join ROOM [KEY]: be in a room, and speak there"),
    "part": Row(Chat._part, "/part [ROOM [REASON]]: leave a room"),
    "msg": Row(Chat._message, "/msg NICK TEXT: say something to one person"),
    "me": Row(lambda chat, rest: chat._say(rest, "action"), "/me TEXT: do something"),
    "nick": Row(lambda chat, rest: chat._ask(Rename(rest)), "/nick NICK: be called so"),
    "topic": Row(
        lambda chat, rest: chat._ask(SetTopic(chat._room, rest)),
        "/topic TEXT: set the room's topic",
    ),
    "names": Row(
        lambda chat, rest: chat._ask(ListMembers(rest or chat._room)),
        "/names [ROOM]: who is in a room",
    ),
    "who": Row(lambda chat, rest: chat._ask(Who(rest)), "/who NICK: about somebody"),
    "rooms": Row(
        lambda chat, rest: chat._ask(ListRooms()), "/rooms: what rooms there are"
    ),
    "help": Row(Chat._help, "/help: this list"),
    "quit": Row(Chat._quit, "/quit: leave, once all you said is in the log"),
}
"""By word. A line that is to start with a slash is written with two."""


def _word_of(command: Command) -> str:
    return str(command.__struct_config__.tag)


def _lines_of(answer: Word) -> list[str]:
    if isinstance(answer, events.RoomList):
        return [
            f"{one.room} ({one.members}) {one.topic}".rstrip() for one in answer.rooms
        ]
    if isinstance(answer, events.MemberList):
        return [f"{one.nick} ({one.role})" for one in answer.members]
    if isinstance(answer, events.WhoIs):
        state = "online" if answer.online else "offline"
        if answer.away:
            state = f"away: {answer.away}"
        account = f", account {answer.account}" if answer.account else ""
        return [
            f"{answer.nick} is {state}{account}; in {' '.join(answer.rooms) or 'none'}"
        ]
    return []


def chat_job(target: Target, rooms: list[str], **options: Any) -> Job:
    """The job of ``relaychat chat``."""

    async def job(reactor: Any) -> int:
        return await Chat(reactor, target, rooms, **options).run()

    return job
