"""One command's stay at a server: who we are, the link, and when it is over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from relaychat.client import dial
from relaychat.client.cli.output import note
from relaychat.client.cli.run import REFUSED, UNREACHABLE, USAGE, Trouble
from relaychat.client.core import Conversation
from relaychat.client.happenings import (
    Complaint,
    Down,
    Happening,
    Parting,
    Postponed,
    Ready,
    Rejected,
    Shut,
    Up,
)
from relaychat.client.label import label
from relaychat.client.link import Link
from relaychat.client.login import Login
from relaychat.client.state import home
from relaychat.model.commands import Hello
from relaychat.model.errors import NickInUse, Replaced
from relaychat.model.events import Fault
from relaychat.net.dial import BadServer

LEAVE_S = 2.0
"""How long a goodbye may take before the connection is simply dropped."""
OTHERWISE = "--login asks for your account's password, --nick takes another name"
OTHER_NICKS = 9
"""Nicks that a guest who named none tries: ``ann``, ``ann2``, ... ``ann9``."""


@dataclass(frozen=True)
class Target:
    """Which server, and as whom: the options that all commands share."""

    server: str
    nick: str
    nick_given: bool
    password: str | None
    state: Path
    trusting: dial.Trusting = dial.NOTHING_SAID
    """Whom to trust, if it is TLS."""
    agent: Path | None = None
    """The socket of the agent through which to go there."""
    room: str = ""
    """The room that a link names."""
    program: str = "relaychat"
    """Which command it is, for the list of devices."""

    @property
    def dialled(self) -> str:
        """The endpoint that is connected to."""
        return self.server if self.agent is None else f"unix:{self.agent}"

    @property
    def home(self) -> Path:
        """The state folder of this server and nick. Raises StateError."""
        return home(self.state, self.server, self.nick)


class Visit:
    """See the module. ``heard`` is called with what the command wants to know.

    ``over`` fires with an exit code when the command calls ``finish``, or fails with
    Trouble when there is no way on.
    """

    def __init__(
        self,
        reactor: Any,
        target: Target,
        secret: str,
        heard: Callable[[Happening], None] = lambda happening: None,
        everything: bool = False,
        returning: bool = False,
    ) -> None:
        """``everything`` and ``returning``: see ``Conversation``.

        Raises Trouble for a server that can't be dialled, StateError."""
        self._target = target
        self._clock: IReactorTime = reactor
        self._heard = heard
        self._was_up = False
        self._told = ""
        """Why we are not connected, as it was told last."""
        self._put_off = False
        """Whether the server refuses for now, and that was told."""
        self._tried = 1
        self.parting = ""
        """What we say when we leave."""
        self.over: Deferred[int] = Deferred()
        self.ready: Deferred[None] = Deferred()
        """Fires once, when we were in all rooms we wanted for the first time."""
        alone = target.agent is None
        hello = Hello(
            target.nick,
            target.password if alone else None,
            device=secret,
            client=label(target.program),
        )
        self._login = Login(target.home, alone and dial.private(target.dialled))
        self.conversation = Conversation(
            self._login.vouched(hello),
            everything=everything,
            returning=returning,
            greeting=dial.greeting(target.dialled),
        )
        try:
            trusting = target.trusting if alone else dial.NOTHING_SAID
            endpoint = dial.endpoint(reactor, target.dialled, trusting)
        except BadServer as error:
            raise Trouble(USAGE, str(error)) from None
        self.link = Link(reactor, endpoint, self.conversation, self._happened)

    async def stay(self, job: Callable[[], Awaitable[int]] | None = None) -> int:
        """Connect, and stay until ``over``; with a job, until that is done. Then
        leave."""
        self.link.startService()
        working: Deferred[int] | None = None
        if job is not None:
            working = Deferred.fromCoroutine(_coroutine(job))
            working.addCallbacks(self.finish, self.fail)
        try:
            return await self.over
        finally:
            if working is not None:
                working.cancel()
            await self._leave()

    def finish(self, code: int) -> None:
        """The command is done."""
        if not self.over.called:
            self.over.callback(code)

    def fail(self, why: Exception | Failure) -> None:
        """The command can't go on."""
        if not self.over.called:
            self.over.errback(why)

    def within(self, seconds: float) -> None:
        """Fail unless it is over by then."""

        def late() -> None:
            lacking = "the server did not take it" if self._put_off else "no answer"
            self.fail(Trouble(UNREACHABLE, f"{lacking} within {seconds:g} s"))

        timer = self._clock.callLater(seconds, late)

        def cancel(result: Any) -> Any:
            if timer.active():
                timer.cancel()
            return result

        self.over.addBoth(cancel)

    async def _leave(self) -> None:
        if self.conversation.welcome is not None:
            self.conversation.bye(self.parting)
            self.link.flush()
        drop = self._clock.callLater(LEAVE_S, self.link.drop)
        await self.link.stopService()
        if drop.active():
            drop.cancel()

    @property
    def _where(self) -> str:
        return self._target.server if self._target.agent is None else "the agent"

    # -- what happens ----------------------------------------------------------------

    def _happened(self, happening: Happening) -> None:
        try:
            take = _TAKES.get(type(happening))
            if take is not None:
                take(self, happening)
            self._heard(happening)
        except Exception:
            self.fail(Failure())

    def _up(self, happening: Up) -> None:
        self._login.welcomed(self.conversation.hello, happening.welcome)
        if self._told:
            note("connected again" if self._was_up else "connected")
        self._was_up, self._told, self._put_off = True, "", False

    def _ready(self, happening: Ready) -> None:
        if not self.ready.called:
            self.ready.callback(None)

    def _down(self, happening: Down) -> None:
        if happening.final and not self._was_up:
            reason = f"{self._where}: {happening.reason}"
            self.fail(Trouble(UNREACHABLE, reason))
        elif not self._told or (happening.final and happening.reason != self._told):
            # One that lasts is told although another was: somebody has to mend it.
            self._told = happening.reason
            note(f"{self._where}: {self._told}; trying again")

    def _rejected(self, happening: Rejected) -> None:
        fault = happening.fault
        if fault.code == NickInUse.code:
            if self._was_up:
                return
            if not self._target.nick_given and self._tried < OTHER_NICKS:
                self._tried += 1
                self.conversation.hello = msgspec.structs.replace(
                    self.conversation.hello, nick=f"{self._target.nick}{self._tried}"
                )
                self._told = fault.text
                return
            if self._target.password is None:
                self.fail(Trouble(REFUSED, f"{refusal('hello', fault)}; {OTHERWISE}"))
        if not fault.retry:
            self.fail(refusal("hello", fault))

    def _postponed(self, happening: Postponed | Shut) -> None:
        fault = happening.fault
        if fault.retry and not self._put_off:
            self._put_off = True
            note(f"{self._where}: {fault.text} [{fault.code}]; trying again")

    def _parting(self, happening: Parting) -> None:
        goodbye = happening.goodbye
        if goodbye.code == Replaced.code:
            self.fail(Trouble(REFUSED, goodbye.text))

    def _complaint(self, happening: Complaint) -> None:
        self.fail(refusal("the server", happening.fault))


def refusal(what: str, fault: Fault) -> Trouble:
    """The trouble that a fault makes."""
    if fault.code == "lost":
        return Trouble(UNREACHABLE, f"{what}: {fault.text}")
    about = f" ({fault.about})" if fault.about and fault.about not in what else ""
    return Trouble(REFUSED, f"{what}: {fault.text}{about} [{fault.code}]")


def shut(happening: Shut) -> Trouble:
    """The trouble of not being let into the room that a command is about."""
    return refusal(happening.room, happening.fault)


async def _coroutine(job: Callable[[], Awaitable[int]]) -> int:
    return await job()


_TAKES: dict[type, Callable[[Visit, Any], None]] = {
    Up: Visit._up,
    Ready: Visit._ready,
    Down: Visit._down,
    Rejected: Visit._rejected,
    Parting: Visit._parting,
    Postponed: Visit._postponed,
    Shut: Visit._postponed,
    Complaint: Visit._complaint,
}
