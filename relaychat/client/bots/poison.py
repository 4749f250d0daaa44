"""The line that a bot dies on, again and again.

A line that was given and not done comes again, so a line that a bot can't live through
would keep it from all others for ever. Who dies so often with the same oldest line is
spared it: the line is *set aside* into a file, as it was given, and counts as done.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from relaychat.client.cursor import Logged

_encode = msgspec.json.Encoder().encode


class PoisonLine:
    """See the module. It lives as long as the supervisor: a new one counts anew."""

    def __init__(self, path: Path, most: int) -> None:
        """``most`` deaths set a line aside into ``path``; 0: none ever is."""
        self.path = path
        self.deaths = 0
        """With the same line as the oldest; 0 when none is suspected."""
        self._most = most
        self._line = b""

    def died(self, event: Logged | None, worked: bool) -> bool:
        """The bot ended, had this left to be done as the oldest (None: nothing), and
        had ``worked``: done something. Whether the line is set aside now: then it is in
        the file. Raises OSError, and counts on, if it can't be written."""
        if event is None:  # How it dies without a line says nothing about one.
            if worked:
                self._line, self.deaths = b"", 0
            return False
        line = _encode(event) + b"\n"
        self.deaths = self.deaths + 1 if line == self._line else 1
        self._line = line
        if not self._most or self.deaths < self._most:
            return False
        with open(self.path, "ab", opener=_private) as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._line, self.deaths = b"", 0
        return True


def _private(path: str, flags: int) -> int:
    """What people say is not for everybody on this machine."""
    return os.open(path, flags, 0o600)
