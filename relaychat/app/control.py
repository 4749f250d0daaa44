"""The control socket: who may use it, and the one command of it that takes hashing."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail, succeed

from relaychat.auth.accounts import Accounts
from relaychat.hub.hub import Hub, fault
from relaychat.hub.peer import Peer
from relaychat.hub.turn import Cause
from relaychat.model.admission import Admission, Reflect
from relaychat.model.commands import AddAccount, Command, Hello
from relaychat.model.errors import Forbidden, Internal, RelayError
from relaychat.model.events import Done
from relaychat.model.words import Word
from relaychat.session.session import Session


def admit_owner(hello: Hello, session: Session, owner: int) -> Deferred[Admission]:
    """Let in ``owner``, by the kernel's word, or root. Fails with Forbidden."""
    if session.link.uid in (owner, 0):
        return succeed(Admission(control=True))
    return fail(Forbidden("the control socket is for the relay's owner"))


class ControlDesk:
    """The hub for control sessions. Passwords are hashed on this side of it."""

    def __init__(
        self, hub: Hub, accounts: Accounts, report: Callable[[str], None]
    ) -> None:
        self._hub = hub
        self._accounts = accounts
        self._report = report

    def opened(self, peer: Peer) -> None:
        """See ``Hub.opened``."""
        self._hub.opened(peer)

    def lost(self, peer: Peer, cause: Cause, reason: str) -> None:
        """See ``Hub.lost``."""
        self._hub.lost(peer, cause, reason)

    def drained(self, peer: Peer) -> None:
        """See ``Hub.drained``."""
        self._hub.drained(peer)

    def submit(self, peer: Peer, command: Command) -> None:
        """See ``Hub.submit``. An account's answer comes when it is kept, so those of
        commands behind it may come before it."""
        if not (isinstance(command, AddAccount) and peer.control):
            self._hub.submit(peer, command)
            return
        asked = Deferred.fromCoroutine(self._add(command))
        asked.addCallback(lambda answer: self._hub.submit(peer, Reflect(answer)))

    async def _add(self, command: AddAccount) -> Word:
        try:
            await self._accounts.add(command.name, command.password)
        except RelayError as error:
            return fault(error, command)
        except Exception:
            self._report("an account could not be made")
            return fault(Internal(), command)
        return Done(id=command.id)
