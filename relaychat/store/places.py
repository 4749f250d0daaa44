"""When committed entries get their places: the index that finds them by room and seq.

Keeping it in each commit would cost more than the rest of the commit: every room has
pages of its own in it, and a turn goes over all rooms in which somebody speaks. So
entries are placed behind the commits, many turns at a time, in the writer's thread.
Reads find those without a place yet by walking along the end of the log, which the
bound keeps short (``sql/``: the view ``entry``).
"""

from __future__ import annotations

from collections.abc import Callable

from relaychat.store.api import Batch
from relaychat.store.transaction import Transactions

DUE_ROWS = 16 * 1024
"""Entries without a place: a read walks along so many in some 3 ms, and placing them
holds the next commit up for about 20."""

IDLE_ROWS = 500
"""So many are worth a transaction while there is nothing else to do."""


class Places:
    """Counts what was committed, and has it placed. A failed attempt fails nothing: the
    next one places more."""

    def __init__(
        self, transactions: Transactions, complain: Callable[[str], object]
    ) -> None:
        self._transactions = transactions
        self._complain = complain
        self._rows = 0

    def count(self, batch: Batch) -> None:
        """A batch was committed."""
        self._rows += len(batch.rows)

    def if_due(self) -> None:
        """Called behind each batch."""
        if self._rows >= DUE_ROWS:
            self.fill()

    def idle(self) -> None:
        """Called when nothing else is to do."""
        if self._rows >= IDLE_ROWS:
            self.fill()

    def fill(self) -> None:
        """Place all that has no place."""
        self._rows = 0
        why = self._transactions.fill_places()
        if why:
            self._complain(f"the index of rooms stays behind: {why}")
