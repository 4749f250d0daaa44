"""The contract suite on each store."""

from __future__ import annotations

from relaychat.store.api import Store
from relaychat.store.ledger import Ledger
from relaychat.store.memory import MemoryStore
from tests.store import contract_commit, contract_read, contract_start
from tests.store.stores import Contract


class OnMemory(Contract):
    """Stores on one ledger."""

    def fresh(self) -> Store:
        """On an empty ledger."""
        self.ledger = Ledger()
        return MemoryStore(self.ledger)

    def again(self) -> Store:
        """On the ledger of the last one."""
        return MemoryStore(self.ledger)


class OnSqlite(Contract):
    """Stores on one file."""

    def fresh(self) -> Store:
        """On a file that is not there yet."""
        self.path = self.folder() / "relaychat.db"
        return self.sqlite(self.path)

    def again(self) -> Store:
        """On the file of the last one."""
        return self.sqlite(self.path)


class MemoryCommitTests(OnMemory, contract_commit.CommitContract):
    """Commits, in memory."""


class MemoryStartTests(OnMemory, contract_start.StartContract):
    """Starts, in memory."""


class MemoryReadTests(OnMemory, contract_read.ReadContract):
    """Reads, in memory."""


class SqliteCommitTests(OnSqlite, contract_commit.CommitContract):
    """Commits, on SQLite."""


class SqliteStartTests(OnSqlite, contract_start.StartContract):
    """Starts, on SQLite."""


class SqliteReadTests(OnSqlite, contract_read.ReadContract):
    """Reads, on SQLite."""
