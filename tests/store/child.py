"""A server's store in a process of its own, to be killed or starved.

Usage: ``python -m tests.store.child PATH BATCH_ROWS BATCHES [FSIZE_BYTES]``. It commits
batches of rows to room 1 as fast as it can, and after each prints a line: the outcome's
name, and the seq that the room has come to. With a file size limit it lifts that limit
once it was refused, so that it shows how it heals.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from relaychat.store.api import Batch, Committed, Failed, InDoubt
from relaychat.store.sqlite import SqliteStore
from relaychat.testing.calls import Calls
from tests.store.stores import RoomLog


def main(path: Path, rows: int, batches: int, fsize_bytes: int = 0) -> None:
    """Commit, say so, go on."""
    calls = Calls()
    store = SqliteStore(path, calls.from_thread)
    head = store.open(()).heads.get(1)
    room = RoomLog(1)
    if head is not None:
        room.seq, room.at, room.chain = head.seq, head.at, head.chain
    if fsize_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (fsize_bytes, resource.RLIM_INFINITY))
    for _ in range(batches):
        before = (room.seq, room.at, room.chain)
        made = [room.row(b"%d" % (room.seq + 1) + b" " * 200) for _ in range(rows)]
        batch = Batch(made, [room.head(before[0])])
        outcome = calls.wait(store.commit(batch))
        if not isinstance(outcome, Committed):
            room.seq, room.at, room.chain = before
        why = outcome.why if isinstance(outcome, Failed | InDoubt) else ""
        # One write a line, for who records the system calls.
        os.write(1, f"{type(outcome).__name__} {room.seq} {why}\n".encode())
        if isinstance(outcome, Failed):
            unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    calls.wait(store.close())


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
