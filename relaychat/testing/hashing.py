"""Passwords without their cost, for tests and simulations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, execute

from relaychat.auth.passwords import Cost
from relaychat.wire.scram import ITERATIONS_LEAST

T = TypeVar("T")

CHEAP = Cost(memory_kib=8, passes=1, lanes=1, iterations=ITERATIONS_LEAST)
"""The least that argon2 and SCRAM take."""


class AtOnce:
    """Threads that take no time: see ``auth.passwords.Threads``."""

    def run(self, call: Callable[[], T]) -> Deferred[T]:
        """The result of a call."""
        return execute(call)
