"""Runs a command's coroutine in the reactor, and turns its end into an exit code.

==== =========================================================================
code meaning
==== =========================================================================
0    done
1    the server refused: the login, the room, a message, a query
2    the command line is wrong
3    the server can't be reached, or did not answer in time
4    local trouble: the state folder, or an input that is not what it was
130  Ctrl-C (141: nobody reads the output any more; 143: SIGTERM)
==== =========================================================================
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.python.failure import Failure

from relaychat.client.cli.output import OutputClosed, note
from relaychat.client.state import StateError
from relaychat.net.hosts import Hosts

REFUSED = 1
USAGE = 2
UNREACHABLE = 3
LOCAL = 4
CLOSED_OUTPUT = 141
SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""They end a job politely; the second one at once."""


class Trouble(Exception):
    """A command can't do what it was asked for."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


T = TypeVar("T")
Job = Callable[[Any], Coroutine["Deferred[Any]", Any, int]]
"""Takes the reactor, returns the exit code; cancelled by a signal."""


class _Run:
    """One run of a job."""

    def __init__(self, job: Job, reactor: Any) -> None:
        self.code = 0
        self._signal = 0
        self._job = job
        self._reactor = reactor
        self._done: Deferred[int] | None = None

    def start(self) -> None:
        """Called in the running reactor."""
        for number in SIGNALS:
            signal.signal(number, self._interrupted)
        self._done = Deferred.fromCoroutine(self._job(self._reactor))
        self._done.addCallbacks(self._returned, self._failed)
        self._done.addBoth(lambda _: self._stop())

    def _interrupted(self, number: int, frame: object) -> None:
        self._reactor.callFromThread(self._cancel, number)

    def _cancel(self, number: int) -> None:
        if self._signal:  # the second one does not wait for a polite end
            self.code = 128 + number
            self._stop()
            return
        self._signal = number
        if self._done is not None:
            self._done.cancel()

    def _stop(self) -> None:
        """Stop the reactor, unless it is stopping: interrupts come in any number."""
        with suppress(ReactorNotRunning):
            self._reactor.stop()

    def _returned(self, code: int) -> None:
        self.code = 128 + self._signal if self._signal else code

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, Trouble):
            note(str(error))
            self.code = error.code
        elif isinstance(error, StateError):
            note(str(error))
            self.code = LOCAL
        elif isinstance(error, OutputClosed):
            self.code = CLOSED_OUTPUT
        elif isinstance(error, CancelledError) and self._signal:
            self.code = 128 + self._signal
        else:
            note("a bug of relaychat itself; please report what follows")
            failure.printTraceback(file=sys.stderr)
            self.code = LOCAL


async def together(
    jobs: Iterable[Coroutine[Deferred[Any], Any, T]],
) -> list[T]:
    """What several coroutines return that run at the same time. A failure of one is
    raised as it is and ends the others, and so does a cancellation; ``gatherResults``
    would wrap it, and have the others' failures logged."""
    going = [Deferred.fromCoroutine(one) for one in jobs]
    try:
        return [await one for one in going]
    finally:
        for one in going:
            one.addErrback(lambda failure: None)
            one.cancel()


def finish(job: Job) -> int:
    """Run a job to its end: its exit code. One can do so once in a process."""
    from twisted.internet import reactor as installed

    reactor: Any = installed
    reactor.installNameResolver(Hosts(reactor))
    one = _Run(job, reactor)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    reactor.callWhenRunning(one.start)
    reactor.run()
    for number, old in before.items():
        signal.signal(number, old)
    return one.code


def run(job: Job) -> None:
    """Run a job to its end and exit with its code."""
    sys.exit(finish(job))
