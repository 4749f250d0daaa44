"""Storage that fails under a relay: never an acknowledgement without its entry.

The real relay serves native clients that talk and read all the time, while a system
call on a file of its data fails, by strace: the n-th write, sync, open, truncation or
read, with EIO, ENOSPC or EINTR, once, for a while, or from then on. It may ride that
out, refuse with ``unavailable`` until it heals, refuse to start (exit code 1), or stop
because nobody knows what is kept (exit code 74); anything else is a violation. Then it
is killed, and started again with the next fault; now and then without one, and now and
then in a folder of its own that it never was in. At the end, once all clients had time
to come back, the checker (``relaychat.testing.checker``) holds what they were told
against the log.

(``full_disk.py`` is the one about disks that fill up.)

    python benchmarks/storage_faults.py [--faults 300] [--seed 1] [--jobs 3]

One line says what came of it; the exit code is 1 for a violation, and 3 if faults can't
be made here.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from crash_loop import START_S, TooSlow, sleep
from crash_server import STRACE, Server
from storage_loop import Nearby, Part, carry_out, judge, told
from twisted.internet import reactor as installed

from relaychat.app.process import IN_DOUBT
from relaychat.testing.truth import DATABASE

reactor: Any = installed
CANNOT_START = 1
LIFE_S = 6.0
"""Until a fault has struck; else it is not counted, for its number was too high."""
ACKS_BEFORE = 800
"""Or so much is acknowledged."""
ACKS_AFTER = 30
"""So much is acknowledged after a fault that was ridden out."""
STUCK_S = 20.0
"""Longer than a client waits before it asks again (10 s)."""
STILL_S = 0.5
"""A fault that stays is looked at for so long."""

CALLS: dict[str, tuple[int, tuple[str, ...]]] = {
    "pwrite64": (500, ("EIO", "ENOSPC", "EINTR")),
    "fdatasync": (60, ("EIO", "ENOSPC", "EINTR")),
    "fsync": (8, ("EIO", "ENOSPC")),
    "openat": (10, ("EIO", "ENOSPC", "EMFILE")),
    "ftruncate": (4, ("EIO", "ENOSPC")),
    "pread64": (60, ("EIO",)),
    "unlink": (2, ("EIO",)),
}
"""What fails: its highest number worth trying, of one thread, and how."""
SHARES = (8, 5, 2, 4, 1, 1, 1)


class Fault(NamedTuple):
    """One to come."""

    call: str
    error: str
    when: str
    """As strace has it: the n-th, from the n-th on, or some in a row."""
    stays: bool

    @classmethod
    def drawn(cls, chance: random.Random) -> Fault:
        """Low numbers are those of a start, high ones come under load."""
        (call, (most, errors)) = chance.choices(list(CALLS.items()), SHARES)[0]
        low = chance.random() < 0.4
        first = int(most ** chance.random()) if low else chance.randrange(1, most + 1)
        kind = chance.choice(("once", "once", "once", "a while", "stays"))
        when = {
            "once": f"{first}",
            "a while": f"{first}..{first + chance.randrange(1, 4)}",
            "stays": f"{first}+",
        }[kind]
        return cls(call, chance.choice(errors), when, kind == "stays")

    def before(self, server: Server, trace: Path) -> tuple[str, ...]:
        """The command that makes it, for files of the data alone."""
        database = str(server.data / DATABASE)
        paths = [database + end for end in ("", "-wal", "-shm", "-journal", ".lock")]
        paths.append(str(server.data))
        if self.call == "fsync":
            paths.append(str(server.folder))
        return (
            str(STRACE), "-f", "--seccomp-bpf", "-qq", "-s", "0", "-o", str(trace),
            *(word for path in paths for word in ("-P", path)),
            "-e", f"trace={self.call}",
            "-e", f"inject={self.call}:error={self.error}:when={self.when}",
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.call} {self.when}: {self.error}"


class Faults(Nearby):
    """One relay after the other on one folder, each with a fault."""

    def __init__(self, server: Server, options: argparse.Namespace) -> None:
        super().__init__(server, options)
        self.tally: Counter[str] = Counter()
        self.violations: list[str] = []
        self._trace = server.folder / "trace"

    # -- lives -------------------------------------------------------------------------

    async def struck(self, fault: Fault) -> str:
        """What became of a relay that runs into a fault."""
        self._trace.unlink(missing_ok=True)
        self.server.start(*fault.before(self.server, self._trace))
        end = time.monotonic() + LIFE_S
        acked, at, up = self.acked, 0.0, False
        while self.server.running:
            await sleep(0.01)
            up = up or await self.hurry()
            now = time.monotonic()
            if not at and self._has_struck():
                at, acked = now, self.acked
            if not at and (now > end or self.acked > acked + ACKS_BEFORE):
                return "missed"
            if at and self.acked >= acked + ACKS_AFTER:
                return "ridden out"
            if at and fault.stays and now > at + STILL_S:
                return "unavailable"
            if at and now > at + STUCK_S:
                return "stuck"
        if not self._has_struck():
            return f"ended by itself with code {self.server.code}"
        return {CANNOT_START: "not started", IN_DOUBT: "stopped"}.get(
            self.server.code or 0, f"ended with code {self.server.code}"
        )

    def _has_struck(self) -> bool:
        return self._trace.exists() and b"INJECTED" in self._trace.read_bytes()

    async def life(self, number: int) -> None:
        """A life with a fault, and what comes after it."""
        fault = Fault.drawn(self.chance)
        became = await self.struck(fault)
        if became == "missed":
            self.server.kill()
            return
        self.tally[became] += 1
        self.kills[f"{fault.error} at {fault.call}"] += 1
        if became not in ("ridden out", "unavailable", "stopped", "not started"):
            self.violations.append(
                f"{fault}: {became}\n{self._trace.read_text()[-1500:]}"
            )
        self.server.kill()
        if number % 5 == 0:
            self.server.start()
            await self.welcomed(time.monotonic())
            await self.hurry()
            before = self.acked
            await self.until(f"{fault} to heal", START_S, lambda: self.acked > before)
            self.server.kill()

    async def first_life(self) -> None:
        """A fault in a folder that is not there yet, and a start without one."""
        fault = Fault.drawn(self.chance)
        with tempfile.TemporaryDirectory(prefix="sf-") as name:
            old, old_trace = self.server, self._trace
            self.server = Server(Path(name))
            self._trace = Path(name) / "trace"
            try:
                became = await self._first(fault)
            finally:
                self.server.kill()
                self.server, self._trace = old, old_trace
        if became != "missed":
            self.tally[became] += 1
            self.kills[f"{fault.error} at {fault.call}"] += 1

    async def _first(self, fault: Fault) -> str:
        self.server.start(*fault.before(self.server, self._trace))
        try:
            await self.welcomed(time.monotonic())
        except TooSlow:
            if self.server.code not in (CANNOT_START, IN_DOUBT):
                self.violations.append(f"first start, {fault}: {self.server.said()}")
        became = "not started" if not self.server.running else "ridden out"
        self.server.kill()
        if not self._has_struck():
            became = "missed"
        self.server.start()
        await self.welcomed(time.monotonic())
        return became

    # -- all of it ---------------------------------------------------------------------

    async def run(self) -> None:
        """As many faults as asked for, then let everything heal."""
        await self.begin()
        self.server.kill()
        lives = 0
        while self.tally.total() < self.options.faults and not self.violations:
            lives += 1
            await (self.first_life() if lives % 8 == 0 else self.life(lives))
        await self.heal()


def part(options: argparse.Namespace) -> Part:
    """Carry a part of the faults out, in this process."""
    with tempfile.TemporaryDirectory(prefix="sf-") as name:
        faults = Faults(Server(Path(name)), options)
        figures: Counter[str] = Counter()

        async def run() -> None:
            await faults.run()
            figures.update(judge(faults, faults.violations))

        carry_out(faults, run, faults.violations)
        if faults.violations and options.keep:
            shutil.copytree(
                name,
                options.keep / str(options.seed),
                ignore=_sockets,
                dirs_exist_ok=True,
            )
    return Part(faults.kills, faults.tally, figures, faults.violations)


_sockets = shutil.ignore_patterns("*.sock*")


def parts(options: argparse.Namespace) -> list[Part]:
    """All faults, in several processes."""
    share = -(-options.faults // options.jobs)
    keep = ["--keep", str(options.keep)] if options.keep else []
    running = [
        subprocess.Popen(
            [sys.executable, __file__, "--part", "--faults", str(share),
             "--seed", str(options.seed + job), *keep],
            stdout=subprocess.PIPE,
        )
        for job in range(options.jobs)
    ]  # fmt: skip
    return [
        msgspec.json.decode(process.communicate()[0], type=Part) for process in running
    ]


def cannot() -> str | None:
    """Why no faults can be made here."""
    if STRACE is None:
        return "strace is not installed"
    tried = subprocess.run(
        [STRACE, "-f", "-o", "/dev/null", "-e", "inject=getppid:error=EIO", "true"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return f"strace may not trace here: {tried.stderr}" if tried.returncode else None


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description="Break the storage; lose nothing.")
    parser.add_argument("--faults", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--jobs", type=int, default=3, help="processes; each waits a lot"
    )
    parser.add_argument("--window", type=int, default=4, help="of each native client")
    parser.add_argument("--keep", type=Path, help="where to lay the data of violations")
    parser.add_argument("--part", action="store_true", help="used by this program")
    options = parser.parse_args()
    if options.part:
        print(msgspec.json.encode(part(options)).decode())
        return 0
    if why := cannot():
        print(f"not tried: {why}")
        return 3
    started = time.monotonic()
    done = parts(options)
    faults, became, figures = Counter[str](), Counter[str](), Counter[str]()
    violations = []
    for one in done:
        faults.update(one.faults)
        became.update(one.became)
        figures.update(one.figures)
        violations += one.violations
    for text in violations:
        print(text, file=sys.stderr)
    print(
        f"{became.total()} faults in {time.monotonic() - started:.0f} s"
        f" ({told(faults)}): {told(became)}; {told(figures)};"
        f" {len(violations)} violations"
    )
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
