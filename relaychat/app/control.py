"""The control socket: who may use it, and what it does beside the hub."""

from __future__ import annotations

import os

from twisted.internet.defer import Deferred, fail, succeed

from relaychat.auth.accounts import Accounts
from relaychat.model.admission import Admission
from relaychat.model.commands import AddAccount, Hello
from relaychat.model.errors import Forbidden
from relaychat.model.events import Done
from relaychat.model.words import Word
from relaychat.session.session import Session


def admit_owner(hello: Hello, session: Session) -> Deferred[Admission]:
    """Let in the relay's own user, by the kernel's word, or root. Fails with
    Forbidden."""
    if session.link.uid in (os.geteuid(), 0):
        return succeed(Admission(control=True))
    return fail(Forbidden("the control socket is for the relay's owner"))


class Registrar:
    """Makes accounts for control sessions: an errand, for passwords are hashed."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def add(self, command: AddAccount, session: Session) -> Deferred[Word]:
        """Make the account. Fails as ``Accounts.add`` does."""
        return Deferred.fromCoroutine(self._add(command))

    async def _add(self, command: AddAccount) -> Word:
        await self._accounts.add(command.name, command.password)
        return Done(id=command.id)
