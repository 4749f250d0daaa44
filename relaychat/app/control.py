"""The control socket: who may use it, and what it does beside the hub."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed

from relaychat.app.extensions import CannotBuild
from relaychat.hub.hooks import Hook
from relaychat.model.admission import Admission, Found
from relaychat.model.commands import Call, Hello, ListCalls, Reload
from relaychat.model.errors import Forbidden, UnknownCommand
from relaychat.model.events import Called, CallEntry, CallList, Reloaded
from relaychat.model.words import Word
from relaychat.net.certificates import Certificates
from relaychat.session.session import Session
from relaychat.session.table import Row, TableError, controls_of


def admit_owner(hello: Hello, session: Session) -> Deferred[Found]:
    """Let in the relay's own user, by the kernel's word, or root. Fails with
    Forbidden."""
    if session.link.uid in (os.geteuid(), 0):
        return succeed(Admission(control=True))
    return fail(Forbidden("the control socket is for the relay's owner"))


class Calls:
    """The commands of ``relaychat ctl`` that hooks bring."""

    def __init__(self, hooks: Iterable[Hook]) -> None:
        """Raises CannotBuild for a name that is there twice, and for a command that its
        method does not fit."""
        self._rows: dict[str, tuple[Row, Hook]] = {}
        for hook in hooks:
            try:
                rows = controls_of(type(hook))
            except TableError as error:
                raise CannotBuild(f"hooks.use: {error}") from None
            for word, row in rows.items():
                if word in self._rows:
                    raise CannotBuild(f"hooks.use: two hooks bring {word} to ctl")
                self._rows[word] = row, hook

    def list(self, command: ListCalls, session: Session) -> Deferred[Word]:
        """An errand: all of them."""
        rows = [self._rows[word][0] for word in sorted(self._rows)]
        return succeed(
            CallList(
                tuple(CallEntry(row.syntax.text, row.about) for row in rows),
                id=command.id,
            )
        )

    def run(self, command: Call, session: Session) -> Deferred[Word]:
        """An errand: one of them. Fails with UnknownCommand, BadSyntax, and what it
        raises."""
        done = Deferred.fromCoroutine(self._answer(command))
        return done.addCallback(lambda value: Called(value, id=command.id))

    async def _answer(self, command: Call) -> Any:
        word, *given = command.words
        if word not in self._rows:
            raise UnknownCommand(f"no such command: {word[:64]}", word[:64])
        row, hook = self._rows[word]
        arguments = row.syntax.bind(given)
        if len(arguments) < len(given) and not row.syntax.rest:
            raise row.syntax.usage()
        value = await maybeDeferred(row.method, hook, *arguments)
        msgspec.json.encode(value)
        return value


class Reloading:
    """Reads anew what can be changed while the relay runs: the certificates."""

    def __init__(self, tls: Collection[Certificates]) -> None:
        self._tls = tls

    def now(self) -> Reloaded:
        """Do it."""
        looked = [one.look(anyway=True) for one in self._tls]
        return Reloaded(
            tuple([text for one in looked for text in one.changed]),
            tuple([text for one in looked for text in one.problems]),
        )

    def run(self, command: Reload, session: Session) -> Deferred[Word]:
        """The same, as an errand."""
        return succeed(msgspec.structs.replace(self.now(), id=command.id))
