"""Errors that a session answers by itself, in the form in which the hub answers its
own."""

from __future__ import annotations

from relaychat.hub.decide import fault
from relaychat.model.commands import Command
from relaychat.model.errors import RelayError
from relaychat.model.events import Fault


def fault_of(error: RelayError, command: Command | None = None) -> Fault:
    """How an error is told; ``command`` is what was asked, if that could be read."""
    if command is not None:
        return fault(error, command)
    return Fault(error.code, error.text, error.about, retry=error.retry)
