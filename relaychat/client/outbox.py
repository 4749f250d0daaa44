"""Sends that are not acknowledged yet, in the order of their cids (H5, H20).

A send is *waiting* until it is transmitted, *in flight* until it is answered, and gone
when it was kept or refused for good. Refused for now (``unavailable``), it goes back,
and so does all that was sent behind it: when everything in flight has been answered,
the outbox is *stalled*, and ``again`` lets it start over from the first unacknowledged
one (go-back-N). A lost connection does the same at once. The cid stays, so whatever the
log holds already is answered as a duplicate and is in it once.

A *spool* keeps them over a crash of this program: a send is in it before anything else
happens to it, and out of it when it was answered. The next run begins with what it
holds, in the same order under the same cids.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

import msgspec

from relaychat.model.commands import Custom, Edit, React, Redact, Say
from relaychat.model.events import Done, Fault

Send = Say | Edit | Redact | React | Custom
"""Commands that carry a cid."""

WINDOW = 128
"""Sends in flight: half of what a server takes of one session before it stops
reading."""


class Spool(Protocol):
    """Where sends are kept until they are answered."""

    @property
    def high(self) -> int:
        """The highest cid it ever held, also in earlier runs."""

    def unsent(self) -> list[Send]:
        """What earlier runs left in it, by cid."""

    def add(self, sends: Sequence[Send]) -> None:
        """Keep sends. They survive any crash when this returns; if it raises, none of
        them does."""

    def settle(self, send: Send, answer: Done | Fault) -> None:
        """A send was answered for good. One that was kept may be here again after a
        crash, for a resend is harmless; one that was refused is gone when this
        returns."""


class MemorySpool:
    """A spool that lives as long as the object."""

    def __init__(self) -> None:
        self.high = 0
        self._kept: dict[int, Send] = {}

    def unsent(self) -> list[Send]:
        """See Spool."""
        return [self._kept[cid] for cid in sorted(self._kept)]

    def add(self, sends: Sequence[Send]) -> None:
        """See Spool."""
        for send in sends:
            self.high = send.cid or 0
            self._kept[self.high] = send

    def settle(self, send: Send, answer: Done | Fault) -> None:
        """See Spool."""
        self._kept.pop(send.cid or 0, None)


class Outbox:
    """Everything between "sent" and "surely kept"."""

    def __init__(self, window: int = WINDOW, spool: Spool | None = None) -> None:
        self.window = window
        self._spool = MemorySpool() if spool is None else spool
        self.high = self._spool.high
        """The highest cid ever put in."""
        self._seen = 0
        self._waiting: deque[Send] = deque(self._spool.unsent())
        self._flight: dict[int, Send] = {}
        self._back: list[Send] = []

    def __len__(self) -> int:
        return len(self._waiting) + len(self._flight) + len(self._back)

    @property
    def room(self) -> int:
        """How many more fill the window: what a source should offer next."""
        return max(0, self.window - len(self))

    @property
    def stalled(self) -> bool:
        """Whether something was refused for now, and nothing is under way any more."""
        return bool(self._back) and not self._flight

    def seen(self, high: int) -> None:
        """The server's log holds a cid this high: those that are given from now on are
        higher."""
        self._seen = max(self._seen, high)

    def put(self, *sends: Send) -> list[Send]:
        """Add sends behind all others; those that have no cid are given one. They are
        kept by the spool when this returns.

        Raises ValueError if a cid does not rise, and what the spool raises.
        """
        high, numbered = self.high, []
        for send in sends:
            if send.cid is None:
                cid = max(high, self._seen) + 1
                send = msgspec.structs.replace(send, cid=cid)
            elif send.cid <= high:
                raise ValueError(f"cid {send.cid} after {high}")
            high = send.cid or 0
            numbered.append(send)
        self._spool.add(numbered)
        self.high = high
        self._waiting += numbered
        return numbered

    def take(self) -> list[Send]:
        """What to transmit now; it is in flight from here on."""
        taken: list[Send] = []
        while self._waiting and len(self._flight) < self.window and not self._back:
            send = self._waiting.popleft()
            self._flight[send.cid or 0] = send
            taken.append(send)
        return taken

    def kept(self, cid: int, done: Done) -> Send | None:
        """It is in the log. None if it was not in flight."""
        return self._settled(cid, done)

    def refused(self, cid: int, fault: Fault) -> Send | None:
        """It was refused, for now or for good. None if it was not in flight."""
        if not fault.retry:
            return self._settled(cid, fault)
        send = self._flight.pop(cid, None)
        if send is not None:
            self._back.append(send)
        return send

    def again(self) -> None:
        """Start over with what was refused for now."""
        if self.stalled:
            self._go_back()

    def lost(self) -> None:
        """The connection is gone: what was in flight has an unknown outcome."""
        self._back += self._flight.values()
        self._flight.clear()
        self._go_back()

    def forget(self) -> list[Send]:
        """Give up all that is unacknowledged, and say what it was."""
        self.lost()
        given_up = list(self._waiting)
        self._waiting.clear()
        return given_up

    def _settled(self, cid: int, answer: Done | Fault) -> Send | None:
        send = self._flight.pop(cid, None)
        if send is not None:
            self._spool.settle(send, answer)
        return send

    def _go_back(self) -> None:
        self._back.sort(key=lambda send: send.cid or 0)
        self._waiting.extendleft(reversed(self._back))
        self._back.clear()
