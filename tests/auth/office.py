"""A house whose commands about accounts are carried out at once."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from relaychat.auth.accounts import Account
from relaychat.auth.caller import Caller
from relaychat.auth.credentials import Origin
from tests.auth.house import House

HERE = Origin("192.0.2.1")
NOBODY = Caller(HERE)
ANN = Caller(HERE, session="hers", account="Ann")
BOB = Caller(HERE, account="Bob")
BOSS = Caller(HERE, session="the boss's", account="Boss", administrator=True)


class OfficeCase(SynchronousTestCase):
    """Ann and Bob have accounts, by the password "tea"."""

    def setUp(self) -> None:
        self.open(House())

    def open(self, house: House) -> None:
        """Begin with this house."""
        self.house = house
        self.registry = house.registry
        self.keyring = house.keyring
        self.administration = house.administration
        for name in ("Ann", "Bob"):
            self.successResultOf(house.add(name, "tea"))

    def do(self, coroutine: Any) -> Any:
        """What is answered."""
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def refused(self, error: type[Exception], coroutine: Any) -> str:
        """The text of a refusal."""
        failure = self.failureResultOf(Deferred.fromCoroutine(coroutine), error)
        return str(failure.value)

    def account(self, name: str) -> Account:
        """As it is now."""
        return self.do(self.house.accounts.get(name))  # type: ignore[no-any-return]

    def told(self) -> list[tuple[Any, ...]]:
        """What the rooms were told since."""
        told, self.house.rooms.told = self.house.rooms.told, []
        return told
