"""The way in: a hello becomes an admission, perhaps by a challenge and its proof (H24);
and the bounds that a token sets to a session for as long as it is good."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from relaychat.model.accounts import Challenge, Prove
from relaychat.model.admission import Admission, Challenged, Found
from relaychat.model.commands import Command, Hello
from relaychat.model.errors import RelayError, Revoked
from relaychat.model.events import Fault
from relaychat.model.scope import Scope
from relaychat.model.world import Timer, World
from relaychat.session.faults import fault_of

if TYPE_CHECKING:
    from relaychat.session.session import Session

LOOK_S = 86_400.0
"""How long a timer is set for at most: a token's time may be years."""
OVER = "this token's time is over"


class Entrance:
    """The logins of one session, one at a time. ``challenged``, ``admitted`` and
    ``refused`` are told what comes of each."""

    __slots__ = ("_admitted", "_asked", "_challenged", "_pending", "_refused")

    def __init__(
        self,
        challenged: Callable[[Challenge], None],
        admitted: Callable[[Admission, Hello], None],
        refused: Callable[[Failure, Hello], None],
    ) -> None:
        self._challenged = challenged
        self._admitted = admitted
        self._refused = refused
        self._asked: Deferred[Found] | None = None
        """A login under way."""
        self._pending: tuple[Challenged, Hello] | None = None
        """What login wants to know of the peer."""

    def begin(self, asked: Deferred[Found], hello: Hello) -> None:
        """A hello was handed on; this will be what comes of it."""
        self._asked = asked
        asked.addCallbacks(
            self._found, self._failed, callbackArgs=(hello,), errbackArgs=(hello,)
        )

    def prove(self, proof: Prove) -> None:
        """The peer's answer to the challenge. Called only while there is one."""
        assert self._pending is not None
        (challenged, hello), self._pending = self._pending, None
        self.begin(challenged.go_on(proof.scram), replace(hello, id=proof.id))

    def cancel(self) -> None:
        """The peer is gone."""
        if self._asked is not None:
            self._asked.cancel()

    def _found(self, found: Found, hello: Hello) -> None:
        self._asked = None
        if isinstance(found, Challenged):
            self._pending = found, hello
            self._challenged(Challenge(found.scram, id=hello.id))
        else:
            self._admitted(found, hello)

    def _failed(self, failure: Failure, hello: Hello) -> None:
        self._asked = None
        self._refused(failure, hello)


class Allowance:
    """What the token that a session came in by allows, and until when."""

    __slots__ = ("_scope", "_session", "_timer", "_until_ms", "_world")

    def __init__(self, admission: Admission, world: World, session: Session) -> None:
        self._scope = admission.scope or Scope()
        self._until_ms = admission.expires_ms
        self._world = world
        self._session = session
        self._timer: Timer | None = None
        if self._until_ms:
            self._look()

    def fault(self, command: Command) -> Fault | None:
        """Why it does not allow a command, if it does not."""
        try:
            self._scope.check(command)
        except RelayError as error:
            return fault_of(error, command)
        return None

    def stop(self) -> None:
        """The session is over."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        left_s = (self._until_ms - self._world.now_ms()) / 1000
        if left_s > 0:
            self._timer = self._world.later(min(left_s, LOOK_S), self._look)
        else:
            self._session.close(Revoked(OVER))
