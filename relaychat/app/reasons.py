"""Why the system did not do something, in words for who runs the relay."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from twisted.internet.error import CannotListenError


def reason_of(error: BaseException, place: str = "") -> str:
    """What went wrong, with the file or the address that it is about; ``place`` is what
    the system speaks of where it names no file."""
    if isinstance(error, CannotListenError):
        where = error.port if error.interface is None else _address(error)
        return f"{where}: {_words(error.socketError)}"
    if isinstance(error, OSError) and (about := error.filename or place):
        return f"{about}: {_words(error)}"
    return _words(error)


def _address(error: CannotListenError) -> str:
    return f"{error.interface or 'any address'}, port {error.port}"


def _words(error: object) -> str:
    text = error.strerror if isinstance(error, OSError) else None
    return text or str(error)


def folder_problem(folder: Path) -> str:
    """Why nothing can be kept in a folder, which may have to be made; empty if it
    can."""
    there = folder.absolute()
    while not os.path.lexists(there):
        there = there.parent
    if not there.is_dir():
        return f"{there}: {os.strerror(errno.ENOTDIR)}"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"{there}: {os.strerror(errno.EACCES)}"
    return ""


def file_problem(file: Path) -> str:
    """Why a file can't be appended to, or made in its folder; empty if it can."""
    there = file if file.exists() else file.parent
    if not there.exists():
        return f"{file}: {os.strerror(errno.ENOENT)}"
    if not os.access(there, os.W_OK):
        return f"{file}: {os.strerror(errno.EACCES)}"
    return ""
