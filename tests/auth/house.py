"""A house with accounts: real store, portal and checkers, cheap hashes, no threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred

from relaychat.auth.accounts import Account, Accounts
from relaychat.auth.administration import Administration
from relaychat.auth.credentials import Origin
from relaychat.auth.failures import Failures
from relaychat.auth.keyring import Keyring
from relaychat.auth.login import Login, Presence
from relaychat.auth.passwords import Cost, Passwords
from relaychat.auth.people import (
    GuestChecker,
    KeyChecker,
    PasswordChecker,
    Realm,
    UserChecker,
)
from relaychat.auth.registry import Mode, Registry
from relaychat.auth.tickets import Tickets
from relaychat.model.commands import Hello
from relaychat.model.errors import RelayError
from relaychat.store.memory import MemoryStore
from relaychat.testing.hashing import CHEAP
from relaychat.testing.world import SimulatedWorld

T = TypeVar("T")


class Bench:
    """Calls that run when the test says so."""

    def __init__(self) -> None:
        self.at_once = True
        self.calls = 0
        self._held: list[Callable[[], None]] = []

    def run(self, call: Callable[[], T]) -> Deferred[T]:
        """The result of a call, now or at ``work``."""
        asked: Deferred[T] = Deferred()
        self.calls += 1

        def carry_out() -> None:
            asked.callback(call())

        self._held.append(carry_out)
        if self.at_once:
            self.work()
        return asked

    def work(self) -> None:
        """Carry out what is held."""
        held, self._held = self._held, []
        for carry_out in held:
            carry_out()


class Rooms:
    """What the rooms are told of accounts, written down: see ``auth.caller.House``."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def cut(
        self,
        account: str,
        error: RelayError,
        device: str | None = None,
        token: str | None = None,
        keep: object = None,
    ) -> None:
        """Sessions are to end."""
        self.told.append((account, error.code, device, token, keep))

    def erase(self, account: str, blank: bool) -> None:
        """An account is no more."""
        self.told.append((account, "erased", blank))


class House:
    """All of ``relaychat.auth`` over a memory store."""

    def __init__(
        self,
        guests: bool = True,
        guest_password: str = "",
        mode: Mode = "closed",
        store: MemoryStore | None = None,
        cost: Cost = CHEAP,
        checkers: Sequence[Any] = (),
        users: dict[int, str] | None = None,
        least_chars: int = 1,
    ) -> None:
        self.world = SimulatedWorld()
        self.store = store or MemoryStore()
        self.store.open(())
        self.bench = Bench()
        self.doubts: list[str] = []
        self.passwords = Passwords(self.world, self.bench, cost, least_chars)
        self.accounts = Accounts(
            self.world, self.store, self.passwords, self.doubts.append
        )
        self.failures = Failures(self.world)
        portal = Portal(
            Realm(),
            [
                PasswordChecker(self.accounts, checkers),
                KeyChecker(self.accounts),
                UserChecker(self.accounts, self._user),
                GuestChecker(self.accounts, guests, guest_password),
            ],
        )
        self._users = users or {}
        self.login = Login(
            self.world,
            portal,
            self.store,
            self.accounts,
            self.failures,
            self.passwords.iterations,
            self._user,
            not checkers,
        )
        self.rooms = Rooms()
        tickets = self.tickets = Tickets(self.world, self.store, self.accounts.records)
        self.registry = Registry(
            self.world,
            self.accounts,
            tickets,
            self.failures,
            self.rooms,
            mode,
            not checkers,
        )
        self.keyring = Keyring(self.world, self.accounts, tickets, self.rooms)
        self.administration = Administration(
            self.world, self.accounts, tickets, self.rooms, mode
        )

    def _user(self, uid: int) -> str:
        return self._users.get(uid, "")

    def add(self, name: str, password: str) -> Deferred[Account]:
        """Make an account."""
        return Deferred.fromCoroutine(self.accounts.add(name, password))

    def come(
        self,
        nick: str,
        password: str | None = None,
        address: str = "192.0.2.1",
        device: str | None = None,
        presence: Presence | None = None,
        vouch: str | None = None,
        client: str = "",
        **origin: Any,
    ) -> Deferred[Any]:
        """Say hello."""
        hello = Hello(nick, password, device, client=client, vouch=vouch)
        return self.login.admit(hello, Origin(address, **origin), presence)
