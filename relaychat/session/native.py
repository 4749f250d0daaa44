"""The native dialect: JSON Lines, the words of ``model`` as they are.

A line is a command, an event or an answer; ``docs/protocol.md`` is the reference. A
line that is not understood is answered with an error that carries the ``id``, the
``type`` and the ``cid`` of what was asked, where those could be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Struct

from relaychat.model.commands import AnyCommand, Command, Hello
from relaychat.model.errors import BadSyntax, RelayError, UnknownCommand
from relaychat.model.events import Fault, UserQuit, UserRenamed
from relaychat.model.words import Word
from relaychat.session.dialect import Dialect
from relaychat.session.states import State

_decode: Callable[[bytes], Command] = msgspec.json.Decoder(AnyCommand).decode
_encode = msgspec.json.Encoder().encode

LINE_BYTES = 64 * 1024
"""A line. Room for a message of 32 KiB whatever JSON makes of it, and for a page."""
EXAMPLE = _encode(Hello("ann")).decode()


class Label(Struct):
    """What is read of a command that could not be."""

    type: Any = ""
    id: Any = None
    cid: Any = None


_label = msgspec.json.Decoder(Label).decode


def encode_word(word: Word) -> bytes:
    """The line of an event or an answer."""
    return _encode(word) + b"\n"


def decode_command(line: bytes) -> Command:
    """The command of a line. Raises BadSyntax, UnknownCommand."""
    try:
        return _decode(line)
    except msgspec.ValidationError as error:
        text = str(error)
        if text.startswith("Invalid value") and text.endswith("`$.type`"):
            raise UnknownCommand from None
        raise BadSyntax(text) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadSyntax("this is not JSON") from None


def label_of(line: bytes) -> Label | None:
    """What a line says of itself, or None if it is no JSON object."""
    try:
        label = _label(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    kind = label.type if isinstance(label.type, str) else ""
    known = isinstance(label.id, int | str) and not isinstance(label.id, bool)
    cid = label.cid if type(label.cid) is int and 0 < label.cid < 2**53 else None
    return Label(kind[:64], label.id if known else None, cid)


class Native(Dialect):
    """See the module."""

    name = "native"
    line_limit = LINE_BYTES

    def decode(self, frame: bytes) -> Iterable[Word]:
        """One command a line; an empty line says nothing."""
        if not frame.strip():
            return ()
        try:
            return (decode_command(frame),)
        except RelayError as error:
            return (self._unread(error, frame),)

    def _unread(self, error: RelayError, frame: bytes) -> Fault:
        label = label_of(frame)
        text = error.text
        if label is None:
            if self.session.state is State.NEW:
                # Perhaps a person at a terminal: one working line says more than a
                # page.
                text = f"this is not JSON; say for example {EXAMPLE}"
            return Fault(BadSyntax.code, text)
        return Fault(
            error.code,
            text,
            error.about,
            label.type,
            label.cid,
            error.retry,
            id=label.id,
        )

    def encode(self, event: Word) -> bytes:
        """A line of JSON. Of a quit or a rename the rooms' log events are shown
        (H14)."""
        kind = type(event)
        if kind is UserQuit or kind is UserRenamed:
            return b""
        return encode_word(event)
