"""What a peer has said and nobody has taken yet.

Frames are taken one after the other, as far as it goes; while any waits, the link is
paused, so what waits is bounded by what one read brings. What the dialect asks by
itself goes in front.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from relaychat.model.errors import RelayError
from relaychat.model.words import Word
from relaychat.model.world import Timer, World
from relaychat.session.limits import Rate
from relaychat.session.link import Link
from relaychat.session.pace import Pace

Item = bytes | RelayError | Word
"""A frame, what is wrong with one, or a word that a frame came to."""


class Intake:
    """Of one session. ``take`` is called with each item, in order, but not while
    ``held`` says that nothing may be taken."""

    __slots__ = (
        "_asked", "_held", "_link", "_retry", "_take", "_world", "pace", "paused",
        "waiting",
    )  # fmt: skip

    def __init__(
        self,
        world: World,
        link: Link,
        held: Callable[[], bool],
        take: Callable[[Item], None],
    ) -> None:
        self._world = world
        self._link = link
        self._held = held
        self._take = take
        self.waiting: deque[Item] = deque()
        self.paused = False
        self.pace: Pace | None = None
        """How fast the peer is read, if that is bounded."""
        self._retry: Timer | None = None
        """The peer has asked too fast: time to go on."""
        self._asked = 0
        """How many of those at its front the dialect has asked since one was taken, or
        what held them was answered: what follows from that answer goes before them."""

    def slow(self, rate: Rate) -> None:
        """Take no more frames than this from now on; from this machine all (H27)."""
        bounded = rate.per_s and not self._link.exempt
        self.pace = Pace(rate, self._world.monotonic_us()) if bounded else None

    def extend(self, items: Sequence[Item]) -> None:
        """These came behind all others."""
        self.waiting.extend(items)
        if not self.paused:
            self.pump()

    def split(self, words: Sequence[Item]) -> None:
        """The frame that was just taken is these. Each is taken as a frame is: a query
        in the middle holds those behind it."""
        self.waiting.extendleft(reversed(words))

    def ask(self, words: Sequence[Word]) -> None:
        """Take these in the order in which they are asked, and in front of what the
        peer has said meanwhile: they follow from what it said before."""
        waiting = self.waiting
        waiting.rotate(-self._asked)
        waiting.extendleft(reversed(words))
        waiting.rotate(self._asked)
        self._asked += len(words)
        if not self.paused:
            self.pump()

    def answered(self) -> None:
        """What held the others was answered."""
        self._asked = 0

    def pump(self) -> None:
        """Take what waits, as far as it goes."""
        waiting = self.waiting
        while waiting:
            if self._held() or self._too_fast():
                if not self.paused:
                    self.paused = True
                    self._link.pause()
                return
            self._asked = 0
            self._take(waiting.popleft())
        if self.paused:
            self.paused = False
            self._link.resume()

    def stop(self) -> None:
        """Nothing more is taken."""
        self.waiting.clear()
        if self._retry is not None:
            self._retry.cancel()

    def _too_fast(self) -> bool:
        if self._retry is not None:
            return True
        # Only a frame costs a token, not the commands that it turned out to be.
        if self.pace is None or not isinstance(self.waiting[0], bytes):
            return False
        wait_s = self.pace.take(self._world.monotonic_us)
        if wait_s > 0:
            self._retry = self._world.later(wait_s, self._go_on)
        return wait_s > 0

    def _go_on(self) -> None:
        self._retry = None
        self.pump()
