"""What people may do with their accounts: register, change the password, hand out
tokens, see and revoke devices, delete.

Each method carries out one command of ``model.accounts`` for a ``Caller``.
"""

from __future__ import annotations

from collections.abc import Iterable
from hmac import compare_digest
from typing import Literal, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from relaychat.auth.accounts import Account, Accounts, Token
from relaychat.auth.credentials import Origin, fingerprint_of
from relaychat.auth.devices import forget_logins
from relaychat.auth.failures import MINUTE_US, Failures
from relaychat.auth.tickets import Tickets
from relaychat.auth.tokens import TOKEN, digest_of, mark_of, new_secret
from relaychat.model.accounts import (
    CertificateList,
    DeleteAccount,
    DeviceEntry,
    DeviceList,
    ListDevices,
    ListTokens,
    MakeToken,
    Register,
    Revoke,
    SetCertificates,
    SetPassword,
    TokenEntry,
    TokenList,
    TokenMade,
)
from relaychat.model.errors import (
    BadSyntax,
    BadTicket,
    Forbidden,
    LoginFailed,
    NoSuchCredential,
    RegistrationClosed,
    RelayError,
    Revoked,
    TooFast,
    TooMany,
)
from relaychat.model.events import Done
from relaychat.model.names import check_room, fold
from relaychat.model.scope import Scope
from relaychat.model.words import Word
from relaychat.model.world import World
from relaychat.store.api import Record

encode = msgspec.json.Encoder().encode

TOKENS_LIMIT = 32
"""Tokens of one account: a bot for everything, and not one a day for ever."""
CERTIFICATES_LIMIT = 16
REGISTRATIONS = 5
"""New accounts of one address within ``REGISTRATIONS_US``."""
REGISTRATIONS_US = 60 * MINUTE_US

ANYBODY = "*"
"""Whom an attempt counts for that names no account. No nick is so."""

Mode = Literal["closed", "open", "invited"]


class Caller(Struct, frozen=True):
    """Who asks."""

    origin: Origin
    session: object = None
    """The session itself: the one that is not ended with all others."""
    account: str | None = None
    device: str = ""
    """The digest of its device's secret, if it has one."""
    token: str = ""
    """The digest of the token that it came in by."""
    administrator: bool = False

    @property
    def name(self) -> str:
        """Of its account. Raises Forbidden for one that has none."""
        if self.account is None:
            raise Forbidden("only for those who have logged in to an account")
        return self.account

    def in_person(self) -> str:
        """The name of its account. Raises Forbidden where it came in by a token."""
        if self.token:
            raise Forbidden("not with a token: log in with the password for this")
        return self.name


class Erasing(Struct, frozen=True):
    """Record ``erase``, key: the account's. What is still to do for one that was
    deleted; the hub drops it with the last of it."""

    account: str
    blank: bool


