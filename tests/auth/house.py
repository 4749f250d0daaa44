"""A house with accounts: real store, portal and checkers, cheap hashes, no threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred

from relaychat.auth.accounts import Account, Accounts
from relaychat.auth.failures import Failures
from relaychat.auth.login import Login
from relaychat.auth.passwords import Cost, Passwords
from relaychat.auth.people import AccountChecker, GuestChecker, Realm
from relaychat.model.admission import Admission
from relaychat.model.commands import Hello
from relaychat.store.memory import MemoryStore
from relaychat.testing.world import SimulatedWorld

T = TypeVar("T")

CHEAP = Cost(memory_kib=8, passes=1, lanes=1)


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


class House:
    """All of ``relaychat.auth`` over a memory store."""

    def __init__(self, guests: bool = True, guest_password: str = "") -> None:
        self.world = SimulatedWorld()
        self.store = MemoryStore()
        self.store.open(("account",))
        self.bench = Bench()
        self.doubts: list[str] = []
        self.passwords = Passwords(self.world, self.bench, CHEAP)
        self.accounts = Accounts(self.store, self.passwords, self.doubts.append)
        portal = Portal(
            Realm(),
            [
                AccountChecker(self.accounts, self.passwords),
                GuestChecker(self.accounts, guests, guest_password),
            ],
        )
        self.login = Login(portal, self.store, Failures(self.world))

    def add(self, name: str, password: str) -> Deferred[Account]:
        """Make an account."""
        return Deferred.fromCoroutine(self.accounts.add(name, password))

    def come(
        self, nick: str, password: str | None = None, address: str = "192.0.2.1"
    ) -> Deferred[Admission]:
        """Say hello."""
        return self.login.admit(Hello(nick, password), address)
