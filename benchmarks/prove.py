"""All proofs, each with its line of figures, in a quarter of an hour on two processors.

Some wait most of the time, for restarts and for disks, and want to be served at once
when they don't: they run one after the other, and beside them, at a lower priority,
those that only compute, which so take what is left of the processors.

    python benchmarks/prove.py [--only WORD]

The exit code is 1 if a promise was broken. What can't be tried on this machine (exit
code 3) says why, and counts as not tried.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
STEP_BACK = ("nice", "-n", "15")
"""So those that compute get a thirtieth of what they would, beside others."""
NOT_TRIED = 3


class Proof(NamedTuple):
    """A program with one line of figures, and the arguments for Python that run it."""

    name: str
    words: tuple[str, ...]


def program(name: str, *words: str) -> Proof:
    """One of those beside this one."""
    return Proof(name, (f"benchmarks/{name}.py", *words))


def simulation(name: str, *words: str) -> Proof:
    """Runs of the simulator."""
    return Proof(name, ("-m", "relaychat", "simulate", "--jobs", "2", *words))


WAITING = (
    program("crash_loop"),
    program("storage_faults"),
    program("full_disk"),
    program("kill_pipe"),
    Proof("agent", ("benchmarks/kill_pipe.py", "--agent")),
)
COMPUTING = (
    simulation("simulate", "--seeds", "200"),
    simulation("liveness", "--seeds", "30", "--seed", "1001", "--liveness"),
    program("power_loss"),
    program("mutants"),
    program("discovery_fuzz"),
    Proof("authorisation", ("-m", "tests.authorisation")),
)


class Proving:
    """What came of the proofs until now."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter(kept=0, broken=0)
        self.processor_s = 0.0
        self._lock = threading.Lock()

    def lane(self, proofs: Sequence[Proof], before: Sequence[str] = ()) -> None:
        """Run these one after the other, and print what they say. ``before`` is put in
        front of their commands."""
        for proof in proofs:
            began = time.monotonic()
            running = subprocess.Popen(
                [*before, sys.executable, *proof.words],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert running.stdout is not None
            with running.stdout:
                said = running.stdout.read().strip()
            _, status, used = os.wait4(running.pid, 0)
            running.returncode = os.waitstatus_to_exitcode(status)
            spent_s = used.ru_utime + used.ru_stime
            with self._lock:
                self.processor_s += spent_s
                took = (
                    f"{time.monotonic() - began:.0f} s, {spent_s:.0f} s of processors"
                )
                self._ended(proof, running.returncode, f"{said} [{took}]")

    def _ended(self, proof: Proof, code: int, said: str) -> None:
        known = {0: "kept", NOT_TRIED: "not tried"}
        self.counts[known.get(code, "broken")] += 1
        broken = "" if code in known else f" BROKEN, exit code {code}:"
        print(f"{proof.name}:{broken} {said}", flush=True)


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="proofs with this word in the name")
    only = parser.parse_args().only
    waiting, computing = [
        [proof for proof in lane if only in proof.name] for lane in (WAITING, COMPUTING)
    ]
    began, proving = time.monotonic(), Proving()
    beside = threading.Thread(target=proving.lane, args=(computing, STEP_BACK))
    beside.start()
    proving.lane(waiting)
    beside.join()
    counts = ", ".join(f"{count} {word}" for word, count in proving.counts.items())
    print(
        f"proofs: {counts}; {time.monotonic() - began:.0f} s,"
        f" {proving.processor_s:.0f} s of processors"
    )
    sys.exit(bool(proving.counts["broken"]))


if __name__ == "__main__":
    main()