class House(Protocol):
    """What accounts have to do with the rooms: the hub."""

    def cut(
        self,
        account: str,
        error: RelayError,
        device: str | None = None,
        token: str | None = None,
        keep: object = None,
    ) -> None:
        """End the sessions of an account, or those of one of its devices or tokens
        only; all but ``keep``."""

    def erase(self, account: str, blank: bool) -> None:
        """An account is no more: its sessions end, its rooms pass on."""


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

    # -- tokens ------------------------------------------------------------------------

    async def make_token(self, command: MakeToken, caller: Caller) -> Word:
        """A new token. Raises TooMany, BadName, Forbidden, Unavailable."""
        name = caller.in_person()
        rooms = frozenset(check_room(room) for room in command.rooms)
        secret, now_ms = new_secret(self._world, TOKEN), self._world.now_ms()
        expires_ms = now_ms + command.expires_s * 1000 if command.expires_s else 0
        scope, digest = Scope(command.scope, rooms), digest_of(secret)
        token = Token(digest, command.label, scope, now_ms, expires_ms)

        def change(account: Account) -> Account:
            good = [one for one in account.tokens if not _is_over(one, now_ms)]
            if len(good) >= TOKENS_LIMIT:
                raise TooMany(f"an account has at most {TOKENS_LIMIT} tokens")
            return replace(account, tokens=(*good, token))

        await self._accounts.change(name, change)
        return TokenMade(mark_of(digest), secret, expires_ms, id=command.id)

    async def list_tokens(self, command: ListTokens, caller: Caller) -> Word:
        """The tokens that are still good."""
        account = await self._accounts.get(caller.name)
        now_ms = self._world.now_ms()
        tokens = tuple(
            TokenEntry(
                mark_of(one.digest),
                one.label,
                one.scope.level,
                one.made_ms,
                tuple(sorted(one.scope.rooms)),
                one.expires_ms,
            )
            for one in account.tokens
            if not _is_over(one, now_ms)
        )
        return TokenList(tokens, id=command.id)

    # -- devices and certificates ------------------------------------------------------

    async def list_devices(self, command: ListDevices, caller: Caller) -> Word:
        """All devices that the account remembers."""
        account = await self._accounts.get(caller.name)
        devices = tuple(
            DeviceEntry(
                mark_of(one.digest),
                one.client,
                one.made_ms,
                one.seen_ms,
                compare_digest(one.digest, caller.device),
                one.revoked,
            )
            for one in account.devices
        )
        return DeviceList(devices, id=command.id)

    async def revoke(self, command: Revoke, caller: Caller) -> Word:
        """A token, a device or a ticket is good no more.

        Raises NoSuchCredential, BadSyntax, Forbidden, Unavailable.
        """
        named = [command.token, command.device, command.ticket]
        if sum(one is not None for one in named) != 1:
            raise BadSyntax("name a token, a device or a ticket")
        if command.ticket is not None:
            if not caller.administrator:
                raise Forbidden("only administrators have tickets")
            await self._tickets.revoke(command.ticket)
        elif command.token is not None:
            await self._revoke_token(caller.name, command.token)
        elif command.device is not None:
            await self._revoke_device(caller.name, command.device)
        return Done(id=command.id)

    async def _revoke_token(self, name: str, mark: str) -> None:
        gone: list[str] = []

        def change(account: Account) -> Account:
            gone[:] = _marked((one.digest for one in account.tokens), mark)
            kept = tuple(one for one in account.tokens if one.digest not in gone)
            return replace(account, tokens=kept)

        await self._accounts.change(name, change, cut=True)
        for digest in gone:
            self._house.cut(name, Revoked("this token was revoked"), token=digest)

    async def _revoke_device(self, name: str, mark: str) -> None:
        gone: list[str] = []

        def change(account: Account) -> Account:
            gone[:] = _marked((one.digest for one in account.devices), mark)
            devices = tuple(
                replace(one, revoked=True, trusted=False) if one.digest in gone else one
                for one in account.devices
            )
            return replace(account, devices=devices)

        await self._accounts.change(name, change, cut=True)
        for digest in gone:
            self._house.cut(name, Revoked("this device was revoked"), device=digest)

    async def set_certificates(self, command: SetCertificates, caller: Caller) -> Word:
        """Certificates that log in to the account; all of them are told.

        Raises NoSuchCredential, TooMany, Forbidden, Unavailable.
        """
        name = caller.in_person()
        add = fingerprint_of(command.add or "")
        remove = fingerprint_of(command.remove or "")

        def change(account: Account) -> Account:
            known = list(account.certificates)
            if remove and remove not in known:
                raise NoSuchCredential(about=remove)
            known = [one for one in known if one not in (add, remove)]
            known += [add] if add else []
            if len(known) > CERTIFICATES_LIMIT:
                raise TooMany(f"an account has at most {CERTIFICATES_LIMIT} of them")
            return replace(account, certificates=tuple(known))

        if add or remove:
            account = await self._accounts.change(name, change, cut=bool(remove))
        else:
            account = await self._accounts.get(name)
        mine = fingerprint_of(caller.origin.certificate or "")
        return CertificateList(account.certificates, mine, id=command.id)


def deleted(account: Account) -> Account:
    """What is kept of an account that is no more: its name."""
    return Account(account.name, made_ms=account.made_ms, deleted=True)


def _is_over(token: Token, now_ms: int) -> bool:
    return bool(token.expires_ms) and token.expires_ms <= now_ms


def _marked(digests: Iterable[str], mark: str) -> list[str]:
    """Those that a list shows by this mark. Raises NoSuchCredential."""
    found = [one for one in digests if mark_of(one) == mark]
    if not found:
        raise NoSuchCredential(about=mark)
    return found
