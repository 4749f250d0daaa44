"""Lines of bytes become messages, one a line, with as little loss as can be.

A message is UTF-8 text without NUL and CR, and never empty; a line of a log file may be
anything. So:

- the line's end is LF or CR LF, and is not part of the message; a last line without an
  end is a line;
- an empty line is a message of one space, so that lines and messages count alike;
- what a message can't hold (bytes that are not UTF-8, NUL, a CR inside the line) is
  written as ``\\xNN``, as Python and many log viewers do;
- a line longer than the limit goes as several messages, each but the last as full as
  characters allow. The limit is counted in bytes of the JSON that carries the text, so
  a full message also fits a native line.

The result depends on the bytes and the limit alone, never on how the bytes arrived: a
line of a file has the same number at every run.
"""

from __future__ import annotations

from collections.abc import Iterator

EMPTY = " "
"""The message of an empty line."""

_QUOTE = {0x00: "\\x00", 0x0D: "\\x0d"}
_SHORT = frozenset('"\\\b\f\n\t')  # JSON writes these with one more character


def to_text(raw: bytes) -> str:
    """The text of a line or a part of one, without what a message can't hold."""
    text = raw.decode("utf-8", "backslashreplace")
    if "\x00" in text or "\r" in text:
        text = text.translate(_QUOTE)
    return text


def json_bytes(char: str) -> int:
    """How many bytes JSON takes for a character."""
    if char < " ":
        return 2 if char in _SHORT else 6
    if char in _SHORT:
        return 2
    return len(char.encode())


def cut(text: str, limit: int) -> Iterator[str]:
    """The text in pieces of at most ``limit`` bytes of JSON each."""
    if len(text) * 6 <= limit:  # no character takes more
        yield text
        return
    start = size = 0
    for index, char in enumerate(text):
        more = json_bytes(char)
        if size + more > limit:
            yield text[start:index]
            start, size = index, 0
        size += more
    yield text[start:]


def _boundary(raw: bytes, end: int) -> int:
    """The last place at or before ``end`` that does not cut a UTF-8 character."""
    for place in range(end, max(0, end - 4), -1):
        if raw[place] & 0xC0 != 0x80:
            return place
    return end


class Lines:
    """Splits a stream into messages, holding at most one limit of it."""

    def __init__(self, limit: int) -> None:
        if limit < 16:
            raise ValueError("a message limit below 16 bytes")
        self.limit = limit
        self._held = b""
        self._inside = False
        """Whether a part of the present line went out already."""

    def feed(self, data: bytes) -> list[str]:
        """The messages that these bytes complete."""
        found: list[str] = []
        *whole, rest = (self._held + data).split(b"\n")
        for raw in whole:
            found += self._line(raw[:-1] if raw.endswith(b"\r") else raw)
        self._held = self._cut_rest(rest, found)
        return found

    def end(self) -> list[str]:
        """The last line, if it had no end."""
        raw, self._held = self._held, b""
        return self._line(raw) if raw else []

    def _line(self, raw: bytes) -> list[str]:
        found: list[str] = []
        raw = self._cut_long(raw, found, 0)
        if raw or not (found or self._inside):
            found += cut(to_text(raw), self.limit) if raw else (EMPTY,)
        self._inside = False
        return found

    def _cut_rest(self, raw: bytes, found: list[str]) -> bytes:
        # A CR may be the first half of the line's end, so it waits for what follows.
        return self._cut_long(raw, found, 1)

    def _cut_long(self, raw: bytes, found: list[str], spare: int) -> bytes:
        while len(raw) > self.limit + spare:
            place = _boundary(raw, self.limit) or self.limit
            found += cut(to_text(raw[:place]), self.limit)
            raw = raw[place:]
            self._inside = True
        return raw
