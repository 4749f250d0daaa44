"""Records of ``auth`` on their way into the store, many with one fsync."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from relaychat.model.errors import Unavailable
from relaychat.store.api import Batch, Committed, InDoubt, Outcome, Record, Store


class Records:
    """Puts records. What is put while a commit is under way goes into the next one: so
    a crowd that logs in takes the store's time from nobody."""

    def __init__(self, store: Store, in_doubt: Callable[[str], None]) -> None:
        self._store = store
        self._in_doubt = in_doubt
        self._busy = False
        self._next: list[Record] = []
        self._waiting: list[Deferred[bool]] = []

    async def put(self, *records: Record) -> None:
        """Make these durable, together. Raises Unavailable."""
        kept: Deferred[bool] = Deferred()
        self._next += records
        self._waiting.append(kept)
        if not self._busy:
            self._commit()
        if not await kept:
            raise Unavailable

    def _commit(self) -> None:
        # Of a record that is put twice the last one counts: a batch has each once.
        latest = {(record.kind, record.key): record for record in self._next}
        waiting, self._waiting, self._next = self._waiting, [], []
        self._busy = True
        committed = self._store.commit(Batch(records=list(latest.values())))
        committed.addCallback(self._committed, waiting)

    def _committed(self, outcome: Outcome, waiting: list[Deferred[bool]]) -> None:
        self._busy = False
        if self._next:
            self._commit()
        if isinstance(outcome, InDoubt):
            self._in_doubt(outcome.why)
        for kept in waiting:
            kept.callback(isinstance(outcome, Committed))
