"""``relaychat ctl``: one question over the control socket, one answer.

The socket's owner may ask; the server checks who is at the other end. Nothing here
needs the reactor, so it answers at once.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from relaychat.client.cli import output
from relaychat.client.cli.run import CLOSED_OUTPUT, REFUSED, UNREACHABLE
from relaychat.client.cli.show import clean
from relaychat.client.speech import LineBuffer, Unknown, Unreadable, line, read
from relaychat.model import events
from relaychat.model.commands import (
    Call,
    Command,
    ListCalls,
    ListRooms,
    ListSessions,
    Reload,
    Status,
    Stop,
)
from relaychat.model.words import Word

ANSWER_S = 30.0
"""How long an answer may take; a password is hashed in it."""
UNHEALTHY = "the store keeps nothing, so all that is sent is refused; the log says why"
"""What ``ctl status`` says of a server that is not healthy."""

_encode = msgspec.json.Encoder().encode


def leave(code: int, text: str) -> None:
    """End the command with this code."""
    output.note(text)
    sys.exit(code)


class Control:
    """A connection to the control socket."""

    def __init__(self, path: Path) -> None:
        """Exits if there is no server, or none that lets us in."""
        self._lines = LineBuffer()
        self._read: list[bytes] = []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER_S)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            leave(UNREACHABLE, f"{path}: {error.strerror}; does the server run?")

    def ask(self, command: Command) -> Word:
        """The answer to a command. Exits if it was refused or does not come."""
        return self.accepted(self.try_to(command))

    def accepted(self, answer: Word) -> Word:
        """The same answer, if it is no refusal. Exits if it is one."""
        if isinstance(answer, events.Fault):
            leave(REFUSED, f"{answer.text} [{answer.code}]")
        return answer

    def try_to(self, command: Command) -> Word:
        """The answer to a command, or its refusal. Exits if none comes."""
        command = msgspec.structs.replace(command, id=1)
        try:
            self._socket.sendall(line(command))
            for word in self._words():
                refused = isinstance(word, events.Fault)
                if refused or (isinstance(word, events.Answer) and word.id == 1):
                    assert isinstance(word, Word)
                    return word
        except (OSError, Unreadable) as error:
            leave(UNREACHABLE, f"no answer: {error}")
        if isinstance(command, Stop):
            return events.Goodbye("shutting_down", "")
        leave(UNREACHABLE, "the server hung up")
        raise AssertionError("not reached")

    def _words(self) -> Iterator[Word | Unknown]:
        while data := self._socket.recv(65536):
            for raw in self._lines.feed(data):
                yield read(raw)


def show(lines: list[str]) -> None:
    """Write lines."""
    try:
        output.write("".join(f"{text}\n" for text in lines))
    except output.OutputClosed:
        sys.exit(CLOSED_OUTPUT)


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines of columns."""
    cleaned = [tuple(clean(cell) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cleaned, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cleaned
    ]


def entries(rows: list[msgspec.Struct]) -> list[str]:
    """Lines of JSON."""
    return [_encode(row).decode() for row in rows]


def status_rows(answer: events.StatusReport) -> list[tuple[str, str]]:
    """The counts, and in words whether the server is healthy."""
    fields = msgspec.to_builtins(answer)
    for name in ("type", "id", "factories"):
        fields.pop(name, None)
    fields["healthy"] = "yes" if answer.healthy else f"NO: {UNHEALTHY}"
    return [(name, str(value)) for name, value in fields.items()]


def show_status(path: Path, json: bool) -> None:
    """Counts of the whole server."""
    answer = Control(path).ask(Status())
    if json:
        show([_encode(answer).decode()])
        return
    assert isinstance(answer, events.StatusReport)
    show(table(status_rows(answer)))
    rows = [("factory", "connected", "connections", "bytes received", "bytes sent")]
    rows += [
        (
            one.name,
            str(one.connected),
            str(one.connections),
            str(one.received),
            str(one.sent),
        )
        for one in answer.factories
    ]
    if answer.factories:
        show(["", *table(rows)])


def show_rooms(path: Path, json: bool) -> None:
    """Every room, a page at a time."""
    control, after, rows = Control(path), "", [("room", "members", "events", "topic")]
    while True:
        answer = control.ask(ListRooms(after))
        assert isinstance(answer, events.RoomList)
        if json:
            show(entries(list(answer.rooms)))
        rows += [
            (one.room, str(one.members), str(one.seq), one.topic)
            for one in answer.rooms
        ]
        if not answer.more or not answer.rooms:
            break
        after = answer.rooms[-1].room
    if not json:
        show(table(rows))


def show_sessions(path: Path, json: bool) -> None:
    """Every session, a page at a time."""
    rows = [("nick", "account", "dialect", "from", "rooms", "connected")]
    control, after = Control(path), 0
    while True:
        answer = control.ask(ListSessions(after))
        assert isinstance(answer, events.SessionList)
        if json:
            show(entries(list(answer.sessions)))
        rows += _session_rows(answer.sessions)
        if not answer.more:
            break
        after = answer.sessions[-1].number
    if not json:
        show(table(rows))


def _session_rows(
    sessions: Iterable[events.SessionEntry],
) -> Iterator[tuple[str, str, str, str, str, str]]:
    for one in sessions:
        yield (
            one.nick,
            one.account or "-",
            one.dialect,
            one.peer,
            str(one.rooms),
            f"{one.connected_s} s",
        )


def stop_server(path: Path) -> None:
    """Stop the server cleanly."""
    Control(path).ask(Stop())
    output.note("the server stops")


def reload_server(path: Path) -> None:
    """Have the certificates read anew. Exits if one can't be used."""
    answer = Control(path).ask(Reload())
    assert isinstance(answer, events.Reloaded)
    show(list(answer.changed) or ["nothing has changed"])
    if answer.problems:
        leave(REFUSED, "\n".join(answer.problems))


def call_extension(path: Path, words: tuple[str, ...], json: bool) -> None:
    """What an extension of the server says to this."""
    answer = Control(path).ask(Call(words))
    assert isinstance(answer, events.Called)
    value = answer.value
    lines = [value] if isinstance(value, str) else value
    if json or not _is_lines(lines):
        show([_encode(value).decode()])
    else:
        show([clean(line) for line in lines])


def _is_lines(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(line, str) for line in value)


def list_calls(path: Path) -> list[tuple[str, str]]:
    """What the server's extensions can be called for, and what that does; nothing if
    the server does not run, or does not let us in."""
    if not path.exists():
        return []
    try:
        answer = Control(path).try_to(ListCalls())
    except SystemExit:
        return []
    if not isinstance(answer, events.CallList):
        return []
    return [(clean(one.syntax), clean(one.about)) for one in answer.calls]
