"""The native dialect: JSON Lines, the words of ``model`` as they are.

A line is a command, an event or an answer; ``docs/protocol.md`` is the reference. A
line that is not understood is answered with an error that carries the ``id``, the
``type`` and the ``cid`` of what was asked, where those could be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from relaychat.model.accounts import AnyErrand
from relaychat.model.commands import AnyCommand, Command, Hello
from relaychat.model.errors import RelayError
from relaychat.model.events import Fault, UserQuit, UserRenamed
from relaychat.model.words import Word
from relaychat.session.dialect import Dialect
from relaychat.session.states import State
from relaychat.wire.jsonl import Decoder, encode

LINE_BYTES = 64 * 1024
"""A line. A message of 32 KiB fits, with all that JSON usually makes of it."""
EXAMPLE = encode(Hello("ann")).decode().strip()


class Label(Struct):
    """What is read of a command that could not be read as a whole."""

    type: Any = ""
    id: Any = None
    cid: Any = None


_commands: Decoder[Command] = Decoder(AnyCommand | AnyErrand)
_labels: Decoder[Label] = Decoder(Label)


def label_of(line: bytes) -> Label | None:
    """What a line says of itself, or None if it is no JSON object."""
    try:
        label = _labels.decode(line)
    except RelayError:
        return None
    kind, name, cid = label.type, label.id, label.cid
    known = (isinstance(name, str) and len(name) <= 64) or _is_count(name)
    return Label(
        kind[:64] if isinstance(kind, str) else "",
        name if known else None,
        cid if _is_count(cid) and cid > 0 else None,
    )


def _is_count(value: object) -> bool:
    return type(value) is int and abs(value) < 2**53


class Native(Dialect):
    """See the module."""

    name = "native"
    alpn = ("relaychat",)
    line_limit = LINE_BYTES
    line_end = "\n"

    def decode(self, frame: bytes) -> Sequence[Word]:
        """One command a line; an empty line says nothing."""
        if not frame.strip():
            return ()
        try:
            return (_commands.decode(frame),)
        except RelayError as error:
            return (self._unread(error, frame),)

    def _unread(self, error: RelayError, frame: bytes) -> Fault:
        label = label_of(frame)
        if label is not None:
            return Fault(
                error.code, error.text, error.about, label.type, label.cid, id=label.id
            )
        text = error.text
        if self.session.state is State.NEW:
            # Perhaps a person at a terminal: a line that works says more than a page.
            text = f"{text}; say for example {EXAMPLE}"
        return Fault(error.code, text)

    def encode(self, event: Word) -> bytes:
        """A line of JSON. Of a quit or a rename the rooms' log events are shown
        (H14)."""
        kind = type(event)
        if kind is UserQuit or kind is UserRenamed:
            return b""
        return encode(event)
