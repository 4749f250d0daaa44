"""Reading a file descriptor that may be a pipe, a terminal, a socket or a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

CHUNK_BYTES = 64 * 1024


class Input(FileDescriptor):
    """Calls ``received`` with bytes and once ``ended``. It starts paused.

    Each read waits until there is something to read, so the descriptor stays in the
    blocking mode that it shares with other programs. What the reactor can't watch
    (files, some devices) is read between its turns.
    """

    def __init__(
        self,
        reactor: Any,
        fd: int,
        received: Callable[[bytes], None],
        ended: Callable[[], None],
    ) -> None:
        super().__init__(reactor)
        self._clock: IReactorTime = reactor
        self._fd = fd
        self._received = received
        self._ended = ended
        self._going = self._watched = False
        self._poll: Any = None
        self.at_end = False

    def fileno(self) -> int:
        return self._fd

    def go(self) -> None:
        """Read, until paused."""
        if self._going or self.at_end:
            return
        self._going = True
        try:
            self.reactor.addReader(self)
            self._watched = True
        except OSError:  # epoll takes neither files nor every device
            self._watched = False
            self._step_soon()

    def pause(self) -> None:
        """Read nothing more for now."""
        if self._going:
            self._going = False
            if self._watched:
                self.reactor.removeReader(self)
            elif self._poll is not None:
                self._poll.cancel()
                self._poll = None

    def doRead(self) -> None:
        """Take what is there. What comes of it may pause or end it."""
        try:
            data = os.read(self._fd, CHUNK_BYTES)
        except InterruptedError:
            return
        except OSError:  # a terminal that is gone answers EIO
            data = b""
        if data:
            self._received(data)
            return
        self.pause()
        self.at_end = True
        self._ended()

    def _step_soon(self) -> None:
        if self._poll is None:
            self._poll = self._clock.callLater(0, self._step)

    def _step(self) -> None:
        self._poll = None
        self.doRead()
        if self._going:
            self._step_soon()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor found the descriptor closed at the other end."""
        if not self.at_end and self._going:
            self.pause()
            self.at_end = True
            self._ended()

    def logPrefix(self) -> str:
        return "input"
