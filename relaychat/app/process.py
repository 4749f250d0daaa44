"""What belongs to the process: its limits, its signals, its end."""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from relaychat.net.listen import most_sockets

SWITCH_S = 0.0005
"""How long one thread keeps the interpreter while another waits for it. With the usual
5 ms a busy reactor lets the store's writer in so rarely that commits stall."""
IN_DOUBT = os.EX_IOERR
"""Exit code (74) after a commit whose outcome is unknown: start again, the log decides.
Exit code 1 says that the relay could not start."""


def settle() -> int:
    """Prepare the process for many connections and two busy threads. Returns how many
    connections its descriptors allow."""
    sys.setswitchinterval(SWITCH_S)
    # What is imported stays: no collection has to look at it again. Other thresholds
    # than Python's own make no difference that could be measured.
    gc.collect()
    gc.freeze()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return most_sockets(hard)


def steady(reactor: Any) -> None:
    """Have timers follow a clock that nobody steps. Twisted's follow the wall clock:
    set back by an hour, it would find dead connections an hour late. Somebody else's
    timers would not understand the change, so where there are any it is not made."""
    if not reactor.getDelayedCalls():
        reactor.seconds = time.monotonic


def on_signals(stop: Callable[[str], None], reactor: Any) -> None:
    """Call ``stop`` for SIGTERM and SIGINT. With the reactor's own handlers twistd
    would kill itself by the same signal at the end, which looks like a crash."""

    def heard(number: int, frame: object) -> None:
        reactor.callFromThread(stop, signal.Signals(number).name)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, heard)


def on_hangup(reload: Callable[[], object], reactor: Any) -> None:
    """Call ``reload`` for SIGHUP, which would end the process otherwise."""

    def heard(number: int, frame: object) -> None:
        reactor.callFromThread(reload)

    signal.signal(signal.SIGHUP, heard)


def leave(reactor: Any, code: int) -> None:
    """Stop the reactor, and end with this code once everything is closed."""

    def end() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    if code:
        reactor.addSystemEventTrigger("after", "shutdown", end)
    if reactor.running:
        reactor.stop()


def end_now(code: int) -> None:
    """End without closing anything."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
