"""The link: a conversation kept alive over any endpoint, by Twisted.

It connects, says hello, answers and asks for signs of life, and when the connection
goes it comes back with growing, jittered delays and goes on where it was. Decisions are
in ``core``; here are sockets and timers only.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from typing import Protocol as TypingProtocol

from twisted.application.internet import ClientService
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from relaychat.client.core import Conversation
from relaychat.client.happenings import (
    Answered,
    Down,
    Happening,
    Kept,
    Parting,
    Rejected,
    Up,
)
from relaychat.client.reasons import is_final, reason_of
from relaychat.model.commands import Command
from relaychat.model.events import Fault
from relaychat.model.words import Word

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 15.0
"""Between attempts; a server that restarts is found again within a second, one that is
away for long is not bothered more than four times a minute."""
IDLE_S = 15.0
"""Silence after which we ask for a sign of life."""
SILENCE_S = 30.0
"""Silence after which the connection counts as dead."""
AGAIN_S = 0.5
"""After a refusal for now: the first wait; it doubles up to AGAIN_LONGEST_S."""
AGAIN_LONGEST_S = 10.0


def delay_s(failures: int, chance: float) -> float:
    """Seconds before the next attempt. ``chance``, 0 to 1, spreads clients that lost
    the same server over time."""
    plain = min(LONGEST_DELAY_S, FIRST_DELAY_S * 1.6 ** min(failures, 20))
    return plain * (0.5 + chance)


SILENT = (ConnectionDone, ConnectionLost)
WRONG_DOOR = "is it the right port, and with or without TLS?"
"""What a server does that hears TLS where it has none, or none where it has."""
_DONE = Failure(ConnectionDone())


class Asking(TypingProtocol):
    """A clock with timers: a reactor, or a test's clock."""

    def seconds(self) -> float: ...

    def callLater(self, delay: float, call: Callable[[], object]) -> Any: ...


class _Connection(Protocol):
    """One connection of a link."""

    transport: Any

    def __init__(self, link: Link) -> None:
        self._link = link
        self.last_word = ""
        self.heard = False

    def connectionMade(self) -> None:
        self._link._made(self)

    def dataReceived(self, data: bytes) -> None:
        self._link._received(self, data)

    def connectionLost(self, reason: Failure = _DONE) -> None:
        self._link._lost(self, reason)


@implementer(IStreamClientEndpoint)
class _Noting:
    """An endpoint that tells of failed attempts, which ClientService keeps to
    itself."""

    def __init__(self, endpoint: Any, note: Callable[[Failure], None]) -> None:
        self._endpoint = endpoint
        self._note = note

    def connect(self, factory: Any) -> Deferred[Any]:
        attempt: Deferred[Any] = self._endpoint.connect(factory)

        def failed(reason: Failure) -> Failure:
            self._note(reason)
            return reason

        return attempt.addErrback(failed)


