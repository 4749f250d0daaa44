"""Lines of IRC: ``[@tags] [:source] COMMAND [parameters] [:trailing]``.

RFC 2812 section 2.3, Modern IRC "Message Format", IRCv3 "Message Tags".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

PARAMETERS = 15
"""At most; what follows the fourteenth is one."""
LINE_BYTES = 512
"""A line as it is sent, its end included, tags not."""

_ESCAPES = {";": r"\:", " ": r"\s", "\\": r"\\", "\r": r"\r", "\n": r"\n"}
_ESCAPE = str.maketrans(_ESCAPES)
_MEANS = {escape[1]: char for char, escape in _ESCAPES.items()}
_escaped = re.compile(r"\\(.?)", re.DOTALL)


def parse(line: str) -> tuple[str, list[str]]:
    """The command and its parameters; an empty command for an empty line. Tags and
    source are left out: a client's are not believed."""
    if line[:1] in "@: ":
        line = line.lstrip(" ")
        for mark in "@:":
            if line.startswith(mark):
                line = line.partition(" ")[2].lstrip(" ")
    head, colon, trailing = line.partition(" :")
    words = head.split(" ")
    if "" in words:
        words = [word for word in words if word]
    if not words:
        return "", []
    if len(words) > PARAMETERS:
        rest = " ".join(words[PARAMETERS:]) + colon + trailing
        return words[0], [*words[1:PARAMETERS], rest]
    if colon:
        words.append(trailing)
    return words[0], words[1:]


def compose(command: str, parameters: Sequence[str] = (), source: str = "") -> str:
    """The line, without its end, that ``parse`` takes apart again.

    :raises ValueError: if a parameter before the last can't stand there.
    """
    words = [f":{source}", command] if source else [command]
    for parameter in parameters[:-1]:
        if not parameter or parameter[0] == ":" or " " in parameter:
            raise ValueError(f"{parameter!r} can only be the last parameter")
        words.append(parameter)
    for last in parameters[-1:]:
        plain = last and last[0] != ":" and " " not in last
        words.append(last if plain else f":{last}")
    return " ".join(words)


# -- tags ---------------------------------------------------------------------


def _unescape(found: re.Match[str]) -> str:
    """A backslash that escapes nothing is dropped, also at the end."""
    return _MEANS.get(found[1], found[1])


def parse_tags(line: str) -> dict[str, str]:
    """The tags of a line; of one that is there twice the last counts."""
    if not line.startswith("@"):
        return {}
    tags = {}
    for tag in line[1:].partition(" ")[0].split(";"):
        key, _, value = tag.partition("=")
        if key:
            tags[key] = _escaped.sub(_unescape, value)
    return tags


def compose_tags(tags: Mapping[str, str]) -> str:
    """What stands in front of a line for these tags, empty for none."""
    if not tags:
        return ""
    written = [
        f"{key}={value.translate(_ESCAPE)}" if value else key
        for key, value in tags.items()
    ]
    return f"@{';'.join(written)} "


# -- messages -----------------------------------------------------------------


def message_lines(source: str, target: str, text: str, kind: str) -> bytes:
    """A message as PRIVMSG or NOTICE lines: one for each line of its text, and more
    where one does not fit 512 bytes. Nothing is cut off, no character is cut in two;
    only empty lines, which IRC can't say, are left out.
    """
    verb = "NOTICE" if kind == "notice" else "PRIVMSG"
    head = f":{source} {verb} {target} :".encode()
    before, after = (b"\1ACTION ", b"\1") if kind == "action" else (b"", b"")
    room = LINE_BYTES - 2 - len(head) - len(before) - len(after)
    pieces = [
        piece
        for line in text.split("\n")
        if line
        for piece in split(line.encode(), max(room, 4))
    ]
    return b"".join(
        [b"".join((head, before, piece, after, b"\r\n")) for piece in pieces]
    )


def split(text: bytes, room: int) -> list[bytes]:
    """UTF-8 in pieces of at most ``room`` bytes (4 or more), cut between characters."""
    pieces = []
    start, size = 0, len(text)
    while size - start > room:
        end = start + room
        while text[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(text[start:end])
        start = end
    pieces.append(text[start:])
    return pieces
