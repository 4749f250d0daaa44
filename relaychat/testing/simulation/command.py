"""``relaychat simulate``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from relaychat.testing.simulation.options import Options


class Numbers(click.ParamType[tuple[int, ...]]):
    """Numbers as ``--keep`` has them: ``1-3,7``; ``none`` for none of them."""

    name = "numbers"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """See ``click.ParamType``."""
        from relaychat.testing.simulation.plan import numbers

        if not isinstance(value, str):
            return tuple(value)
        try:
            return () if value == "none" else numbers(value)
        except ValueError:
            self.fail(f"{value} is no list of numbers like 1-3,7", param, ctx)


@click.command(short_help="Run the relay in simulated bad weather.")
@click.option("--seeds", default=1, show_default=True, help="How many runs.")
@click.option("--seed", default=1, show_default=True, help="The first run's seed.")
@click.option("--minutes", default=10.0, show_default=True, help="Simulated, each.")
@click.option("--clients", default=12, show_default=True, help="People in each.")
@click.option("--jobs", default=0, help="Processes; 0 for one on each processor.")
@click.option("--liveness", is_flag=True, help="Let faults end; then all must heal.")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False),
    help="Run the relay of this configuration, with its limits, hooks and dialects.",
)
@click.option("--pace", default=1.0, help="How much people do, as a factor.")
@click.option("--faults", default=1.0, help="How many faults there are, as a factor.")
@click.option("--until", "until_s", default=0.0, help="Stop at this simulated second.")
@click.option("--keep", type=Numbers(), help="Only these items of the plan.")
@click.option("--present", type=Numbers(), help="Only these people.")
@click.option("--no-shrink", is_flag=True, help="Show a failure as it was found.")
@click.option(
    "--save",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep failures as files in this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Figures as one JSON object.")
@click.argument(
    "cases", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def simulate(
    seeds: int,
    seed: int,
    jobs: int,
    no_shrink: bool,
    save: Path | None,
    as_json: bool,
    cases: tuple[Path, ...],
    **given: Any,
) -> None:
    """Run the relay and many clients in simulated bad weather, and judge what they saw.

    Everything runs in one thread on a simulated clock, network and disk: the same seed
    is the same run, to the byte. CASES are files of earlier failures, run again.

    Exit codes: 0 every promise was kept; 1 one was broken; 2 wrong command line.
    """
    from relaychat.testing.simulation.options import Options

    # As with twistd, hooks and dialects are found where the command is given.
    sys.path.insert(0, os.getcwd())
    options = Options(**{**given, "config": given["config"] or ""})
    sys.exit(
        _run(options, range(seed, seed + seeds), jobs, no_shrink, save, as_json, cases)
    )


def _run(
    options: Options,
    seeds: range,
    jobs: int,
    no_shrink: bool,
    save: Path | None,
    as_json: bool,
    cases: tuple[Path, ...],
) -> int:
    from relaychat.app.config import ConfigError
    from relaychat.app.extensions import CannotBuild
    from relaychat.testing.simulation.case import Case, case_of, read, write
    from relaychat.testing.simulation.figures import Figures
    from relaychat.testing.simulation.many import run_many
    from relaychat.testing.simulation.shrink import Shrinking

    wanted = [read(path) for path in cases] or [Case(seed, options) for seed in seeds]
    figures = Figures()
    try:
        for result in run_many(wanted, jobs):
            figures.add(result)
            if result.good:
                continue
            if not no_shrink:
                click.echo(f"seed {result.seed} fails; looking for less", err=True)
                result = Shrinking(result).shrink()
            case = case_of(result)
            click.echo(f"{result.text}\n{case.version}: {case.command()}", err=True)
            if save is not None:
                save.mkdir(parents=True, exist_ok=True)
                write(case, save / f"seed-{case.seed}.json")
    except (ConfigError, CannotBuild) as error:
        raise click.UsageError(str(error)) from None
    click.echo(figures.json() if as_json else figures.line())
    return 0 if figures.good else 1
