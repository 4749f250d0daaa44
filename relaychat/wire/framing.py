"""Cut a stream of bytes into lines (H30).

A line ends with LF or CR LF. One that is longer than the limit is skipped to its end,
and an error stands in its place; without a line end for 16 times the limit the stream
is broken. The frames are the same in whatever pieces the bytes come.
"""

from __future__ import annotations

from collections.abc import Sequence

from relaychat.model.errors import ProtocolBroken, RelayError, TooLong

BROKEN_AFTER = 16
"""Limits' worth of bytes without a line end, after which nobody waits for one."""


class LineFramer:
    """Sans-I/O: bytes in, lines out. Holds at most one line and never raises.

    ``limit_bytes`` counts a line without its end.
    """

    __slots__ = ("_partial", "_skipped", "broken", "limit_bytes")

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.broken = False
        """Nothing more will come out."""
        self._partial = bytearray()
        self._skipped = 0
        """Bytes of an over-long line that were dropped so far; 0 when in none."""

    @property
    def between(self) -> bool:
        """Whether it holds nothing: the next byte begins a line."""
        return not (self._partial or self._skipped)

    def feed(self, data: bytes) -> Sequence[bytes | RelayError]:
        """The lines that these bytes complete, in order. Instead of a line that is too
        long stands TooLong; ProtocolBroken is the last of all."""
        if self._skipped:
            return self._skip(data)
        if self._partial:
            if b"\n" not in data:
                # Collected in place, or a line that comes byte by byte would be copied
                # as often as it has bytes.
                self._partial += data
                if len(self._partial) <= self.limit_bytes:
                    return ()
                data = b""
            data = b"".join((self._partial, data))
            self._partial.clear()
        lines = data.replace(b"\r\n", b"\n").split(b"\n")
        if len(data) > self.limit_bytes < max(map(len, lines)):
            return self._feed_long(data)
        rest = lines.pop()
        if rest:
            self._partial = bytearray(rest)
        return lines

    def _feed_long(self, data: bytes) -> Sequence[bytes | RelayError]:
        """Feed from the start of a line, where some line may be too long."""
        frames: list[bytes | RelayError] = []
        *lines, rest = data.split(b"\n")
        for line in lines:
            frame = line.removesuffix(b"\r")
            if len(frame) <= self.limit_bytes:
                frames.append(frame)
                continue
            frames.append(self._too_long())
            if self._breaks(len(line)):
                frames.append(ProtocolBroken())
                return frames
        if len(rest.removesuffix(b"\r")) <= self.limit_bytes:
            self._partial = bytearray(rest)
            return frames
        frames.append(self._too_long())
        self._skipped = len(rest)
        if self._breaks(len(rest)):
            frames.append(ProtocolBroken())
        return frames

    def _skip(self, data: bytes) -> Sequence[bytes | RelayError]:
        """Feed from the middle of a line that is too long."""
        if self.broken:
            return ()
        end = data.find(b"\n")
        self._skipped += len(data) if end < 0 else end
        if self._breaks(self._skipped):
            return (ProtocolBroken(),)
        if end < 0:
            return ()
        self._skipped = 0
        return self.feed(data[end + 1 :])

    def _breaks(self, line_bytes: int) -> bool:
        """Whether a line of this length ends it all."""
        if line_bytes > BROKEN_AFTER * self.limit_bytes:
            self.broken = True
            self._skipped = line_bytes
        return self.broken

    def _too_long(self) -> TooLong:
        return TooLong(f"a line has at most {self.limit_bytes} bytes")
