"""``relaychat backup`` and ``relaychat restore``: a proved copy of all that a relay
keeps, taken while it runs, and a relay that goes on from one.

A restored log may lack what was said after the copy was made. Its rooms go on under new
epochs, so a client that has read further is told of a gap (``reset``), and never takes
new messages for those that it knows.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import click
import msgspec

from relaychat.app.verify import DATABASE, examine
from relaychat.client.cli.options import data_folder
from relaychat.client.cli.output import note
from relaychat.client.cli.run import LOCAL, REFUSED
from relaychat.hub.records import RoomRecord
from relaychat.store.api import StoreBroken, StoreLocked
from relaychat.store.copies import copy_database
from relaychat.store.folder import make_folder, sync_folder
from relaychat.store.lock import DataLock
from relaychat.store.schema import open_reader

ASIDE = ".before-restore"
EPOCH_BYTES = 8


class Unsound(Exception):
    """A copy that is not what was written. The text names the faults."""


def _proved(copy: sqlite3.Connection) -> str:
    """How much was proved of it. Raises Unsound."""
    faults, told = examine(copy)
    if faults:
        raise Unsound("\n".join([*faults, told]))
    return told


def back_up(source: Path, target: Path) -> str:
    """Copy a database, and prove the copy. Returns how much was proved.

    Raises Unsound, sqlite3.Error, OSError.
    """
    told: list[str] = []
    if not source.exists():
        raise FileNotFoundError(f"{source}: there is no such file")
    if target.exists():
        raise FileExistsError(f"{target} is there already")
    with closing(open_reader(source)) as connection:
        copy_database(connection, target, lambda copy: told.append(_proved(copy)))
    return told[0]


def restore_from(source: Path, target: Path) -> str:
    """Lay a proved copy where a relay will look for its database, with new epochs.

    What lies there is kept beside it. Returns how much was proved.

    Raises Unsound, StoreLocked, sqlite3.Error, OSError.
    """
    told: list[str] = []

    def finish(copy: sqlite3.Connection) -> None:
        told.append(_proved(copy))
        renew_epochs(copy)

    if not source.exists():
        raise FileNotFoundError(f"{source}: there is no such file")
    make_folder(target.parent)
    lock_file = target.with_name(target.name + ".lock")
    lock = DataLock(lock_file)
    lock.take()
    try:
        fresh = target.with_name(target.name + ".restored")
        with closing(open_reader(source)) as connection:
            copy_database(connection, fresh, finish)
        _lay_aside(target)
        fresh.rename(target)
        _hand_over(target, lock_file)
        sync_folder(target.parent)
    finally:
        lock.drop()
    return told[0]


def renew_epochs(database: sqlite3.Connection) -> None:
    """Give every open room a new epoch. Raises Unsound, sqlite3.Error."""
    database.execute("BEGIN")
    sql = "SELECT key, body FROM record WHERE kind = 'room'"
    for key, body in database.execute(sql).fetchall():
        try:
            room = msgspec.json.decode(body, type=RoomRecord)
        except msgspec.MsgspecError as error:
            why = f"the record of room {key} can't be read: {error}"
            raise Unsound(why) from None
        room.epoch = os.urandom(EPOCH_BYTES).hex()
        database.execute(
            "UPDATE record SET body = ? WHERE kind = 'room' AND key = ?",
            (msgspec.json.encode(room), key),
        )
    database.execute("COMMIT")


def _hand_over(*files: Path) -> None:
    """Give what root has made in a folder to the folder's owner, who runs the relay."""
    if os.geteuid() == 0:
        for file in files:
            folder = file.parent.stat()
            os.chown(file, folder.st_uid, folder.st_gid)


def _lay_aside(database: Path) -> None:
    """Keep a database under another name, with what SQLite has beside it."""
    for beside in ("-wal", "-shm", ""):
        there = database.with_name(database.name + beside)
        if there.exists():
            there.rename(database.with_name(database.name + ASIDE + beside))


@click.command(short_help="Copy all that the server keeps, while it runs.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@data_folder
def backup(file: Path, data: Path) -> None:
    """Copy all that the server keeps into FILE, and prove the copy.

    The server may run meanwhile. The exit code is 1 if the copy is not sound, and 4 if
    it can't be made; in both cases there is no FILE.
    """
    try:
        told = back_up(data / DATABASE, file)
    except Unsound as error:
        _end(REFUSED, str(error))
    except (sqlite3.Error, OSError) as error:
        _end(LOCAL, f"no copy was made: {error}")
    click.echo(f"{file}: {told}")


@click.command(short_help="Have the server go on from a copy.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@data_folder
def restore(file: Path, data: Path) -> None:
    """Have a server that is stopped go on from FILE, made by "relaychat backup".

    FILE is proved first, and stays. A database that is there is kept beside it, as
    relaychat.db.before-restore. The exit code is 1 if FILE is not sound, and 4 if it
    can't be put there; in both cases nothing has changed.
    """
    target = data / DATABASE
    if target.with_name(target.name + ASIDE).exists():
        _end(LOCAL, f"{target}{ASIDE} is of an earlier restore: move it away first")
    try:
        told = restore_from(file, target)
    except Unsound as error:
        _end(REFUSED, str(error))
    except sqlite3.Error as error:
        _end(LOCAL, f"nothing was restored: {file}: {error}")
    except (OSError, StoreLocked, StoreBroken) as error:
        _end(LOCAL, f"nothing was restored: {error}")
    click.echo(f"{target}: {told}; its rooms have new epochs")


def _end(code: int, text: str) -> NoReturn:
    note(text)
    sys.exit(code)
