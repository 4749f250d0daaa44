"""A disk that fills up under a relay, and has room again, and fills up again.

The relay's folder is on a file system of 16 MiB, tmpfs and (as root) ext4 on a loop
device, with blocks of a page as all but tiny disks have. Native clients talk until
nothing goes in any more; later the rest of the disk is taken by a file, in the middle
of the load. While it is full the relay refuses with ``unavailable``, still lets people
in, and idles; when there is room again, the same process keeps what the same clients
send again. Killed and started on a full disk, it does the same, or says why it can't
start. At the end the checker holds what was told against the log.

    python benchmarks/full_disk.py [--times 5] [--seed 1]

One line of figures; the exit code is 1 for a violation, and 3 if none could be
mounted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
from crash_clients import welcome
from crash_loop import HEAL_S, START_S, TooSlow, sleep
from crash_server import Server
from storage_faults import CANNOT_START
from storage_loop import Nearby, Part, carry_out, judge, told
from twisted.internet import reactor as installed

reactor: Any = installed
KINDS = {
    "tmpfs": "mount -t tmpfs -o size=16m none {place}",
    "ext4": "truncate -s 16M {image} && mkfs.ext4 -q -m 0 -b 4096 {image}"
    " && mount -o loop {image} {place}",
}
LEFT_BYTES = 2 * 1024 * 1024
"""What the clients have to fill themselves the first time."""
CANNOT_TELL = 120
"""As 1, and its log is on the full disk: Python's code when it can't write that out."""
LOOK_S = 1.0
MOST_CPU = 0.5
"""Of a processor, by a relay that has nothing to do but to refuse now and then."""
TICKS = os.sysconf("SC_CLK_TCK")


class FullDisk(Nearby):
    """One relay on a small file system."""

    def __init__(self, server: Server, options: argparse.Namespace) -> None:
        super().__init__(server, options)
        self.tally: Counter[str] = Counter()
        self.violations: list[str] = []
        self.longest_s = 0.0
        """From room on the disk until something is kept again."""
        self.busiest = 0.0
        self._ballast = server.folder / "ballast"

    async def run(self) -> None:
        """Fill it so often, then let everything heal."""
        await self.begin()
        self._take(but=LEFT_BYTES)
        for number in range(self.options.times):
            if number:
                await self._load()
                await sleep(self.chance.uniform(0, 0.3))
                self._take()
            await self.full(again=number % 2 == 1)
        await self._load()
        self.server.kill()
        await self.heal()

    async def full(self, again: bool) -> None:
        """Nothing goes in any more; then there is room."""
        await self.until("the disk to be full", HEAL_S, self._refused)
        self.tally["full"] += 1
        if again and not await self._start_again():
            self.tally["not started while full"] += 1
            self._ballast.unlink()
            self.server.start()
            return
        used = self._cpu_s()
        await sleep(LOOK_S)
        self.busiest = max(self.busiest, (self._cpu_s() - used) / LOOK_S)
        door = f"unix:{self.server.data / 'native.sock'}"
        await welcome(reactor, door, f"guest{self.tally.total()}")
        acked, freed = self.acked, time.monotonic()
        self._ballast.unlink()
        await self.until("it to heal", HEAL_S, lambda: self.acked > acked)
        self.longest_s = max(self.longest_s, time.monotonic() - freed)
        if self.busiest > MOST_CPU:
            self.violations.append(f"it is busy with nothing: {self.busiest:.2f}")

    async def _start_again(self) -> bool:
        """Kill it and start it on the full disk; whether it could. If not, it says so,
        and its code is 1."""
        self.server.kill()
        self.server.start()
        try:
            await self.welcomed(time.monotonic())
        except TooSlow:
            if self.server.code not in (CANNOT_START, CANNOT_TELL):
                raise TooSlow(f"start on a full disk: {self.server.code}") from None
            return False
        await self.until("the disk to be full", HEAL_S, self._refused)
        self.tally["started while full"] += 1
        return True

    async def _load(self) -> None:
        acked = self.acked
        await self.until("the load", START_S, lambda: self.acked > acked + 300)

    def _refused(self) -> bool:
        if not self.server.running:
            raise TooSlow(f"it ended with code {self.server.code}")
        return all(
            native.conversation.stalled for native in self.natives if native.talking
        )

    def _take(self, but: int = 0) -> None:
        """Fill the disk, but for so much."""
        free = os.statvfs(self.server.folder)
        left = free.f_bavail * free.f_frsize - but
        with self._ballast.open("ab", buffering=0) as file:
            with contextlib.suppress(OSError):
                file.write(bytes(max(left, 0)))
            while not but:  # whatever the count of free blocks has left out
                try:
                    file.write(bytes(1024))
                except OSError:
                    return

    def _cpu_s(self) -> float:
        words = Path(f"/proc/{self.server.pid}/stat").read_text().rpartition(")")[2]
        return sum(map(int, words.split()[11:13])) / TICKS


def inside(options: argparse.Namespace) -> Part:
    """In a mount namespace: mount it, and fill it."""
    with tempfile.TemporaryDirectory(prefix="fd-") as name:
        place, image = Path(name) / "disk", Path(name) / "image"
        place.mkdir()
        command = KINDS[options.inside].format(place=place, image=image)
        mounted = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, check=False
        )
        if mounted.returncode:
            return Part({}, {}, {}, [mounted.stderr.strip()])
        loop = FullDisk(Server(place), options)
        figures: Counter[str] = Counter()

        async def run() -> None:
            await loop.run()
            figures.update(judge(loop, loop.violations))

        carry_out(loop, run, loop.violations)
        subprocess.run(["umount", place], check=False)
        looks = {
            "ms at most until it healed": round(loop.longest_s * 1000),
            "% of a processor while full": round(loop.busiest * 100),
        }
        return Part({}, loop.tally, {**figures, **looks}, loop.violations)


def outside(kind: str, options: argparse.Namespace) -> Part:
    """In a process with mounts of its own."""
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    done = subprocess.run(
        [*unshare, sys.executable, __file__, "--inside", kind,
         "--times", str(options.times), "--seed", str(options.seed)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        return Part({}, {}, {}, [done.stderr.strip()])
    return msgspec.json.decode(done.stdout, type=Part)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description="Fill the disk; lose nothing.")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--window", type=int, default=16, help="of each native client")
    parser.add_argument("--inside", choices=KINDS, help="used by this program")
    options = parser.parse_args()
    if options.inside:
        print(msgspec.json.encode(inside(options)).decode())
        return 0
    codes, lines = [], []
    with ThreadPoolExecutor(len(KINDS)) as pool:  # they wait most of the time
        parts = pool.map(lambda kind: outside(kind, options), KINDS)
    for kind, done in zip(KINDS, parts, strict=True):
        tried = bool(done.became)
        if not tried:
            lines.append(f"{kind}: not tried: {' '.join(done.violations)[-300:]}")
        else:
            for text in done.violations:
                print(text, file=sys.stderr)
            lines.append(
                f"{kind} of 16 MiB: {told(done.became)}; {told(done.figures)};"
                f" {len(done.violations)} violations"
            )
        codes.append(3 if not tried else int(bool(done.violations)))
    print(*lines, sep=". ")
    return 1 if 1 in codes else min(codes)


if __name__ == "__main__":
    sys.exit(main())
