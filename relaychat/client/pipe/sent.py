"""Which files ``pipe`` has sent to their end: a file is sent once, and what is added to
it later is sent then.

``pipe-sent.json`` in the state folder, 0600, holds the latest ones by room and input.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from relaychat.client.pipe.stream import Proof
from relaychat.client.state import Lock, StateError, replace
from relaychat.model.names import fold

MOST = 1000
"""Files that are remembered; about 200 bytes each."""


class Sent(msgspec.Struct, frozen=True):
    """A file as it was when all of it was in the log."""

    epoch: str
    """Of the room: another life of it has nothing of the file."""
    piece_bytes: int
    """The longest message."""
    lines: Proof
    """Of the messages of all lines that had an end."""
    all: Proof
    """The same, and of the last line, which had none."""


class SentFiles:
    """The files that were sent from one state folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "pipe-sent.json"
        self._lock = folder / "pipe.lock"

    def of(self, room: str, source: str) -> Sent | None:
        """What was sent of an input to a room. Raises StateError."""
        return self._read().get(_key(room, source))

    def put(self, room: str, source: str, sent: Sent) -> None:
        """Remember what was sent. Raises StateError."""
        lock = Lock(self._lock, wait=True)
        try:
            known = self._read()
            known.pop(_key(room, source), None)
            known[_key(room, source)] = sent
            latest = dict(list(known.items())[-MOST:])
            replace(self._path, msgspec.json.encode(latest), durable=True)
        finally:
            lock.release()

    def _read(self) -> dict[str, Sent]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Sent])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError) as error:
            raise StateError(f"{self._path}: {error}") from None


def _key(room: str, source: str) -> str:
    return f"{fold(room)} {source}"
