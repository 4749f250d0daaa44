"""Sends that are not acknowledged yet, in the order of their cids (H5, H20).

A send is *waiting* until it is transmitted, *in flight* until it is answered, and gone
when it was kept or refused for good. Refused for now (``unavailable``), it goes back,
and so does all that was sent behind it: when everything in flight has been answered,
the outbox is *stalled*, and ``again`` lets it start over from the first unacknowledged
one (go-back-N). A lost connection does the same at once. The cid stays, so whatever the
log holds already is answered as a duplicate and is in it once.
"""

from __future__ import annotations

from collections import deque

from relaychat.model.commands import Edit, React, Redact, Say

Send = Say | Edit | Redact | React
"""Commands that carry a cid."""

WINDOW = 128
"""Sends in flight: half of what a server takes of one session before it stops
reading."""


class Outbox:
    """Everything between "sent" and "surely kept"."""

    def __init__(self, window: int = WINDOW) -> None:
        self.window = window
        self.high = 0
        """The highest cid ever put in."""
        self._waiting: deque[Send] = deque()
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

    def put(self, send: Send) -> None:
        """Add a send behind all others. Raises ValueError if its cid does not rise."""
        if send.cid is None or send.cid <= self.high:
            raise ValueError(f"cid {send.cid} after {self.high}")
        self.high = send.cid
        self._waiting.append(send)

    def take(self) -> list[Send]:
        """What to transmit now; it is in flight from here on."""
        taken: list[Send] = []
        while self._waiting and len(self._flight) < self.window and not self._back:
            send = self._waiting.popleft()
            self._flight[send.cid or 0] = send
            taken.append(send)
        return taken

    def kept(self, cid: int) -> Send | None:
        """It is in the log. None if it was not in flight."""
        return self._flight.pop(cid, None)

    def refused(self, cid: int, retry: bool) -> Send | None:
        """It was refused, for now or for good. None if it was not in flight."""
        send = self._flight.pop(cid, None)
        if send is not None and retry:
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

    def _go_back(self) -> None:
        self._back.sort(key=lambda send: send.cid or 0)
        self._waiting.extendleft(reversed(self._back))
        self._back.clear()
