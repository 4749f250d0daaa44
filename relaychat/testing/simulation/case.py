"""A run in a file: a failure that was found once, and is tried again ever after."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from relaychat import __version__
from relaychat.testing.simulation.options import Options
from relaychat.testing.simulation.plan import Item, plan, ranges
from relaychat.testing.simulation.run import Result


class Case(Struct, forbid_unknown_fields=True):
    """What is needed to run it again, and what it showed."""

    seed: int
    options: Options
    version: str = __version__
    """Of the relay that it was found in."""
    found: tuple[str, ...] = ()
    """What was wrong then."""
    items: tuple[Item, ...] | None = None
    """What happens, as it was planned then; None for what is planned now."""

    def command(self) -> str:
        """The command that runs it again."""
        options, words = self.options, ["relaychat simulate", f"--seed {self.seed}"]
        words += [f"--minutes {options.minutes:g}", f"--clients {options.clients}"]
        words += [f"--pace {options.pace:g}", f"--faults {options.faults:g}"]
        if options.liveness:
            words.append("--liveness")
        if options.config:
            words.append(f"--config {options.config}")
        if options.until_s:
            words.append(f"--until {options.until_s:g}")
        if options.present is not None:
            words.append(f"--present {ranges(options.present) or 'none'}")
        if options.keep is not None:
            words.append(f"--keep {ranges(options.keep) or 'none'}")
        return " ".join(words)


def case_of(result: Result) -> Case:
    """A run that failed, to be kept."""
    found = tuple([str(one) for one in result.violations[:3]])
    items = tuple(plan(str(result.seed), result.options))
    return Case(result.seed, result.options, found=found, items=items)


def write(case: Case, path: Path) -> None:
    """Keep it."""
    data = msgspec.json.format(msgspec.json.encode(case), indent=1)
    path.write_bytes(data + b"\n")


def read(path: Path) -> Case:
    """One that was kept. Raises OSError, msgspec.MsgspecError."""
    return msgspec.json.decode(path.read_bytes(), type=Case)
