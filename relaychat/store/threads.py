"""Threads that carry out calls one after the other, and answer in another thread."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")

Job = Callable[[], None]


class CallFromThread(Protocol):
    """``reactor.callFromThread``: have this called in the reactor's thread, soon."""

    def __call__(self, call: Callable[..., object], /, *values: Any) -> object: ...


class Worker:
    """A thread with a queue, first in, first out.

    ``idle`` is called in it, once, when nothing has come for ``idle_s`` after
    something.
    """

    def __init__(
        self,
        name: str,
        call_from_thread: CallFromThread,
        idle: Callable[[], object] | None = None,
        idle_s: float = 0.1,
    ) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._call_from_thread = call_from_thread
        self._idle = idle
        self._idle_s = idle_s
        # A daemon, for after a doubt the process ends without closing anything.
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin with what was asked so far."""
        self._thread.start()

    def ask(self, call: Callable[..., T], *values: object) -> Deferred[T]:
        """Have a call carried out; fires with what it gives, or fails as it does."""
        asked: Deferred[T] = Deferred()

        def carry_out() -> None:
            try:
                result = call(*values)
            except Exception as error:
                self._call_from_thread(asked.errback, error)
            else:
                self._call_from_thread(asked.callback, result)

        self._jobs.put(carry_out)
        return asked

    def after(self, call: Callable[[], None]) -> None:
        """Have a call carried out behind all that was asked, without an answer."""
        self._jobs.put(call)

    def stop(self) -> None:
        """End the thread behind all that was asked. It may be called in the thread."""
        self._jobs.put(None)

    def _run(self) -> None:
        worked = False
        while True:
            try:
                job = self._jobs.get(timeout=self._idle_s if worked else None)
            except Empty:
                worked = False
                if self._idle is not None:
                    self._idle()
                continue
            if job is None:
                return
            job()
            worked = self._idle is not None
