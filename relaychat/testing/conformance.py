"""Does a dialect do what every dialect does? One call tries it, in memory::

    from relaychat.testing.conformance import check_dialect

    def test_conforms(self):
        check_dialect(Shout)

and from the shell ``relaychat test-dialect shout:Shout``. What fails is told with the
seed that shows it again. ``docs/extending.md`` says what is tried.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence

from msgspec import Struct

from relaychat.session.dialect import Dialect
from relaychat.testing.conforming import inbound, outbound
from relaychat.testing.conforming.trial import Failed, Trial

CHECKS: dict[str, Callable[[Trial], str]] = {
    "fuzz": inbound.fuzz,
    "hello": inbound.hello,
    "limits": inbound.limits,
    "memory": inbound.memory,
    "usage": inbound.usage,
    "order": outbound.order,
    "backpressure": outbound.backpressure,
    "apart": outbound.apart,
    "renderers": outbound.renderers,
}
"""By name: what is tried, in this order."""


class Outcome(Struct, frozen=True):
    """Of one check."""

    name: str
    told: str
    """What was tried, or what failed."""
    failed: bool = False


class Report(Struct, frozen=True):
    """Of all checks."""

    dialect: str
    seed: int
    outcomes: tuple[Outcome, ...]

    @property
    def good(self) -> bool:
        """Whether nothing failed."""
        return not any(one.failed for one in self.outcomes)

    def lines(self) -> list[str]:
        """The report, for people."""
        lines = [f"{self.dialect}, seed {self.seed}"]
        for one in self.outcomes:
            word = "FAIL" if one.failed else "ok"
            lines.append(f"  {word:5} {one.name:13} {one.told}")
        return lines


class DoesNotConform(AssertionError):
    """The text is the report."""


def try_dialect(
    dialect: type[Dialect],
    seed: int = 0,
    examples: Sequence[bytes] = (),
    only: Sequence[str] = (),
) -> Report:
    """What became of each check. ``examples`` are whole frames as a client sends them:
    where ``decode`` is the dialect's own, the checks know no others than those that it
    sends itself. ``only`` names checks."""
    outcomes = []
    for name, check in CHECKS.items():
        if only and name not in only:
            continue
        try:
            trial = Trial(dialect, f"{seed} {name}", examples)
            outcomes.append(Outcome(name, check(trial)))
        except Failed as failed:
            outcomes.append(Outcome(name, str(failed), True))
        except Exception:
            told = "; ".join(traceback.format_exc().strip().splitlines()[-3:])
            outcomes.append(Outcome(name, told, True))
    return Report(dialect.name, seed, tuple(outcomes))


def check_dialect(
    dialect: type[Dialect],
    seed: int = 0,
    examples: Sequence[bytes] = (),
    only: Sequence[str] = (),
) -> None:
    """The same, for a test. Raises DoesNotConform."""
    report = try_dialect(dialect, seed, examples, only)
    if not report.good:
        raise DoesNotConform("\n".join(report.lines()))