class Link(Service):
    """Keeps a conversation connected. ``heard`` is called with everything that happens,
    in order; what it puts into the conversation then is sent at once."""

    def __init__(
        self,
        clock: Any,
        endpoint: IStreamClientEndpoint,
        conversation: Conversation,
        heard: Callable[[Happening], None],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.conversation = conversation
        self.heard = heard
        self._clock: Asking = clock
        self._connection: _Connection | None = None
        self._answers: dict[int, Deferred[Word]] = {}
        self._last_heard = 0.0
        self._timers: dict[str, Any] = {}
        self._failures = 0
        self._waiting_up: list[Deferred[None]] = []
        self._again_s = AGAIN_S
        self._client = ClientService(
            _Noting(endpoint, self._attempt_failed),
            Factory.forProtocol(lambda: _Connection(self)),
            # Its own count ends with a connection; ours with a hello that was accepted.
            retryPolicy=lambda _: delay_s(self._failures, jitter()),
            clock=clock,
        )

    # -- the service -------------------------------------------------------------------

    def startService(self) -> None:
        super().startService()
        self._client.startService()

    def stopService(self) -> Deferred[None]:
        super().stopService()
        self._cancel_all()
        stopped: Deferred[None] = self._client.stopService()
        return stopped

    def up(self) -> Deferred[None]:
        """Fires when hello is accepted, at once if it was."""
        if self.conversation.welcome is not None:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting_up.append(waiting)
        return waiting

    # -- what one may do ---------------------------------------------------------------

    def flush(self) -> None:
        """Write what the conversation has to say. Call it after putting something
        in."""
        if self._connection is not None:
            data = self.conversation.data_to_send()
            if data:
                self._connection.transport.write(data)

    def ask(self, command: Command) -> Deferred[Word]:
        """Ask for something; fires with the answer, which may be a Fault."""
        answer: Deferred[Word] = Deferred()
        if self._connection is None or self.conversation.welcome is None:
            answer.callback(Fault("lost", "not connected", retry=True))
            return answer
        self._answers[id(command)] = answer
        self.conversation.ask(command)
        self.flush()
        return answer

    def drop(self) -> None:
        """Give this connection up; the next one follows."""
        if self._connection is not None:
            self._connection.transport.abortConnection()

    # -- from the connection -----------------------------------------------------------

    def _made(self, connection: _Connection) -> None:
        self._connection = connection
        self._last_heard = self._clock.seconds()
        self._again_s = AGAIN_S
        self.conversation.connected()
        self.flush()
        self._later("pulse", IDLE_S, self._pulse)

    def _received(self, connection: _Connection, data: bytes) -> None:
        if connection is not self._connection:
            return
        self._last_heard = self._clock.seconds()
        connection.heard = True
        for happening in self.conversation.receive(data):
            self._happened(connection, happening)
        self.flush()
        if self.conversation.broken:
            connection.last_word = self.conversation.broken
            connection.transport.abortConnection()
        elif self.conversation.stalled and "again" not in self._timers:
            self._later("again", self._again_s, self._again)
            self._again_s = min(self._again_s * 2, AGAIN_LONGEST_S)

    def _happened(self, connection: _Connection, happening: Happening) -> None:
        if isinstance(happening, Answered):
            waiting = self._answers.pop(id(happening.command), None)
            if waiting is not None:
                waiting.callback(happening.answer)
                return
        elif isinstance(happening, Kept):
            self._again_s = AGAIN_S
        elif isinstance(happening, Up):
            self._failures = 0
            eager, self._waiting_up = self._waiting_up, []
            for one in eager:
                one.callback(None)
        elif isinstance(happening, Parting):
            connection.last_word = happening.goodbye.text
        elif isinstance(happening, Rejected):
            connection.last_word = happening.fault.text
            connection.transport.loseConnection()
        self.heard(happening)

    def _lost(self, connection: _Connection, reason: Failure) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        self._cancel_all()
        why = connection.last_word or reason_of(reason)
        if not connection.heard and reason.check(*SILENT):
            why = f"{why} before it said a word; {WRONG_DOOR}"
        for happening in self.conversation.disconnected():
            self._happened(connection, happening)
        self._down(why, is_final(reason))

    def _attempt_failed(self, reason: Failure) -> None:
        self._down(reason_of(reason), is_final(reason))

    def _down(self, why: str, final: bool) -> None:
        self._failures += 1
        if self.running:
            self.heard(Down(why, final))

    # -- timers ------------------------------------------------------------------------

    def _later(self, name: str, delay: float, call: Callable[[], None]) -> None:
        def fire() -> None:
            del self._timers[name]
            call()

        self._timers[name] = self._clock.callLater(delay, fire)

    def _cancel_all(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _pulse(self) -> None:
        silence = self._clock.seconds() - self._last_heard
        if silence >= SILENCE_S and self._connection is not None:
            self._connection.last_word = "no sign of life from the server"
            self.drop()
            return
        if silence >= IDLE_S and self.conversation.welcome is not None:
            self.conversation.ping()
            self.flush()
        self._later("pulse", IDLE_S, self._pulse)

    def _again(self) -> None:
        self.conversation.again()
        self.flush()
