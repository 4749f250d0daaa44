"""What a client installation remembers, in a folder of the user's own.

::

    $XDG_STATE_HOME/relaychat/          (or --state, or $RELAYCHAT_STATE); mode 0700
      tcp_127.0.0.1_7600/ann/           one folder a server and nick
        device-0.json                   a device: its secret and its next cid; 0600
        pipe-0.db                       a stream of ``pipe`` (see ``stream``); 0600

A device is held by one process at a time, for a second session of the same device would
end the first (H16). The next process takes the next device, and finds the first one
again when it is free: so there are as many devices as were ever used at once.

Cids rise over all runs, also after ``kill -9``: a block of them is written off durably
before the first of it is used.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
from pathlib import Path
from types import TracebackType

import msgspec

from relaychat.model.commands import Cursor
from relaychat.model.names import fold

CID_BLOCK = 64
"""Cids written off with one fsync; what a run does not use of them is skipped."""


class StateError(Exception):
    """The state folder, or a file in it, can't be used."""


class Held(Exception):
    """Another process has it."""


def state_root(option: str | None, environ: dict[str, str]) -> Path:
    """Where state lives: the option, $RELAYCHAT_STATE, or the XDG state folder."""
    if option or environ.get("RELAYCHAT_STATE"):
        return Path(option or environ["RELAYCHAT_STATE"])
    base = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):  # the specification says to ignore a relative one
        base = os.path.join(
            environ.get("HOME") or os.path.expanduser("~"), ".local/state"
        )
    return Path(base) / "relaychat"


def slug(name: str) -> str:
    """A name as a file name: readable where it can be, and never the same for two."""
    plain = re.sub(r"[^A-Za-z0-9.-]", lambda found: _slug_char(found[0]), name)
    return plain if plain.strip(".") else f"_{plain}"


def _slug_char(char: str) -> str:
    return "_" if char in ":/" else "".join(f"%{byte:02x}" for byte in char.encode())


def home(root: Path, server: str, nick: str) -> Path:
    """The folder of one server and nick, made if need be. Raises StateError."""
    folder = root / slug(server) / slug(fold(nick))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"{folder}: {error.strerror}") from None
    return folder


def agent_socket(root: Path, server: str, nick: str) -> Path:
    """Where the agent of one server and nick serves local programs: a short path."""
    name = f"{server}\0{fold(nick)}".encode()
    return root / f"agent-{hashlib.blake2b(name, digest_size=6).hexdigest()}.sock"


def replace(path: Path, data: bytes, durable: bool) -> None:
    """Put new contents into a file, whole or not at all; 0600.

    ``durable``: it also survives the loss of power. Raises StateError.
    """
    fresh = path.with_name(path.name + ".new")
    try:
        with open(
            os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"
        ) as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(fresh, path)
        if durable:
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from None


class Lock:
    """A lock that its holder's death releases. Raises Held unless it waits,
    StateError."""

    def __init__(self, path: Path, wait: bool = False) -> None:
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateError(f"{path}: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            os.close(self._file)
            raise Held(str(path)) from None

    def release(self) -> None:
        """Let others have it. Harmless when it was done before."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class _DeviceFile(msgspec.Struct):
    secret: str
    next: int = 1


def new_secret() -> str:
    """A device secret: 128 unpredictable bits, 32 hexadecimal digits (H16)."""
    return secrets.token_hex(16)


class Device:
    """One device of this installation, held until ``close``."""

    def __init__(self, path: Path) -> None:
        """Raises Held, StateError."""
        self._path = path
        self._lock = Lock(path.with_suffix(".lock"))
        try:
            self._kept = msgspec.json.decode(path.read_bytes(), type=_DeviceFile)
        except FileNotFoundError:
            self._kept = _DeviceFile(new_secret())
            self._save()
        except (OSError, msgspec.MsgspecError) as error:
            self._lock.release()
            raise StateError(f"{path}: {error}") from None
        self.secret = self._kept.secret
        self._next = self._kept.next

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def seen(self, high: int) -> None:
        """The server holds a cid this high, so the next one is higher."""
        self._next = max(self._next, high + 1)

    def next_cid(self) -> int:
        """A cid higher than all before, of this run and of earlier ones."""
        cid, self._next = self._next, self._next + 1
        if self._next > self._kept.next:
            self._kept.next = self._next + CID_BLOCK
            self._save()
        return cid

    def close(self) -> None:
        """Let another process have the device."""
        self._lock.release()

    def _save(self) -> None:
        replace(self._path, msgspec.json.encode(self._kept), durable=True)


def take_device(folder: Path) -> Device:
    """The first device of a folder that nobody holds. Raises StateError."""
    number = 0
    while True:
        try:
            return Device(folder / f"device-{number}.json")
        except Held:
            number += 1


class CursorFile:
    """Cursors by room, in a file that ``tail --cursor`` and ``chat`` go on from.

    Written after what it stands for was written out: so after ``kill -9`` the last few
    events may come once more, and none is missing.
    """

    def __init__(self, path: Path) -> None:
        """Raises StateError if it is there and can't be read."""
        self.path = path
        self.cursors: dict[str, Cursor] = {}
        self.new = not path.exists()
        """Nothing was ever remembered in it."""
        try:
            data = path.read_bytes()
            self.cursors = msgspec.json.decode(data, type=dict[str, Cursor])
        except FileNotFoundError:
            return
        except (OSError, msgspec.MsgspecError) as error:
            raise StateError(f"{path}: {error}") from None

    def get(self, room: str) -> Cursor | None:
        """Where a room was left."""
        folded = fold(room)
        return next(
            (one for name, one in self.cursors.items() if fold(name) == folded), None
        )

    def put(self, room: str, cursor: Cursor) -> None:
        """Remember where a room is left. Raises StateError."""
        if self.cursors.get(room) != cursor:
            self.cursors[room] = cursor
            replace(self.path, msgspec.json.encode(self.cursors), durable=False)

    def keep(self, cursors: dict[str, Cursor]) -> None:
        """Remember these and no others. Raises StateError."""
        if self.new or self.cursors != cursors:
            self.cursors, self.new = cursors, False
            replace(self.path, msgspec.json.encode(self.cursors), durable=False)
