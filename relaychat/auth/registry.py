"""What people may do with their accounts as a whole: register, change the password,
delete. What else opens an account is in ``keyring``.

Each method carries out one command of ``model.accounts`` for a ``Caller``.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Literal

import msgspec
from msgspec import Struct

from relaychat.auth.accounts import Account, Accounts
from relaychat.auth.caller import Caller, House
from relaychat.auth.devices import forget_logins
from relaychat.auth.failures import MINUTE_US, Failures
from relaychat.auth.tickets import Tickets
from relaychat.auth.tokens import digest_of
from relaychat.model.accounts import (
    DeleteAccount,
    Register,
    SetPassword,
)
from relaychat.model.errors import (
    BadTicket,
    Forbidden,
    LoginFailed,
    RegistrationClosed,
    RelayError,
    Revoked,
    TooFast,
)
from relaychat.model.events import Done
from relaychat.model.names import fold
from relaychat.model.words import Word
from relaychat.model.world import World
from relaychat.store.api import Record

encode = msgspec.json.Encoder().encode

REGISTRATIONS = 5
"""New accounts of one address within ``REGISTRATIONS_US``."""
REGISTRATIONS_US = 60 * MINUTE_US

ANYBODY = "*"
"""Whom an attempt counts for that names no account. No nick is so."""

Mode = Literal["closed", "open", "invited"]


class Erasing(Struct, frozen=True):
    """Record ``erase``, key: the account's. What is still to do for one that was
    deleted; the hub drops it with the last of it."""

    account: str
    blank: bool


class Registry:
    """See the module."""

    def __init__(
        self,
        world: World,
        accounts: Accounts,
        tickets: Tickets,
        failures: Failures,
        house: House,
        mode: Mode = "closed",
        own_passwords: bool = True,
    ) -> None:
        """``own_passwords``: who has no password here may set one; else it is kept
        elsewhere."""
        self._world = world
        self._accounts = accounts
        self._tickets = tickets
        self._failures = failures
        self._house = house
        self._mode = mode
        self._own_passwords = own_passwords
        self._registrations = Failures(world, REGISTRATIONS, REGISTRATIONS_US)

    # -- coming into being, and going --------------------------------------------------

    async def register(self, command: Register, caller: Caller) -> Word:
        """Make an account. Raises RegistrationClosed, BadTicket, TooFast and what
        ``Accounts.register`` raises."""
        if self._mode == "closed":
            raise RegistrationClosed
        address = caller.origin.address
        if not self._registrations.attempt(ANYBODY, address):
            raise TooFast("too many new accounts from your address; try again later")
        if self._mode == "open":
            await self._accounts.register(Account(command.name), command.password)
        else:
            await self._by_ticket(command, address)
        return Done(id=command.id)

    async def _by_ticket(self, command: Register, address: str) -> None:
        if not self._failures.attempt(ANYBODY, address):
            raise TooFast
        try:
            ticket = await self._tickets.take(command.ticket)
        except BadTicket:
            self._failures.failed(ANYBODY, address)
            raise
        self._failures.succeeded(ANYBODY, address)
        try:
            await self._accounts.register(Account(command.name), command.password)
        except RelayError:
            await self._tickets.give_back(command.ticket, ticket)
            raise

    async def delete(self, command: DeleteAccount, caller: Caller) -> Word:
        """Delete an account: one's own by its password, or any, for administrators.

        Raises LoginFailed, Forbidden, NoSuchUser, TooFast, Unavailable.
        """
        if command.name and caller.administrator:
            name = command.name
        elif command.name and fold(command.name) != fold(caller.in_person()):
            raise Forbidden("only administrators delete other people's accounts")
        else:
            name = caller.in_person()
            await self._prove(caller, command.password)
        name = (await self._accounts.get(name)).name
        task = Record("erase", fold(name), encode(Erasing(name, command.blank)))
        account = await self._accounts.change(name, deleted, task, cut=True)
        self._house.erase(account.name, command.blank)
        return Done(id=command.id)

    async def go_on(self) -> None:
        """Once, at the start: what was left to do of deletions when the relay ended."""
        for body in await self._accounts.left_to_erase():
            task = msgspec.json.decode(body, type=Erasing)
            self._house.erase(task.account, task.blank)

    # -- the password ------------------------------------------------------------------

    async def set_password(self, command: SetPassword, caller: Caller) -> Word:
        """A new password, by the old one or by a token for it.

        Raises LoginFailed, TooFast, BadText, TooLong, Unavailable.
        """
        if caller.account is None:
            await self._reset(command, caller)
            return Done(id=command.id)
        account = await self._prove(caller, command.old)
        if not (account.hash or self._own_passwords):
            raise Forbidden("your password is not kept here")

        def change(account: Account) -> Account:
            if command.everywhere:
                return forget_logins(account, caller.device)
            return account

        await self._accounts.set_password(caller.account, command.new, change)
        if command.everywhere:
            self._house.cut(caller.account, Revoked(), keep=caller.session)
        return Done(id=command.id)

    async def _reset(self, command: SetPassword, caller: Caller) -> None:
        name, address = fold(command.name), caller.origin.address
        if not self._failures.attempt(name, address):
            raise TooFast
        given, now_ms = digest_of(command.token), self._world.now_ms()

        def change(account: Account) -> Account:
            fits = compare_digest(given, account.reset) and not account.deleted
            if not fits or account.reset_until_ms <= now_ms:
                raise LoginFailed("this token is none, or none any more")
            return forget_logins(account)

        try:
            account = await self._accounts.find(name)
            change(account or Account(name))
            account = await self._accounts.set_password(name, command.new, change)
        except LoginFailed:
            self._failures.failed(name, address)
            raise
        self._failures.succeeded(name, address)
        self._house.cut(account.name, Revoked())

    async def _prove(self, caller: Caller, password: str) -> Account:
        """Make sure that it is the account's owner. Raises LoginFailed, TooFast."""
        account = await self._accounts.get(caller.name)
        if not account.hash and not caller.token:
            return account  # Who has no password came in by what they have.
        name, address = fold(account.name), caller.origin.address
        if not self._failures.attempt(name, address):
            raise TooFast
        try:
            await self._accounts.check(account.name, password)
        except LoginFailed:
            self._failures.failed(name, address)
            raise LoginFailed("this is not your password") from None
        self._failures.succeeded(name, address)
        return account


def deleted(account: Account) -> Account:
    """What is kept of an account that is no more: its name."""
    return Account(account.name, made_ms=account.made_ms, deleted=True)
