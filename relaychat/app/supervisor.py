"""What a supervisor is told, if the process has one: systemd's notifications.

One datagram for each, to the socket that ``$NOTIFY_SOCKET`` names: ``READY=1`` when all
doors are open, ``STOPPING=1`` when they close, and, where ``$WATCHDOG_USEC`` asks for
it, ``WATCHDOG=1`` twice within that time, which says that the reactor turns. See
sd_notify(3) and sd_watchdog_enabled(3).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, MutableMapping
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger


class Supervisor:
    """The one who has started this process, as far as it wants to hear of us."""

    _log = Logger()

    def __init__(
        self, environment: MutableMapping[str, str], pid: Callable[[], int] = os.getpid
    ) -> None:
        """Takes what it finds out of the environment: programs that we start do not
        speak for us."""
        path = environment.pop("NOTIFY_SOCKET", "")
        # An @ stands for the zero byte of Linux's abstract names.
        self._path = "\0" + path[1:] if path.startswith("@") else path
        self._pulse_us = _number(environment.pop("WATCHDOG_USEC", ""))
        self._watched = _number(environment.pop("WATCHDOG_PID", ""))
        self._pid = pid
        self._pulse: LoopingCall | None = None

    def ready(self, clock: Any) -> None:
        """The relay is up; from now on it is alive as long as ``clock`` goes."""
        self._tell("READY=1")
        mine = self._watched in (0, self._pid())
        if self._path and self._pulse_us and mine:
            self._pulse = LoopingCall(self._tell, "WATCHDOG=1")
            self._pulse.clock = clock
            self._pulse.start(self._pulse_us / 2e6)

    def stopping(self) -> None:
        """The relay goes down."""
        if self._pulse is not None:
            self._pulse.stop()
            self._pulse = None
        self._tell("STOPPING=1")

    def _tell(self, word: str) -> None:
        if not self._path:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
                way.setblocking(False)
                way.sendto(word.encode(), self._path)
        except OSError as error:
            self._log.warn(
                "the supervisor does not hear {word}: {why}", word=word, why=error
            )


def _number(text: str) -> int:
    """What a variable counts; 0 if it does not."""
    return int(text) if text.isascii() and text.isdigit() else 0
