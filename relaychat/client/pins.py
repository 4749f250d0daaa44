"""Servers that are trusted by their certificates' fingerprints: ``pins.json`` in the
state folder, for all nicks and commands of one user.

A pin is made when somebody says so (``relaychat trust``, or ``--trust-new`` at the
first visit), and never changes by itself: a server that shows another certificate is
refused.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from relaychat.client.state import Lock, StateError, replace


class Pin(msgspec.Struct, frozen=True):
    """A fingerprint (SHA-256, ``AB:CD:…``), and the day (UTC) from which it counts."""

    fingerprint: str
    since: str


class Pins:
    """The pins of one state folder, by ``HOST:PORT``."""

    def __init__(self, root: Path) -> None:
        self._path = root / "pins.json"

    def all(self) -> dict[str, Pin]:
        """All of them. Raises StateError."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Pin])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError) as error:
            raise StateError(f"{self._path}: {error}") from None

    def get(self, place: str) -> Pin | None:
        """The pin of a place. Raises StateError."""
        return self.all().get(place)

    def put(self, place: str, fingerprint: str) -> None:
        """Trust this certificate there, and no other. Raises StateError."""
        with self._changed() as pins:
            since = time.strftime("%Y-%m-%d", time.gmtime())
            pins[place] = Pin(fingerprint, since)

    def drop(self, place: str) -> bool:
        """Forget a pin; whether there was one. Raises StateError."""
        with self._changed() as pins:
            return pins.pop(place, None) is not None

    @contextmanager
    def _changed(self) -> Iterator[dict[str, Pin]]:
        folder = self._path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(f"{folder}: {error.strerror}") from None
        lock = Lock(self._path.with_suffix(".lock"), wait=True)
        try:
            pins = self.all()
            yield pins
            replace(self._path, msgspec.json.encode(pins), durable=True)
        finally:
            lock.release()
