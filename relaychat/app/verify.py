"""``relaychat verify``: proof that nothing in a data folder was lost, reordered or
altered. The server may run meanwhile, or not; nothing is changed."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import click
import msgspec
from twisted.internet.defer import Deferred, succeed

from relaychat.client.cli.options import data_folder
from relaychat.client.cli.output import note
from relaychat.client.cli.run import LOCAL, REFUSED
from relaychat.hub.records import RoomRecord
from relaychat.store.api import Head, Proof
from relaychat.store.reads import Reads
from relaychat.store.schema import open_reader
from relaychat.store.verify import Verdict
from relaychat.store.verify import verify as prove

DATABASE = "relaychat.db"


class Log:
    """A database, as it is at one moment. Raises sqlite3.Error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._reads = Reads(connection)

    def proofs(self, room: int, after: int, limit: int) -> Deferred[list[Proof]]:
        """See ``store.api.Store``."""
        return succeed(self._reads.proofs(room, after, limit))

    def heads(self) -> list[Head]:
        """Of all rooms, sealed ones too."""
        sql = "SELECT room, seq, seq, at, chain FROM head ORDER BY room"
        return list(map(Head._make, self._connection.execute(sql)))

    def name(self, room: int) -> str:
        """What a room is called; its number, if its record is damaged too."""
        sql = (
            "SELECT kind, body FROM record WHERE kind IN ('room', 'sealed') AND key = ?"
        )
        for kind, body in self._connection.execute(sql, (str(room),)):
            with suppress(msgspec.MsgspecError):
                if kind == "sealed":
                    return msgspec.json.decode(body, type=str)
                return msgspec.json.decode(body, type=RoomRecord).name
        return f"room {room}"

    def loose(self) -> int:
        """Entries that no head speaks of."""
        sql = (
            "SELECT (SELECT total(last - seq + 1) FROM log) - coalesce(sum(seq), 0)"
            " FROM head"
        )
        return int(self._connection.execute(sql).fetchall()[0][0])

    def damage(self) -> list[str]:
        """What SQLite finds wrong with the file."""
        found = [row[0] for row in self._connection.execute("PRAGMA quick_check")]
        return [] if found == ["ok"] else found


def walk(log: Log) -> Iterator[Verdict]:
    """Every room's verdict."""
    for head in log.heads():
        verdicts: list[Verdict] = []
        walked = Deferred.fromCoroutine(prove(log, head))
        walked.addCallbacks(verdicts.append, lambda failure: failure.raiseException())
        yield from verdicts


@click.command(short_help="Prove that nothing was lost or altered.")
@data_folder
def verify(data: Path) -> None:
    """Prove that the whole log is as it was written: nothing lost, nothing altered.

    Every entry carries a digest over itself and the one before it. The exit code is 1
    if something is wrong, and 4 if there is nothing to read.
    """
    path = data / DATABASE
    try:
        if not path.exists():
            raise sqlite3.OperationalError("there is no such file")
        with closing(open_reader(path)) as connection:
            faults, told = examine(connection)
    except sqlite3.Error as error:
        note(f"{path}: {error}")
        sys.exit(LOCAL)
    for text in [*faults, told]:
        click.echo(text)
    sys.exit(REFUSED if faults else 0)


def examine(connection: sqlite3.Connection) -> tuple[list[str], str]:
    """What is wrong with a database, as it is at this moment, and how much of it was
    looked at. Raises sqlite3.Error."""
    connection.execute("BEGIN")
    try:
        return _examine(Log(connection))
    finally:
        connection.execute("COMMIT")


def _examine(log: Log) -> tuple[list[str], str]:
    rooms = entries = 0
    wrong = log.damage()
    for verdict in walk(log):
        rooms += 1
        entries += verdict.entries
        if not verdict.whole:
            wrong.append(f"{log.name(verdict.room)}: {verdict.seq}: {verdict.fault}")
    if loose := log.loose():
        wrong.append(f"{loose} entries more than the rooms' heads speak of")
    state = f"{len(wrong)} faults" if wrong else "all whole"
    return wrong, f"{rooms} rooms, {entries} entries proved: {state}"
