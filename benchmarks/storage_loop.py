"""What the storage proofs share: clients near by, their verdict, the reactor."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

import msgspec
from crash_clients import Native
from crash_loop import START_S, Loop, TooSlow
from crash_server import Server
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from relaychat.testing.checker import check
from relaychat.testing.truth import from_folder

reactor: Any = installed

FAULTS = (errno.EINTR, errno.EIO, errno.EMFILE, errno.ENOSPC)
EXPECTED = re.compile(
    rf"SQLITE_\w+: |can't be (used|read): |({'|'.join(map(os.strerror, FAULTS))})$"
)
"""What a relay says of a storage that fails."""


class Part(msgspec.Struct):
    """What came of a part of the faults."""

    faults: dict[str, int]
    became: dict[str, int]
    figures: dict[str, int]
    violations: list[str]


class Nearby(Loop):
    """A loop whose clients have good connections."""

    async def begin(self) -> None:
        """Start it, and have the clients come: three accounts and a guest who talk, and
        one who reads."""
        self.server.start()
        self.server.account("ann", "bob", "cat", "eve")
        unix = f"unix:{self.server.data / 'native.sock'}"
        tcp = f"tcp:127.0.0.1:{self.server.native_port}"
        window = self.options.window
        self.natives = [
            Native(reactor, unix, "ann", window=window, account=True),
            Native(reactor, tcp, "bob", window=window, account=True),
            Native(reactor, tcp, "cat", window=window, account=True),
            Native(reactor, unix, "dan", window=window, account=False),
            Native(reactor, tcp, "eve", window=0, account=True),
        ]
        await self.until("the rooms", START_S, self._all_inside)

    async def hurry(self) -> bool:
        """Have the clients come at once, if the relay is up: after some vain attempts
        they wait for long."""
        try:
            with socket.socket(socket.AF_UNIX) as door:
                door.connect(str(self.server.data / "native.sock"))
        except OSError:
            return False
        for native in self.natives:
            if native.conversation.welcome is None:
                await native.link.stopService()
                native.link.startService()
        return True


def carry_out(
    loop: Loop, run: Callable[[], Coroutine[Any, Any, None]], violations: list[str]
) -> None:
    """Have the reactor run for this alone."""

    async def guarded() -> None:
        try:
            await run()
        except TooSlow as what:
            violations.append(f"too slow: {what}")
        finally:
            await loop.stop()

    def ended(result: Failure | None) -> None:
        if isinstance(result, Failure):
            violations.append(result.getTraceback())
        reactor.stop()

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(guarded()).addBoth(ended))
    reactor.run()
    if violations:
        violations += list(troubles(loop.server))[-5:]


def judge(loop: Loop, violations: list[str]) -> Counter[str]:
    """Hold what the clients were told against the log; the figures."""
    report = check(
        from_folder(loop.server.data),
        [native.journal for native in loop.natives],
        healed=True,
    )
    violations += map(str, report.violations)
    violations += [text for native in loop.natives for text in native.wrong]
    violations += strange(loop.server)
    counts = report.counts
    if not counts.acked or not counts.seen:
        violations.append("nothing was acknowledged or shown")
    return Counter(
        acknowledged=counts.acked,
        shown=counts.seen,
        lost=report.found.get("I1", 0),
        doubled=report.found.get("I3", 0),
    )


def strange(server: Server) -> list[str]:
    """What a relay should not say, even of a storage that fails."""
    return [text for text in troubles(server) if not EXPECTED.search(text)]


def troubles(server: Server) -> Iterator[str]:
    """The warnings and worse that it wrote, and what is no line of its log."""
    for line in server.notes.read_text(errors="replace").splitlines():
        try:
            note = msgspec.json.decode(line, type=Note)
        except msgspec.MsgspecError:
            if line.strip() and not line.startswith("{"):  # the disk was full
                yield line
        else:
            if note.log_level.name not in ("debug", "info"):
                yield note.why or note.text or note.log_text


class Level(msgspec.Struct):
    """How bad it is."""

    name: str


class Note(msgspec.Struct):
    """A line of a relay's log."""

    log_level: Level
    text: str = ""
    why: str = ""
    log_text: str = ""


def told(counts: Mapping[str, int]) -> str:
    """Counts in words."""
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
