"""What a dialect is tried with: lines of its own table, and what no table has.

A dialect without lines is tried with frames that it made itself, whole, cut, changed
and glued together, and with bytes by chance."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise

from relaychat.session.dialect import Dialect
from relaychat.session.table import Row

ROOMS = ("#tea", "#milk")
NICKS = ("ann", "bob", "zed")
TEXTS = (
    "two lumps, please",
    "",
    " ",
    "x" * 400,
    "naïve ☕ \U0001f600 \u202e\u200b",
    "\x01\x02\x1b[31m\x7f",
    "a\rb",
    ":) <text...> [<room>]",
    "%s {0} \\n $(x)",
    "18446744073709551616",
    "-1",
    "NaN",
)
"""Each has been somebody's undoing."""
WORDS = {
    "room": ROOMS, "rooms": ROOMS, "channel": ROOMS, "target": ROOMS,
    "nick": NICKS, "name": NICKS, "user": NICKS, "who": NICKS,
}  # fmt: skip
"""What fits a parameter of this name."""


class Material:
    """Endless, and the same for the same seed."""

    def __init__(
        self,
        dialect: type[Dialect],
        chance: random.Random,
        learned: Sequence[bytes] = (),
    ) -> None:
        """``learned``: frames of the dialect, whichever way they went."""
        self._chance = chance
        self._rows = list(dialect.verbs.values())
        self._limit = dialect.line_limit
        self._text = dialect.text
        self._learned = [frame for frame in learned if frame]

    def stream(self, frames: int) -> bytes:
        """So many frames, or what looks like them, of which most are whole."""
        return b"".join(self.frame() for _ in range(frames))

    def frame(self) -> bytes:
        """One frame, or something in its place."""
        kinds = self._of_lines() if self._text else self._of_bytes()
        return self._chance.choice(kinds)()

    def row(self, row: Row) -> bytes:
        """A line of the table whose arguments fit the names of its parameters."""
        syntax = row.syntax
        count = self._chance.randint(syntax.required, len(syntax.names))
        given = [self.word(name) for name in syntax.names[:count]]
        return " ".join([syntax.word, *given]).encode()

    def word(self, name: str) -> str:
        """An argument."""
        if self._chance.random() < 0.9:
            fitting = WORDS.get(name, TEXTS)
        else:
            fitting = (*ROOMS, *NICKS, *TEXTS)
        return self._chance.choice(fitting)

    def noise(self, size: int) -> bytes:
        """Bytes by chance."""
        return self._chance.randbytes(size)

    # -- lines -------------------------------------------------------------------------

    def _of_lines(self) -> list[Callable[[], bytes]]:
        kinds = [self._learned_line] if self._learned else []
        kinds += [self._table_line] if self._rows else []
        return [*kinds * 4, self._wrong_line, self._bad_line, self._noise_line]

    def _table_line(self) -> bytes:
        return self.row(self._chance.choice(self._rows)) + self._end()

    def _learned_line(self) -> bytes:
        return self._chance.choice(self._learned).rstrip(b"\r\n") + self._end()

    def _wrong_line(self) -> bytes:
        """Too few arguments, too many, or another word."""
        words = self._chance.choice(["HELP", "NO", "", " ", *self._words()])
        given = [self._chance.choice(TEXTS) for _ in range(self._chance.randrange(6))]
        return " ".join([words, *given]).encode() + self._end()

    def _bad_line(self) -> bytes:
        """No UTF-8, a NUL, nothing, or more than a line may have."""
        bad = (
            b"\xff\xfe\x80",
            b"a\0b",
            b"",
            b"\r",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
        )
        long = b"y" * (self._limit + self._chance.randrange(-1, 3))
        word = self._chance.choice([b"", *[one.encode() for one in self._words()]])
        return word + b" " + self._chance.choice([*bad, long]) + self._end()

    def _noise_line(self) -> bytes:
        return self.noise(self._chance.randrange(60)).replace(b"\n", b"") + self._end()

    def _words(self) -> list[str]:
        return [row.syntax.word for row in self._rows]

    def _end(self) -> bytes:
        return self._chance.choice([b"\n", b"\r\n"])

    # -- frames of bytes ---------------------------------------------------------------

    def _of_bytes(self) -> list[Callable[[], bytes]]:
        if not self._learned:
            return [lambda: self.noise(self._chance.randrange(1, 80))]
        whole: list[Callable[[], bytes]] = [self._known] * 3
        return [*whole, self._changed, self._glued, self._cut, self._raw]

    def _known(self) -> bytes:
        return self._chance.choice(self._learned)

    def _raw(self) -> bytes:
        return self.noise(self._chance.randrange(1, 80))

    def _changed(self) -> bytes:
        frame = bytearray(self._known())
        for _ in range(self._chance.randrange(1, 4)):
            frame[self._chance.randrange(len(frame))] = self._chance.randrange(256)
        return bytes(frame)

    def _cut(self) -> bytes:
        frame = self._known()
        return frame[: self._chance.randrange(len(frame) + 1)]

    def _glued(self) -> bytes:
        return self._cut() + self._known()


def pieces(data: bytes, chance: random.Random) -> list[bytes]:
    """The same bytes in pieces."""
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(len(data) // 7))
    ends = [0, *cuts, len(data)]
    return [data[a:b] for a, b in pairwise(ends) if a < b]
