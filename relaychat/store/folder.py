"""The folder of the data and files in it, there for good once they were made."""

from __future__ import annotations

import os
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make it if need be, for its owner alone; a folder that is there is left as it is.

    Its name and those of the folders above are synced, for a file that is synced is
    lost with a folder that is not. Those that are there already are no exception:
    whoever made them may not have come so far. Raises OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    device = folder.stat().st_dev
    for parent in folder.resolve().parents:
        if parent.stat().st_dev != device:
            return
        sync_folder(parent)


def put_file(path: Path, data: bytes) -> None:
    """A file for its owner alone, there whole or not at all. Raises OSError."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    fresh.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Sync the names in it, unless it may not be read: then it is not ours, either.
    Raises OSError."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
