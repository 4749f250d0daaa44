"""Errors that a session answers by itself, in the form in which the hub answers its
own."""

from __future__ import annotations

from collections.abc import Callable

from twisted.python.failure import Failure

from relaychat.hub.decide import fault
from relaychat.model.commands import Command
from relaychat.model.errors import Internal, RelayError
from relaychat.model.events import Fault


def fault_of(error: RelayError, command: Command | None = None) -> Fault:
    """How an error is told; ``command`` is what was asked, if that could be read."""
    if command is not None:
        return fault(error, command)
    return Fault(error.code, error.text, error.about, retry=error.retry)


def fault_of_failure(
    failure: Failure, command: Command, report: Callable[[str], None]
) -> Fault:
    """The same for what came out of a Deferred. ``report`` is told of a bug."""
    try:
        failure.raiseException()
    except RelayError as error:
        return fault_of(error, command)
    except Exception:
        report(f"{type(command).__name__} failed")
    return fault_of(Internal(), command)
