"""When the write-ahead log is carried over into the database file.

The writer does it, behind the answer to a batch, so that no answer waits for it. A
failed one fails nothing: the log just goes on growing, and the next one carries over
more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from relaychat.store.api import Batch
from relaychat.store.transaction import explain

AIM_FRAMES = 4000
"""Pages in the write-ahead log at a checkpoint: 16 MiB. Fewer, and pages that are
written again and again are carried over each time; more, and a pause of 20 ms gets
longer."""

IDLE_CHANGES = 500
"""So much is worth a checkpoint while there is nothing else to do."""

_FEWEST_CHANGES = 250
_MOST_CHANGES = 64_000


class Checkpoints:
    """Decides when, on the writer's connection and in its thread.

    How many pages a change costs depends on how many rooms a batch goes over, so the
    number of changes between two checkpoints follows the number of pages that the last
    one saw.
    """

    def __init__(
        self, connection: sqlite3.Connection, complain: Callable[[str], object]
    ) -> None:
        self._connection = connection
        self._complain = complain
        self._changes = 0
        self._threshold = 4 * _FEWEST_CHANGES
        self._blanked = False

    def count(self, batch: Batch) -> None:
        """A batch was committed."""
        self._changes += 1 + len(batch.rows) + len(batch.heads) + len(batch.records)
        self._blanked = self._blanked or bool(batch.blanks)

    def if_due(self) -> None:
        """Called behind each batch."""
        if self._changes >= self._threshold:
            self._carry_over()

    def idle(self) -> None:
        """Called when nothing else is to do."""
        if self._blanked or self._changes >= IDLE_CHANGES:
            self._carry_over()

    def _carry_over(self) -> None:
        # Truncating takes what was redacted out of the write-ahead log's file as well.
        mode = "TRUNCATE" if self._blanked else "PASSIVE"
        sql = f"PRAGMA wal_checkpoint({mode})"
        self._changes = 0
        try:
            busy, frames, _ = self._connection.execute(sql).fetchall()[0]
        except sqlite3.Error as error:
            self._complain(f"checkpoint failed, will be tried again: {explain(error)}")
            return
        if not busy:
            self._blanked = False
        if frames > AIM_FRAMES:
            self._threshold = max(self._threshold // 2, _FEWEST_CHANGES)
        elif frames < AIM_FRAMES // 2 and mode == "PASSIVE":
            self._threshold = min(self._threshold * 2, _MOST_CHANGES)
