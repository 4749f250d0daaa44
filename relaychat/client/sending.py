"""What became of one send."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from relaychat.client.outbox import Send
from relaychat.model.events import Done, Fault


class RefusedByServer(Exception):
    """The server said no. ``fault`` has its code, and whether to try again helps."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.text} [{fault.code}]")
        self.fault = fault


class Sending:
    """Something that is in the outbox, or was."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.answer: Done | Fault | None = None
        """The server's, once it came."""
        self._waiting: list[Deferred[Done]] = []

    def __repr__(self) -> str:
        return f"<Sending {self.cid} to {self.send.room}: {self.answer}>"

    @property
    def cid(self) -> int:
        """The client id."""
        return self.send.cid or 0

    def kept(self) -> Deferred[Done]:
        """Fires with the place in the log when it is there; fails with RefusedByServer
        if it was refused for good."""
        waiting: Deferred[Done] = Deferred()
        self._waiting.append(waiting)
        self._fire()
        return waiting

    def answered(self, answer: Done | Fault) -> None:
        """The server answered for good."""
        self.answer = answer
        self._fire()

    def _fire(self) -> None:
        answer = self.answer
        if answer is None:
            return
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if isinstance(answer, Fault):
                one.errback(RefusedByServer(answer))
            else:
                one.callback(answer)
