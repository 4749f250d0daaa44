"""What ``relaychat account`` does: one command about an account, and its answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from relaychat.client import dial
from relaychat.client.cli.control import entries, show, table
from relaychat.client.cli.control_accounts import day
from relaychat.client.cli.output import note
from relaychat.client.cli.run import REFUSED, UNREACHABLE, USAGE, Job, Trouble
from relaychat.client.cli.visit import Target, Visit, refusal
from relaychat.client.reasons import reason_of
from relaychat.client.speech import LineBuffer, Unreadable, line, read
from relaychat.client.state import take_device
from relaychat.model.accounts import (
    CertificateList,
    DeviceList,
    ListTokens,
    Register,
    TokenList,
    TokenMade,
)
from relaychat.model.commands import Command, Ping
from relaychat.model.errors import NoSuchCredential
from relaychat.model.events import Answer, Fault
from relaychat.model.words import Word
from relaychat.net.dial import BadServer

ANSWER_S = 30.0
"""How long an answer may take; a password is hashed in it."""
READABLE = "others could read the password on the way; use tls:HOST:PORT"

Show = Callable[[Any], None]


def ask_job(
    target: Target,
    command: Command,
    shown: Show,
    *,
    instead: Command | None = None,
    secret: bool = False,
) -> Job:
    """Log in, ask, show the answer, leave. ``instead``: what is asked if there is no
    such token. ``secret``: a password is in it."""

    async def job(reactor: Any) -> int:
        _check(target, secret)
        with take_device(target.home) as device:
            visit = Visit(reactor, target, device.secret)

            async def ask() -> int:
                await visit.ready
                answer = await visit.link.ask(command)
                none = (
                    isinstance(answer, Fault) and answer.code == NoSuchCredential.code
                )
                if instead is not None and none:
                    answer = await visit.link.ask(instead)
                while isinstance(answer, TokenList) and answer.more:
                    rest = await visit.link.ask(ListTokens(answer.tokens[-1].token))
                    _tell(rest, nothing)
                    answer = _joined(answer, rest)
                _tell(answer, shown)
                return 0

            visit.within(ANSWER_S)
            return await visit.stay(ask)

    return job


def before_hello(target: Target, command: Command) -> Job:
    """Ask for something that takes no login. A password is in it."""

    async def job(reactor: Any) -> int:
        _check(target, True)
        try:
            where = dial.endpoint(reactor, target.server, target.trusting)
        except BadServer as error:
            raise Trouble(USAGE, str(error)) from None
        asking = _Asking(msgspec.structs.replace(command, id=1))
        connecting = where.connect(Factory.forProtocol(lambda: asking))
        connecting.addErrback(asking.unreachable)
        asking.answer.addTimeout(ANSWER_S, reactor, _too_late)
        _tell(await asking.answer, nothing)
        return 0

    return job


def register_job(target: Target, password: str, ticket: str) -> Job:
    """Make the account, and log this device in to it."""
    make = before_hello(target, Register(target.nick, password, ticket))
    log_in = ask_job(dataclasses.replace(target, password=password), Ping(), nothing)

    async def job(reactor: Any) -> int:
        await make(reactor)
        note(f"{target.nick} is your account now")
        return await log_in(reactor)

    return job


def _joined(page: TokenList, rest: Word) -> TokenList:
    """Two pages as one."""
    assert isinstance(rest, TokenList)
    return TokenList((*page.tokens, *rest.tokens), rest.more)


def _check(target: Target, secret: bool) -> None:
    if secret and not dial.private(target.server):
        raise Trouble(REFUSED, f"{target.server}: {READABLE}")


def _too_late(result: object, seconds: float) -> Any:
    raise Trouble(UNREACHABLE, f"no answer within {seconds:g} s")


def _tell(answer: Word, shown: Show) -> None:
    if isinstance(answer, Fault):
        raise refusal("account", answer)
    shown(answer)


class _Asking(Protocol):
    """A connection for one question."""

    transport: Any

    def __init__(self, command: Command) -> None:
        self.answer: Deferred[Word] = Deferred()
        self._command = command
        self._lines = LineBuffer()

    def connectionMade(self) -> None:
        self.transport.write(line(self._command))

    def dataReceived(self, data: bytes) -> None:
        try:
            for raw in self._lines.feed(data):
                word = read(raw)
                if isinstance(word, Answer) and word.id == 1:
                    self._done(word)
        except Unreadable as error:
            self._failed(str(error))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._failed("the server hung up")

    def unreachable(self, reason: Failure) -> None:
        """There is no connection."""
        self._failed(reason_of(reason))

    def _done(self, word: Word) -> None:
        if not self.answer.called:
            self.answer.callback(word)
        self.transport.loseConnection()

    def _failed(self, why: str) -> None:
        if not self.answer.called:
            self.answer.errback(Trouble(UNREACHABLE, why))


def nothing(answer: Word) -> None:
    """It is done: there is nothing to show."""


def show_token(made: TokenMade) -> None:
    """A new token, for the one time that it is seen."""
    show([made.secret])


def show_tokens(json: bool) -> Show:
    """Tokens, as a table or as JSON lines."""

    def shown(answer: TokenList) -> None:
        if json:
            show(entries(list(answer.tokens)))
            return
        rows = [("token", "scope", "rooms", "made", "until", "label")]
        rows += [
            (
                one.token,
                one.scope,
                " ".join(one.rooms) or "-",
                day(one.made),
                day(one.expires),
                one.label,
            )
            for one in answer.tokens
        ]
        show(table(rows))

    return shown


def show_devices(json: bool) -> Show:
    """Devices, as a table or as JSON lines."""

    def shown(answer: DeviceList) -> None:
        if json:
            show(entries(list(answer.devices)))
            return
        rows = [("device", "client", "first", "last", "")]
        for one in answer.devices:
            state = "this" * one.this + "revoked" * one.revoked
            rows.append((one.device, one.client, day(one.made), day(one.seen), state))
        show(table(rows))

    return shown


def show_certificates(answer: CertificateList) -> None:
    """Fingerprints, one a line."""
    show(
        [
            f"{one}  this connection's" if one == answer.this else one
            for one in answer.fingerprints
        ]
    )
