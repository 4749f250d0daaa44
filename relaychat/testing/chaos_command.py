"""``relaychat chaos``: the chaos proxy as a command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError

from relaychat.client.cli.output import note
from relaychat.client.cli.run import UNREACHABLE, USAGE, Trouble, run
from relaychat.client.cli.stdin import Input
from relaychat.net.dial import BadServer
from relaychat.testing.chaos import FAULTS, ChaosProxy, Fault, Weather

F = TypeVar("F", bound=Callable[..., Any])

NOW: dict[str, Fault] = {fault.replace("_", "-"): fault for fault in FAULTS}
"""What may be typed."""


def _seconds(name: str, text: str) -> Callable[[F], F]:
    return click.option(name, default=0.0, metavar="SECONDS", help=text)


@click.command(short_help="A bad network, for programs to be tried on.")
@click.option(
    "--listen", required=True, metavar="ENDPOINT", help="tcp:PORT, unix:PATH …"
)
@click.option(
    "--to", required=True, metavar="ENDPOINT", help="tcp:HOST:PORT, unix:PATH …"
)
@click.option("--seed", default=0, help="The same seed, the same faults.")
@_seconds("--delay", "Each way.")
@_seconds("--jitter", "The delay is so much more or less.")
@click.option("--rate", default=0.0, metavar="BYTES", help="A second, each way.")
@click.option(
    "--held",
    default=Weather().held_bytes,
    show_default=True,
    metavar="BYTES",
    help="Under way in one connection and direction, at most.",
)
@_seconds("--cut", "Mean time between two resets of a connection.")
@_seconds("--half-close", "Mean time until one side reads the end.")
@_seconds("--half-open", "Mean time until all is swallowed silently.")
@_seconds("--stall", "Mean time between two pauses.")
@click.option(
    "--stall-for",
    default=Weather().stall_s,
    show_default=True,
    metavar="SECONDS",
    help="How long a pause is.",
)
@_seconds("--corrupt", "Mean time between two flipped bits.")
@click.option("--quiet", is_flag=True, help="Do not tell of each fault.")
def chaos(listen: str, to: str, seed: int, quiet: bool, **weather: float) -> None:
    """A bad network between a program and its server: bytes come late, slowly, damaged,
    or not at all.

    Times are means of a random wait, for each connection; 0 is never. Type cut,
    half-close, half-open, stall or corrupt to have it now, for all connections.
    """  # fmt: skip
    names = {"delay": "delay_s", "jitter": "jitter_s", "held": "held_bytes",
             "stall_for": "stall_s"}  # fmt: skip
    try:
        made = msgspec.convert(
            {names.get(name, name): value for name, value in weather.items()}, Weather
        )
    except msgspec.ValidationError as error:
        raise click.UsageError(str(error)) from None

    async def job(reactor: Any) -> int:
        report = (lambda text: None) if quiet else note
        try:
            proxy = ChaosProxy(reactor, listen, to, made, seed, report)
        except (BadServer, ValueError) as error:
            raise Trouble(USAGE, str(error)) from None
        try:
            await proxy.start()
        except (OSError, CannotListenError) as error:
            raise Trouble(UNREACHABLE, f"{listen}: {error}") from None
        await _pass_on(reactor, proxy, f"{listen} to {to}, seed {seed}")
        return 0

    run(job)


async def _pass_on(reactor: Any, proxy: ChaosProxy, what: str) -> None:
    """Until a signal comes."""
    typed = Input(reactor, 0, lambda data: _now(proxy, data), lambda: None)
    note(f"passing on from {what}")
    typed.go()
    try:
        await Deferred()
    finally:
        typed.pause()
        await proxy.stop()
        note(", ".join(f"{count} {name}" for name, count in proxy.counts.items()))


def _now(proxy: ChaosProxy, data: bytes) -> None:
    """Do what was typed."""
    for word in data.decode("utf-8", "replace").split():
        fault = NOW.get(word)
        if fault is None:
            note(f"{word}: it is one of {', '.join(NOW)}")
        else:
            getattr(proxy, fault)()
