"""What ``reactor.callFromThread`` is to a server, for programs without a reactor."""

from __future__ import annotations

from collections.abc import Callable
from queue import Queue
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")

WAIT_S = 30
"""For an answer of a thread. Nothing takes so long; it keeps what is broken from
hanging."""


class Calls:
    """The thread that waits for something is the one that calls are handed to."""

    def __init__(self) -> None:
        self._queue: Queue[tuple[Callable[..., object], tuple[Any, ...]]] = Queue()

    def from_thread(self, call: Callable[..., object], /, *values: Any) -> None:
        """Have this called by the thread that waits."""
        self._queue.put((call, values))

    def wait(self, asked: Deferred[T]) -> T:
        """What a Deferred fires with; its failure is raised."""
        results: list[T | Failure] = []
        asked.addBoth(results.append)
        while not results:
            call, values = self._queue.get(timeout=WAIT_S)
            call(*values)
        result = results[0]
        if isinstance(result, Failure):
            result.raiseException()
            raise AssertionError
        return result
