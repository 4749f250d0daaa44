"""``relaychat chat``: a plain line mode, for a terminal and under a pipe.

A line is a message to the present room, or a command with a slash (``COMMANDS``). What
others say is written as it comes. At the end of the input it waits until all that was
said is in the log, then leaves.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from relaychat.client.cli import output
from relaychat.client.cli.missed import MOST, Missed
from relaychat.client.cli.run import Job
from relaychat.client.cli.screen import Screen, rewrites
from relaychat.client.cli.show import clean, json_line, where
from relaychat.client.cli.stdin import Input
from relaychat.client.cli.visit import Target, Visit, refusal
from relaychat.client.happenings import (
    Answered,
    Entered,
    Exited,
    Happening,
    Refused,
    Shown,
    Shut,
    Up,
)
from relaychat.client.pipe.lines import Lines
from relaychat.client.state import take_device
from relaychat.model import events
from relaychat.model.commands import (
    Command,
    History,
    Kind,
    ListMembers,
    ListRooms,
    Rename,
    Say,
    SetTopic,
    Who,
)
from relaychat.model.events import Fault
from relaychat.model.names import fold
from relaychat.model.words import Word

LINE_BYTES = 16 * 1024
"""A longer line goes as several messages."""
ANEW = "began anew, or was restored from a copy"


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
        self._topics: dict[str, str] = {}
        self._open_asks = 0
        self._leaving = False
        self._lines = Lines(LINE_BYTES)
        self._device = take_device(target.home)
        terminal = os.isatty(fd) and not json
        self._missed = Missed(reactor, target.home if terminal else None)
        self._screen = Screen(
            reactor, terminal, rewrites(fd), lambda error: self._visit.fail(error)
        )
        self._visit = Visit(
            reactor,
            target,
            self._device.secret,
            self._heard,
            everything=True,
            returning=self._missed.returning,
        )
        self._input = Input(reactor, fd, self._typed, self._typed_all)
        for room in rooms:
            self._join(room, key)
        self._missed.follow(self._visit.conversation, self._visit.fail)

    async def run(self) -> int:
        """Chat until the input ends, /quit or a signal."""
        self._visit.ready.addCallback(lambda _: self._input.go())
        try:
            return await self._visit.stay()
        finally:
            self._input.pause()
            self._device.close()
            self._screen.close()
            self._missed.close()

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
            self._shut(happening)
        elif isinstance(happening, Exited):
            self._missed.left(happening.room)
        elif isinstance(happening, Answered) and isinstance(happening.answer, Fault):
            output.note(str(refusal("/part", happening.answer)))
        if not isinstance(happening, (Shown, Entered)):
            self._check_end()

    def _show(self, event: Word, raw: bytes) -> None:
        if isinstance(event, events.TopicSet):
            self._topics[fold(event.room)] = event.text
        if not self._missed.shows(event):
            return
        if self._json:
            output.write(json_line(raw) + "\n")
        elif isinstance(event, events.Gap) and event.reason == "reset":
            # How far it is the log that was shown before, nobody can tell.
            word = f"{where(event, self._screen.direct)} {ANEW}"
            self._ask(word, History(event.room, before=event.last + 1, limit=MOST))
        else:
            me = fold(self._visit.conversation.nick)
            self._screen.show(event, fold(getattr(event, "sender", "")) == me)

    def _entered(self, room: events.RoomShown) -> None:
        new = self._missed.entered(room)
        if room.direct is not None:
            self._screen.direct[fold(room.room)] = room.direct
            if new:
                self._tell(f"@{room.direct}: {new}")
            return
        self._topics[fold(room.room)] = room.topic
        if fold(room.room) not in self._seen:
            self._seen.add(fold(room.room))
            count = room.members_total
            topic = f": {room.topic}" if room.topic else ""
            people = f"{count} member{'' if count == 1 else 's'}"
            behind = f" ({new})" if new else ""
            self._tell(f"in {room.room} with {people}{topic}{behind}")
        elif new:
            self._tell(f"in {room.room} again: {new}")
        if not self._room and self._visit.conversation.wants(room.room):
            self._turn_to(room.room)

    def _shut(self, happening: Shut) -> None:
        if not happening.fault.retry:  # Else the visit tells of it, and asks again.
            output.note(str(refusal(happening.room, happening.fault)))
            self._visit.conversation.leave(happening.room)
            self._left(happening.room)

    def _left(self, room: str) -> None:
        """Speak elsewhere, if we spoke there."""
        self._missed.left(room)
        self._seen.discard(fold(room))
        if fold(room) == fold(self._room):
            rooms = [one for one in self._visit.conversation.rooms if one[0] != "@"]
            self._turn_to(rooms[-1] if rooms else "")

    def _turn_to(self, room: str) -> None:
        self._room = room
        if room:
            self._tell(f"you speak in {room} now")

    def _tell(self, text: str) -> None:
        if not self._json:
            output.write(f"-- {clean(text)}\n")

    def _complain(self, text: str) -> None:
        if self._json:
            output.note(text)
        else:
            self._tell(text)

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
        self._screen.typed(text)
        if not text.startswith("/") or text.startswith("//"):
            self._say(text.removeprefix("/") if text.startswith("//") else text)
            return
        word, _, rest = text[1:].partition(" ")
        row = COMMANDS.get(word.lower())
        if row is None:
            self._complain(f"there is no /{word}; /help lists what there is")
        elif len(rest.split()) < row.words:
            self._complain(row.help)
        else:
            row.run(self, rest.strip())

    def _here(self) -> str:
        """Where one speaks; empty, and told so, for nowhere."""
        if not self._room:
            self._complain("you are in no room; /join #room first")
        return self._room

    def _say(self, text: str, kind: Kind = "text", room: str = "") -> None:
        room = room or self._here()
        if room:
            cid = self._device.next_cid()
            self._visit.conversation.send(Say(room, text, kind, cid=cid))

    def _join(self, room: str, key: str = "") -> None:
        conversation = self._visit.conversation
        if room.startswith("@") or conversation.wants(room):
            self._turn_to(room)
        else:
            self._room = room
            conversation.follow(room, key, self._missed.cursor(room))

    def _part(self, rest: str) -> None:
        room, reason = self._room, rest
        if rest[:1] in ("#", "@"):
            room, _, reason = rest.partition(" ")
        room = room or self._here()
        if self._visit.conversation.wants(room):
            self._visit.conversation.leave(room, reason)
        elif room != self._room:
            self._complain(f"you are not in {room}")
        self._left(room)

    def _message(self, rest: str) -> None:
        nick, _, text = rest.partition(" ")
        self._say(text, room=nick if nick[0] in "#@" else f"@{nick}")

    def _topic(self, text: str) -> None:
        room = self._here()
        if not text and room:
            topic = self._topics.get(fold(room))
            self._tell(f"the topic: {topic}" if topic else "there is no topic")
        elif room:
            self._ask("/topic", SetTopic(room, "" if text == "-" else text))

    def _names(self, room: str) -> None:
        room = room or self._here()
        if room:
            self._ask("/names", ListMembers(room))

    def _ask(self, word: str, command: Command) -> None:
        def answered(answer: Word) -> None:
            self._open_asks -= 1
            self._answer(word, answer)
            self._check_end()

        self._open_asks += 1
        self._visit.link.ask(command).addCallback(answered).addErrback(self._visit.fail)

    def _answer(self, word: str, answer: Word) -> None:
        if isinstance(answer, Fault):
            output.note(str(refusal(word, answer)))
        elif isinstance(answer, events.Page):
            self._tell(f"{word}: its latest entries" if answer.events else word)
            for event in answer.events:
                self._screen.show(event, False)
        elif self._json:
            output.write(json_line(msgspec.json.encode(answer)) + "\n")
        else:
            for text in _lines_of(answer):
                self._tell(text)
        if isinstance(answer, events.RoomList) and answer.more:
            self._ask(word, ListRooms(answer.rooms[-1].room))
        elif isinstance(answer, events.MemberList) and answer.more:
            self._ask(word, ListMembers(answer.room, answer.members[-1].nick))

    def _quit(self, reason: str) -> None:
        self._leaving = True
        self._visit.parting = reason
        self._input.pause()
        self._check_end()

    def _check_end(self) -> None:
        if (
            self._leaving
            and not self._open_asks
            and not self._visit.conversation.outbox
            and not self._visit.conversation.leaving
        ):
            self._visit.finish(0)

    def _help(self, rest: str) -> None:
        for row in COMMANDS.values():
            self._tell(row.help)


class Row(NamedTuple):
    """One slash command."""

    run: Callable[[Chat, str], None]
    help: str
    words: int = 0
    """How many it needs."""


COMMANDS: dict[str, Row] = {
    "join": Row(
        lambda chat, rest: chat._join(*rest.split(maxsplit=1)),
        "/join ROOM [KEY]: be in a room, and speak there",
        1,
    ),
    "part": Row(Chat._part, "/part [ROOM] [REASON]: leave a room"),
    "msg": Row(Chat._message, "/msg NICK TEXT: say something to one person", 2),
    "me": Row(lambda chat, rest: chat._say(rest, "action"), "/me TEXT: do it", 1),
    "nick": Row(
        lambda chat, rest: chat._ask("/nick", Rename(rest)),
        "/nick NICK: be called so",
        1,
    ),
    "topic": Row(Chat._topic, "/topic [TEXT]: show or set the room's; - removes it"),
    "names": Row(Chat._names, "/names [ROOM]: who is in a room"),
    "who": Row(
        lambda chat, rest: chat._ask("/who", Who(rest)), "/who NICK: about somebody", 1
    ),
    "rooms": Row(
        lambda chat, rest: chat._ask("/rooms", ListRooms()),
        "/rooms: what rooms there are",
    ),
    "help": Row(Chat._help, "/help: this list"),
    "quit": Row(Chat._quit, "/quit [REASON]: leave, once all you said is in the log"),
}
"""By word. A line that is to start with a slash is written with two."""


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
