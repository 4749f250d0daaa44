"""Whether the peer is still there.

A silent peer is asked for a sign of life; one that gives none is hung up on. A person
at a plain terminal can't answer. So from this machine, where no connection dies
unnoticed, only who has ever answered has to go on answering."""

from __future__ import annotations

from collections.abc import Callable

from relaychat.model.errors import TimedOut
from relaychat.model.world import Timer, World
from relaychat.session.limits import Limits


class Heartbeat:
    """The clock of one session: its time to say hello, then its signs of life.

    ``ask`` sends a ping with this token and says whether there was a way to. ``busy``
    says that we are not reading, so that silence means nothing. ``give_up`` ends it.
    """

    __slots__ = (
        "_ask", "_asked_us", "_busy", "_exempt", "_give_up", "_limits", "_timer",
        "_world", "answers", "heard_us",
    )  # fmt: skip

    def __init__(
        self,
        world: World,
        limits: Limits,
        exempt: bool,
        ask: Callable[[str], bool],
        busy: Callable[[], bool],
        give_up: Callable[[TimedOut], None],
    ) -> None:
        self._world = world
        self._limits = limits
        self._exempt = exempt
        self._ask = ask
        self._busy = busy
        self._give_up = give_up
        self._asked_us = 0
        self.answers = False
        """The peer has answered once, or else shown that it is a program."""
        self.heard_us = world.monotonic_us()
        self._timer: Timer = world.later(limits.register_s, self._no_hello)

    def begin(self) -> None:
        """Hello was accepted."""
        self._again(self._limits.idle_s)

    def stop(self) -> None:
        """The session is over."""
        self._timer.cancel()

    def _again(self, seconds: float) -> None:
        self._timer.cancel()
        self._timer = self._world.later(seconds, self._beat)

    def _no_hello(self) -> None:
        if self._busy():
            # A login waits for its turn among others; auth bounds for how long.
            self._timer = self._world.later(self._limits.register_s, self._no_hello)
        else:
            self._give_up(TimedOut("no hello in time"))

    def _beat(self) -> None:
        now = self._world.monotonic_us()
        if self._busy():
            self.heard_us = now
        left_s = self._limits.idle_s - (now - self.heard_us) / 1e6
        if left_s > 0:
            self._again(left_s)
        elif self.heard_us >= self._asked_us:
            if self._ask(str(self._world.now_ms())):
                self._asked_us = now
            self._again(self._limits.answer_s)
        elif self.answers or not self._exempt:
            self._give_up(TimedOut())
        else:
            self._again(self._limits.answer_s)
