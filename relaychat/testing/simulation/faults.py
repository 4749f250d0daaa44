"""What goes wrong, by the names in the plan. Each returns whether it took effect at
once."""

from __future__ import annotations

import random
from collections.abc import Callable
from errno import ECONNRESET

from relaychat.testing.simulation.disk import Trouble
from relaychat.testing.simulation.network import Line
from relaychat.testing.simulation.people import Person
from relaychat.testing.simulation.stage import Stage

HOUR_MS = 3_600_000


class Fault:
    """One item's mischief."""

    def __init__(self, stage: Stage, person: Person, chance: random.Random) -> None:
        self.stage = stage
        self.person = person
        self.chance = chance

    @property
    def line(self) -> Line | None:
        """The person's connection, if they have one."""
        line = self.stage.network.lines.get(self.person.name)
        return line if line is not None and line.up else None

    def later(self, low_s: float, high_s: float, call: Callable[[], None]) -> None:
        """Let it end, some time."""
        self.stage.world.later(self.chance.uniform(low_s, high_s), call)

    def trouble(self, *troubles: Trouble) -> bool:
        """Put these on the next commits. They are counted when they befall one."""
        self.stage.disk.troubles.extend(troubles)
        return False


# -- of the network -------------------------------------------------------------------


def _break(line: Line) -> None:
    line.client.broken(ECONNRESET)
    line.server.broken(ECONNRESET)


def _cut(fault: Fault) -> bool:
    line = fault.line
    if line is None:
        return False
    if fault.chance.random() < 0.5:
        _break(line)
    else:
        # One end notices, and the other at its next word.
        (line.client if fault.chance.random() < 0.5 else line.server).broken(ECONNRESET)
        fault.later(0.0, 5.0, lambda: _break(line))
    return True


def _cut_all(fault: Fault) -> bool:
    lines = list(fault.stage.network.open_lines)
    for line in lines:
        _break(line)
    return bool(lines)


def _half_open(fault: Fault) -> bool:
    line = fault.line
    if line is None:
        return False
    for pipe in line.pipes:
        pipe.silent = True
    return True


def _deaf(fault: Fault) -> bool:
    line = fault.line
    if line is None:
        return False
    pipe = fault.chance.choice(line.pipes)
    pipe.silent = True
    fault.later(0.5, 40, pipe.heal)
    return True


def _half_close(fault: Fault) -> bool:
    line = fault.line
    if line is None:
        return False
    line.client.shutdown(1)
    return True


def _stop_reading(fault: Fault) -> bool:
    line = fault.line
    if line is None:
        return False
    line.client.stop_reading()
    fault.later(0.5, 40, line.client.read_again)
    return True


def _slow_line(fault: Fault) -> bool:
    line = fault.line
    if line is None:
        return False
    pipe = line.pipes[1]
    pipe.bytes_per_s = fault.chance.choice([50, 200, 1000])

    def fast() -> None:
        pipe.bytes_per_s = 0

    fault.later(1, 40, fast)
    return True


def _isolate(fault: Fault) -> bool:
    network, host = fault.stage.network, fault.person.name
    network.isolate(host, True)
    fault.later(0.5, 20, lambda: network.isolate(host, False))
    return True


def _latency(fault: Fault) -> bool:
    network = fault.stage.network
    network.spike(fault.chance.randint(50_000, 2_000_000))
    fault.later(1, 15, lambda: network.spike(0))
    return True


# -- of processes and machines --------------------------------------------------------


def _client_crash(fault: Fault) -> bool:
    person = fault.person
    if not person.running:
        return False
    person.crash()
    fault.later(0.1, 20, person.start)
    return True


def _kill(fault: Fault) -> bool:
    return fault.stage.server.kill(fault.chance.uniform(0.05, 5))


def _power(fault: Fault) -> bool:
    return fault.stage.server.kill(fault.chance.uniform(1, 15), power=True)


def _stop(fault: Fault) -> bool:
    return fault.stage.server.stop(fault.chance.uniform(0.05, 5))


def _busy(fault: Fault) -> bool:
    process = fault.stage.server.process
    if process is None or not process.alive:
        return False
    process.busy_us = fault.chance.randint(1_000, 15_000)

    def idle() -> None:
        process.busy_us = 0

    fault.later(0.5, 10, idle)
    return True


def _clock(fault: Fault) -> bool:
    world = fault.stage.world
    world.set_wall(world.now_ms() + fault.chance.randint(-HOUR_MS, HOUR_MS))
    return True


# -- of the disk ----------------------------------------------------------------------


def _disk_full(fault: Fault) -> bool:
    disk = fault.stage.disk
    disk.full = True

    def space() -> None:
        disk.full = False

    fault.later(0.2, 15, space)
    return True


def _slow_disk(fault: Fault) -> bool:
    disk = fault.stage.disk
    disk.slow_s = fault.chance.choice([0.02, 0.2, 1.0])

    def fast() -> None:
        disk.slow_s = 0.0

    fault.later(0.5, 10, fast)
    return True


def _failing(fault: Fault) -> bool:
    some: list[Trouble] = ["fail"]
    return fault.trouble(*some * fault.chance.randint(1, 5))


FAULTS: dict[str, Callable[[Fault], bool]] = {
    "cut": _cut, "cut all": _cut_all, "half-open": _half_open, "deaf": _deaf,
    "half-close": _half_close, "stop reading": _stop_reading, "slow line": _slow_line,
    "isolate": _isolate, "latency": _latency, "client crash": _client_crash,
    "kill": _kill, "power": _power, "stop": _stop, "busy": _busy, "clock": _clock,
    "disk full": _disk_full, "slow disk": _slow_disk, "failing commits": _failing,
    "kill before commit": lambda fault: fault.trouble("kill_before"),
    "kill after commit": lambda fault: fault.trouble("kill_after"),
    "doubt, kept": lambda fault: fault.trouble("doubt_kept"),
    "doubt, lost": lambda fault: fault.trouble("doubt_lost"),
}  # fmt: skip
