"""The client library for scripts and notebooks: every call waits for its result.

::

    from relaychat.client import blocking

    with blocking.connect("relaychat://ann@chat.example.org", password="…") as chat:
        chat.join("#tea")
        chat.send("#tea", "two lumps, please")
        said = chat.wait(events.Said, timeout_s=60)
        print(said.sender, said.text)

It is ``api.Client`` in a thread of its own, with its promises: a durable outbox, events
that come once. A call that takes longer than its timeout raises
TimeoutError; what was sent is in the outbox all the same, and goes out.

Programs that run on Twisted use ``api`` itself.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.python.failure import Failure

from relaychat.client.api import Client
from relaychat.client.cursor import Logged
from relaychat.client.happenings import Down, Up
from relaychat.client.rooms import Room
from relaychat.client.sending import Sending
from relaychat.model import events
from relaychat.model.commands import Command, Kind
from relaychat.model.words import Word

T = TypeVar("T")
E = TypeVar("E", bound=Word)
HELD = 10_000
"""Events that are held for ``wait``; of more the oldest go, and Missed is raised."""
TIMEOUT_S = 30.0

_starting = threading.Lock()
_thread: threading.Thread | None = None


class Missed(Exception):
    """So many events came that the oldest could not be held: wait more often."""


def _reactor() -> Any:
    """The reactor, running in our thread. Raises RuntimeError if it is another's."""
    global _thread
    from twisted.internet import reactor as installed

    reactor: Any = installed
    with _starting:
        if _thread is None:
            if reactor.running:
                raise RuntimeError("a reactor runs here: use relaychat.client.api")
            up = threading.Event()
            reactor.callWhenRunning(up.set)
            _thread = threading.Thread(
                target=reactor.run,
                kwargs={"installSignalHandlers": False},
                name="relaychat",
                daemon=True,
            )
            _thread.start()
            up.wait()
    return reactor


class BlockingClient:
    """See the module. Made by ``connect``; its methods may be called from any thread
    but the reactor's own."""

    def __init__(self, reactor: Any, client: Client) -> None:
        self._reactor = reactor
        self._client = client
        self._news = threading.Condition()
        self._held: deque[Word] = deque()
        self._missed = 0
        self._why = ""
        """What keeps us from the server, as far as is known."""
        self._closed = False
        client.on(events.LogEvent, self._keep)
        client.on(Down, self._down)
        client.on(Up, self._up)

    def __repr__(self) -> str:
        state = "closed" if self._closed else self._why or "connected"
        return f"<{self.nick or 'nobody'} at {self._client.address.server}: {state}>"

    def __enter__(self) -> BlockingClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def nick(self) -> str:
        """What we are called."""
        return self._client.nick

    @property
    def rooms(self) -> list[Room]:
        """The rooms that we are in."""
        return list(self._client.rooms.values())

    def join(self, room: str, key: str = "", since: int | None = None) -> Room:
        """Be in a room; as ``Client.join``."""
        return self._call(lambda: self._client.join(room, key, since))

    def send(
        self,
        room: str,
        text: str,
        kind: Kind = "text",
        reply: int | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> events.Done:
        """Send a message, and wait until it is in the log. Raises RefusedByServer,
        TimeoutError (then it goes out later)."""

        def send() -> Deferred[events.Done]:
            return self._client.send(room, text, kind, reply).kept()

        return self._call(send, timeout_s)

    def post(self, room: str, text: str, kind: Kind = "text") -> Sending:
        """Put a message into the outbox, without waiting for the server."""
        return self._call(lambda: succeed(self._client.send(room, text, kind)))

    def mark(self, room: str, seq: int) -> None:
        """Everything up to ``seq`` was read."""

        def mark() -> Deferred[None]:
            self._client.mark(room, seq)
            return succeed(None)

        self._call(mark)

    def history(
        self, room: str, limit: int = 100, before: int | None = None,
        after: int | None = None,
    ) -> list[Logged]:  # fmt: skip
        """What a room's log holds; as ``Client.history``."""
        return self._call(
            lambda: Deferred.fromCoroutine(
                self._client.history(room, limit, before, after)
            )
        )

    def ask(self, command: Command) -> Word:
        """Ask for anything else; as ``Client.ask``."""
        return self._call(lambda: Deferred.fromCoroutine(self._client.ask(command)))

    def wait(
        self,
        kind: type[E],
        room: str = "",
        timeout_s: float | None = TIMEOUT_S,
        own: bool = False,
    ) -> E:
        """The next event of a kind, of one room or of any; those before it are passed
        over. What we did ourselves does not count, unless ``own``. None waits for ever.

        Raises TimeoutError, Missed.
        """
        if not isinstance(kind, type):
            raise TypeError(f"{kind!r} is no class of events; events.Said is one")
        until = None if timeout_s is None else time.monotonic() + timeout_s
        with self._news:
            while True:
                if self._missed:
                    count, self._missed = self._missed, 0
                    raise Missed(f"{count} events")
                while self._held:
                    event = self._held.popleft()
                    mine = getattr(event, "sender", "") == self.nick
                    here = not room or getattr(event, "room", "") == room
                    if isinstance(event, kind) and here and (own or not mine):
                        return event
                left = None if until is None else until - time.monotonic()
                if (left is not None and left <= 0) or not self._news.wait(left):
                    raise TimeoutError(f"no {kind.__name__} within {timeout_s:g} s")

    def close(self) -> None:
        """Leave. What was not sent yet is in the outbox for the next time."""
        if not self._closed:
            self._call(lambda: Deferred.fromCoroutine(self._client.close()))
            self._closed = True

    # -- inside ------------------------------------------------------------------------

    def _keep(self, event: Word) -> None:
        with self._news:
            self._held.append(event)
            if len(self._held) > HELD:
                self._held.popleft()
                self._missed += 1
            self._news.notify_all()

    def _down(self, happening: Down) -> None:
        self._why = happening.reason

    def _up(self, happening: Up) -> None:
        self._why = ""

    def _call(self, call: Callable[[], Deferred[T]], timeout_s: float = TIMEOUT_S) -> T:
        if self._closed:
            raise RuntimeError("this client is closed")
        try:
            return _in_reactor(self._reactor, call, timeout_s)
        except TimeoutError as error:
            if self._why:
                raise TimeoutError(f"{error}: {self._why}") from None
            raise


def _in_reactor(reactor: Any, call: Callable[[], Deferred[T]], timeout_s: float) -> T:
    """Call it in the reactor's thread, and wait for what comes of it."""
    result: Future[T] = Future()

    def failed(failure: Failure) -> None:
        result.set_exception(cast(BaseException, failure.value))

    reactor.callFromThread(
        lambda: maybeDeferred(call).addCallbacks(result.set_result, failed)
    )
    try:
        return result.result(timeout_s)
    except TimeoutError:
        raise TimeoutError(f"no answer within {timeout_s:g} s") from None


def connect(
    server: str,
    nick: str = "",
    *,
    password: str | None = None,
    name: str = "main",
    state: str | Path | None = None,
    timeout_s: float = TIMEOUT_S,
) -> BlockingClient:
    """A client that is connected; the arguments are those of ``api.Client``.

    Raises BadAddress, BadServer, StateError, CannotConnect, TimeoutError.
    """
    reactor = _reactor()

    def make() -> Deferred[BlockingClient]:
        client = Client(
            reactor, server, nick, password=password, name=name, state=state
        )
        return succeed(BlockingClient(reactor, client))

    made = _in_reactor(reactor, make, timeout_s)
    try:
        made._call(made._client.connect, timeout_s)
    except BaseException:
        made.close()
        raise
    return made
