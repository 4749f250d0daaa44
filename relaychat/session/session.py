"""One peer from hello to goodbye.

::

    Link --receive--> Framer --> Intake --> Dialect.decode --> states --> Hub.submit
    Link <-----------------------------------------Peer.send <----- hub

Commands enter the hub in their order and are answered in it, also those that the
session answers by itself: such an answer goes through the hub as a ``Reflect`` while
others are on their way. Frames that can't go on wait in the intake: while a login or a
query is under way, while too much is in the hub, while the peer does not read what it
is sent, and while it has asked too fast.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec
from twisted.python.failure import Failure

from relaychat.hub.draft import Cause
from relaychat.hub.peer import Peer
from relaychat.model.accounts import Challenge, Prove
from relaychat.model.admission import (
    Admission,
    Enter,
    Reflect,
    Rendered,
)
from relaychat.model.commands import (
    Command,
    Hello,
    Ping,
    Pong,
    Query,
    Say,
)
from relaychat.model.errors import (
    Internal,
    OutOfOrder,
    RelayError,
)
from relaychat.model.events import Goodbye, Pinged, Ponged, Welcome
from relaychat.model.words import Word
from relaychat.model.world import Timer, World
from relaychat.session.dialect import Asked
from relaychat.session.entrance import Allowance, Entrance
from relaychat.session.errands import Errands
from relaychat.session.faults import fault_of, fault_of_failure
from relaychat.session.heartbeat import Heartbeat
from relaychat.session.host import Host
from relaychat.session.intake import Intake, Item
from relaychat.session.link import Link
from relaychat.session.states import LEGAL, State
from relaychat.session.timers import Timers

_HTTP = re.compile(rb"[A-Z]+ \S+ HTTP/\d")
_TLS = b"\x16"


class Session(Peer):
    """See the module. ``net`` calls ``open``, ``receive``, ``drained`` and ``lost``."""

    __slots__ = (
        "_entrance", "_errands", "_flight", "_flight_bytes", "_framer", "_fresh",
        "_heart", "_host", "_intake", "_most_bytes", "_most_commands", "_query",
        "_silent", "_timers", "_told_hub", "_unsent", "account", "allowance", "link",
        "speech", "state",
    )  # fmt: skip

    def __init__(self, host: Host, link: Link) -> None:
        self.speech = host.dialect()
        """The dialect's instance of this session alone."""
        self.speech.session = self
        form = self.speech.form() if self.speech.shared else self.speech
        super().__init__(form, link.send, host.dialect.name, link.peer)
        self.link = link
        self.state = State.NEW
        self.account: str | None = None
        """The account that it logged in to."""
        self.allowance: Allowance | None = None
        """The bounds of the token that it logged in with, if it was one."""
        self._host = host
        self._timers: Timers | None = None
        self._framer = self.speech.framer()
        self._intake = Intake(host.world, link, self._held, self._take)
        self._intake.slow(host.limits.guest_rate)
        self._flight = 0
        """Commands of ours in the hub."""
        self._flight_bytes = 0
        """Bytes of the frames that they came in."""
        self._most_commands = (
            host.limits.flight_commands if self.speech.pipelined else 1
        )
        self._most_bytes = host.limits.flight_bytes
        self._query: Command | None = None
        """What nothing may overtake: a query of the hub, or an errand."""
        self._unsent = False
        """The answer to a query has come, and may still wait for its turn's
        delivery."""
        self._errands = Errands(host.errands, self._errand_done, self._report)
        self._entrance = Entrance(self._challenged, self._admitted, self._not_admitted)
        self._fresh = True
        """No frame has come yet."""
        self._silent = True
        """Nothing has come yet."""
        self._told_hub = False
        self._heart = Heartbeat(
            host.world,
            host.limits,
            link.exempt,
            self._ask,
            self._not_reading,
            self.close,
        )

    def open(self) -> None:
        """The connection is there."""
        self._host.hub.opened(self)
        self.ask(*self.speech.words(self.speech.opening()))

    @property
    def server(self) -> str:
        """What the relay calls itself."""
        return self._host.server

    @property
    def world(self) -> World:
        """The relay's clock, chance and timers: a dialect has no others, so that a
        simulated relay can be replayed."""
        return self._host.world

    @property
    def ready(self) -> bool:
        """Whether it has been welcomed and has not left."""
        return self.state is State.READY

    @property
    def name(self) -> str:
        """The nick, as it is shown; empty before hello."""
        return self.user.nick if self.user is not None else ""

    # -- from below ------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Bytes came. Never raises."""
        if self.state is State.CLOSED:
            return
        self._heart.heard_us = self._host.world.monotonic_us()
        if self._fresh and self._begins(data):
            return
        intake = self._intake
        if (
            intake.waiting
            or intake.pace is not None
            or self.state is not State.READY
            or self.allowance is not None
            or self._fresh
            or self._held()
        ):
            intake.extend(self._framer.feed(data))
            return
        # The common case: a peer that may speak and has nobody to wait for.
        said = self.speech.plain_messages(data)
        if said is None:
            self._stream(self._framer.feed(data))
        elif self._flight + len(said) <= self._most_commands:
            self._flight += len(said)
            self._flight_bytes += len(data)
            self._host.hub.submit_all(self, said)
        else:
            intake.extend(said)

    def _begins(self, data: bytes) -> bool:
        """Whether these are the peer's first bytes, and it is at the wrong door: then
        it is hung up on."""
        first, self._silent = self._silent, False
        wrong = first and self.speech.text and data.startswith(_TLS)
        if wrong:
            self._end("lost", "TLS on a port without")
        return wrong

    def _stream(self, frames: Sequence[bytes | RelayError]) -> None:
        """Messages go straight to the hub; at anything else the intake takes over."""
        submit = self._host.hub.submit
        for index, frame in enumerate(frames):
            if isinstance(frame, RelayError) or self._held():
                self._intake.extend(frames[index:])
                return
            words = self._words(frame)
            if len(words) == 1 and type(words[0]) is Say:
                self._flight += 1
                self._flight_bytes += len(frame)
                submit(self, words[0])
            elif words:
                self._intake.extend([*words, *frames[index + 1 :]])
                return

    def ask(self, *words: Word) -> None:
        """Take commands and answers of the dialect's own: see ``Intake.ask``."""
        self._intake.ask(words)

    def take(self, *words: Word) -> None:
        """Take commands and answers as if the peer's next frame had held them."""
        self._intake.extend(words)

    def later(self, seconds: float, call: Callable[[], Asked]) -> Timer:
        """Call once, after so many seconds, unless the session is over by then. What is
        returned is carried out as what a verb returns.

        Raises TooMany (``session.timers``).
        """
        if self._timers is None:
            self._timers = Timers(self._host.world)
        timer = self._timers.later(seconds, lambda: self._due(call))
        if self.state is State.CLOSED:
            timer.cancel()
        return timer

    def _due(self, call: Callable[[], Asked]) -> None:
        try:
            self.ask(*self.speech.words(call()))
        except RelayError as error:
            self._refuse(error)
        except Exception:
            self._report("a timer's call failed")

    def drained(self) -> None:
        """The peer has read all that it was sent."""
        if self._told_hub:
            return
        self._host.hub.drained(self)
        self._intake.pump()

    def lost(self, reason: str) -> None:
        """The connection is gone."""
        self._end("lost", reason)

    # -- what has come -----------------------------------------------------------------

    def _held(self) -> bool:
        """Whether nothing may be taken now."""
        return (
            self._query is not None
            or self._flight >= self._most_commands
            or self._flight_bytes >= self._most_bytes
            or self.state is State.ENTERING
            or self.link.full
        )

    def _take(self, item: Item) -> None:
        if self.state is State.CLOSED or self.state is State.LEAVING:
            return
        if isinstance(item, Command):
            self._command(item, 0)
        elif isinstance(item, bytes):
            self._frame(item)
        elif isinstance(item, RelayError):
            self._refuse(item)
        else:
            self._answer(item)

    def _frame(self, frame: bytes) -> None:
        if self._fresh:
            self._fresh = False
            if self.speech.text and _HTTP.match(frame):
                # A browser may be made to send anything behind its first line.
                self._end("lost", "HTTP on a port without")
                return
        words = self._words(frame)
        if len(words) == 1 and isinstance(words[0], Command):
            self._command(words[0], len(frame))
        else:
            self._intake.split(words)

    def _words(self, frame: bytes) -> Sequence[Word | RelayError]:
        """What a frame comes to: commands, or what to answer."""
        try:
            return self.speech.decode(frame)
        except RelayError as error:
            return (error,)
        except Exception:
            self._report("decoding a frame failed")
            return (Internal(),)

    def _command(self, command: Command, size: int) -> None:
        kind = type(command)
        after = LEGAL[self.state].get(kind)
        if after is None:
            why = "" if self.state is State.NEW else OutOfOrder.again
            self._answer(fault_of(OutOfOrder(why), command))
        elif isinstance(command, Ping):
            self._answer(Ponged(command.token, id=command.id))
        elif kind is Pong:
            self._heart.answers = True
        elif self._permitted(command):
            self.state = after
            self._carry_out(command, kind, size)

    def _permitted(self, command: Command) -> bool:
        """Whether it is within the bounds of the token; answered if it is not."""
        fault = self.allowance.fault(command) if self.allowance is not None else None
        if fault is not None:
            self._answer(fault)
        return fault is None

    def _carry_out(self, command: Command, kind: type[Command], size: int) -> None:
        if isinstance(command, Hello):
            self._enter(command)
            return
        if isinstance(command, Prove):
            self._entrance.prove(command)
            return
        if self._errands.take(kind):
            self._query = command
            self._errands.run(command, self)
        else:
            if isinstance(command, Query):
                self._query = command
            self._submit(command, size)

    def _submit(self, command: Command, size: int = 0) -> None:
        self._flight += 1
        self._flight_bytes += size
        self._host.hub.submit(self, command)

    def _refuse(self, error: RelayError) -> None:
        if error.fatal:
            self.close(error)
        else:
            self._answer(fault_of(error))

    def _answer(self, word: Word) -> None:
        """An answer of the session's own, behind those that are on their way."""
        if self._flight or self._unsent:
            self._submit(Reflect(word))
            return
        frames = self.outcome(Reflect(word), word)
        if frames:
            self.send(frames)

    # -- login (H24), and errands ----------------------------------------------

    def _enter(self, hello: Hello) -> None:
        if hello.device is not None or hello.client:
            self._heart.answers = True
        self._entrance.begin(self._host.admit(hello, self), hello)

    def _challenged(self, challenge: Challenge) -> None:
        self.state = State.PROVING
        self._answer(challenge)
        self._intake.pump()

    def _admitted(self, admission: Admission, hello: Hello) -> None:
        self.account = admission.account
        self._submit(Enter(hello, admission, id=hello.id))

    def _not_admitted(self, failure: Failure, hello: Hello) -> None:
        if self.state is State.ENTERING:
            self.state = State.NEW
            self._answer(fault_of_failure(failure, hello, self._report))
            self._intake.pump()

    def _errand_done(self, answer: Word) -> None:
        self._query = None
        self._intake.answered()
        self._answer(answer)
        self._intake.pump()

    def _report(self, what: str) -> None:
        self._host.report(f"{self.dialect} session of {self.address}: {what}")

    # -- from above ------------------------------------------------------------

    def outcome(self, command: Command, result: Word) -> bytes:
        """See ``Peer.outcome``."""
        if command is self._query:
            self._query = None
            self._intake.answered()
            self._unsent = True
            if self._intake.waiting:
                self._host.world.later(0, self._intake.pump)
        if type(command) is Enter:
            result = self._entered(result, command.admission)
            command = command.hello
        if type(result) is Rendered:
            return result.frames
        try:
            return self.speech.pack(self.speech.outcome(command, result))
        except Exception:
            return self._unshown(result)

    def _entered(self, result: Word, admission: Admission) -> Word:
        if not isinstance(result, Welcome):
            if self.state is State.ENTERING:
                self.state = State.NEW
                self.account = None
            return result
        limits = self._host.limits
        self._intake.answered()
        if self.state is State.ENTERING:
            self.state = State.READY
            if self.account is not None:
                self._intake.slow(limits.account_rate)
            self._heart.begin()
            if admission.scope is not None:
                self.allowance = Allowance(admission, self._host.world, self)
        added = limits.shown(self.speech.line_limit)
        return msgspec.structs.replace(
            result,
            limits={**result.limits, **added},
            administrator=admission.administrator,
            scope=admission.scope.level if admission.scope else "",
            scram=admission.scram,
        )

    def tell(self, event: Word) -> bytes:
        """See ``Peer.tell``."""
        try:
            return self.speech.encode(event)
        except Exception:
            return self._unshown(event)

    def _unshown(self, word: Word) -> bytes:
        self._report(f"{type(word).__name__} could not be shown")
        return b""

    def settled(self, count: int) -> None:
        """See ``Peer.settled``."""
        self._unsent = False
        # Their share of the bytes: exact when the last one has left, which is often.
        self._flight_bytes -= self._flight_bytes * count // self._flight
        self._flight -= count
        if self.state is State.LEAVING and not self._flight:
            self._end("quit", "")
        elif self._intake.waiting:
            self._intake.pump()

    def close(self, error: RelayError) -> None:
        """See ``Peer.close``."""
        if self.state is State.CLOSED:
            return
        frames = self.tell(Goodbye(error.code, error.text))
        if frames:
            self.send(frames)
        self._end("lost", error.text)

    def _end(self, cause: Cause, reason: str) -> None:
        self.state = State.CLOSED
        self._intake.stop()
        self._heart.stop()
        self._entrance.cancel()
        self._errands.stop()
        if self.allowance is not None:
            self.allowance.stop()
        if self._timers is not None:
            self._timers.stop()
        if not self._told_hub:
            self._told_hub = True
            self._host.hub.lost(self, cause, reason)
            self.link.close()

    # -- the heartbeat ---------------------------------------------------------

    def _ask(self, token: str) -> bool:
        frames = self.tell(Pinged(token))
        if frames and not self.link.full:
            self.send(frames)
            return True
        return False

    def _not_reading(self) -> bool:
        waits = self.state is State.ENTERING or self._query is not None
        return waits or self._intake.paused
