"""The real world: the reactor's clock, the system's chance, threads for hashing."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IReactorFromThreads,
    IReactorTime,
)
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from relaychat.auth import passwords

T = TypeVar("T")


class ReactorTimer:
    """A delayed call whose cancelling is always harmless."""

    __slots__ = ("_call",)

    def __init__(self, call: IDelayedCall) -> None:
        self._call = call

    def cancel(self) -> None:
        """Forget it."""
        if self._call.active():
            self._call.cancel()


class ReactorWorld:
    """A ``World`` on a reactor."""

    def __init__(self, reactor: IReactorTime) -> None:
        self._reactor = reactor

    def now_ms(self) -> int:
        """Wall-clock time, milliseconds since 1970 (UTC)."""
        return time.time_ns() // 1_000_000

    def monotonic_us(self) -> int:
        """Microseconds that never go back, since the machine's start."""
        return time.monotonic_ns() // 1_000

    def later(self, seconds: float, call: Callable[[], None]) -> ReactorTimer:
        """Call once, after so many seconds."""
        return ReactorTimer(self._reactor.callLater(seconds, call))

    def token_bytes(self, size: int) -> bytes:
        """So many unpredictable bytes, of the kernel's."""
        return os.urandom(size)


class Threads(passwords.Threads, Protocol):
    """Where passwords are hashed, from the relay's start to its end."""

    def start(self) -> None:
        """Let calls begin."""

    def stop(self) -> None:
        """Wait for the calls under way, and end."""


POLITE = 15
"""Niceness of the threads in which passwords are hashed: beside them a reactor that has
something to do gets nearly all of a processor."""


class PoliteThread(threading.Thread):
    """A thread that leaves the processors to others."""

    def run(self) -> None:
        """See ``Thread``."""
        if sys.platform == "linux":  # Elsewhere it would be the process's niceness.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), POLITE)
        super().run()


class HashingThreads:
    """The few threads in which passwords are hashed (``auth.passwords.Threads``). They
    begin with the first hash: a relay without logins has none."""

    def __init__(self, reactor: IReactorFromThreads, most: int = 2) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(0, most, "relaychat-hashing")
        self._pool.threadFactory = PoliteThread

    def start(self) -> None:
        """Let calls begin."""
        self._pool.start()

    def stop(self) -> None:
        """Wait for the calls under way, and end."""
        self._pool.stop()

    def run(self, call: Callable[[], T]) -> Deferred[T]:
        """The result of a call in one of the threads."""
        return deferToThreadPool(self._reactor, self._pool, call)
