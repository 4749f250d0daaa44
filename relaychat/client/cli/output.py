"""Where a command writes: results to stdout, notes about itself to stderr."""

from __future__ import annotations

import os
import sys

from relaychat.client.cli.show import clean

lines = 0
"""How many lines this process has written, to either."""


class OutputClosed(Exception):
    """Nobody reads what we write any more."""


def write(text: str) -> None:
    """Write a result and flush it. Raises OutputClosed."""
    global lines
    lines += text.count("\n")
    data = text.encode("utf-8", "backslashreplace")
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # What is left in the buffer would fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputClosed from None


def note(text: str) -> None:
    """Tell the user something about this program."""
    global lines
    lines += 1
    sys.stderr.write(f"relaychat: {clean(text)}\n")
    sys.stderr.flush()
