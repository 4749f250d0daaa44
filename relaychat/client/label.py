"""What a device is called in its owner's list: the program, and the machine."""

from __future__ import annotations

from socket import gethostname

LABEL_CHARS = 100
"""As long as hello's ``client`` may be."""


def label(program: str, host: str = "") -> str:
    """``chat on thinkpad``: by it a person knows which device to revoke. ``host``: this
    machine's name, if it is empty. The domain is left out, and a program whose name is
    very long is cut, not the machine."""
    where = f" on {(host or gethostname()).partition('.')[0]}"[:LABEL_CHARS]
    return program[: LABEL_CHARS - len(where)] + where
