"""``relaychat test-dialect``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("test-dialect")
@click.option("--seed", default=0, show_default=True, help="What chance begins with.")
@click.option("--only", multiple=True, metavar="CHECK", help="Only this; repeatable.")
@click.option(
    "--example",
    "examples",
    multiple=True,
    type=FILE,
    help="A file with one whole frame as a client sends it; repeatable.",
)
@click.option(
    "--script",
    "scripts",
    multiple=True,
    type=FILE,
    help="Run this conversation, too; repeatable.",
)
@click.argument("name", metavar="DIALECT")
def test_dialect(
    name: str,
    seed: int,
    only: tuple[str, ...],
    examples: tuple[Path, ...],
    scripts: tuple[Path, ...],
) -> None:
    """Try a dialect in memory: does it do what every dialect does?

    DIALECT is a name that is announced, or module:Class, found where the command is
    given. It is sent good, bad and broken frames in all kinds of pieces, it is read
    slowly, it has to show events of every kind. The same seed is the same run.

    Exit codes: 0 it conforms; 1 it does not; 2 wrong command line.
    """
    from relaychat.app.finding import DIALECT, CannotFind
    from relaychat.testing.conformance import CHECKS, try_dialect
    from relaychat.testing.conversation import Conversation, ScriptError
    from relaychat.testing.relay import Relay

    sys.path.insert(0, os.getcwd())
    for check in only:
        if check not in CHECKS:
            raise click.UsageError(f"{check} is none of {', '.join(CHECKS)}")
    try:
        dialect = DIALECT.find(name)
    except CannotFind as error:
        raise click.UsageError(str(error)) from None
    report = try_dialect(dialect, seed, [one.read_bytes() for one in examples], only)
    click.echo("\n".join(report.lines()))
    good = report.good
    for script in scripts:
        try:
            Conversation(Relay(), dialect).run(script.read_text(encoding="utf-8"))
        except ScriptError as error:
            good = False
            click.echo(f"  FAIL  {script}: {error}")
        else:
            click.echo(f"  ok    {script}")
    for one in report.outcomes:
        if one.failed:
            again = f"--seed {seed} --only {one.name}"
            click.echo(f"again: relaychat test-dialect {name} {again}")
    sys.exit(0 if good else 1)
