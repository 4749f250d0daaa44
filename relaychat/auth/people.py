"""The parts of ``twisted.cred``: checkers, the realm and its persons.

A checker of your own (LDAP, PAM, a program) for ``IUsernamePassword`` is asked about
all accounts that have no password here (``[accounts] checker``): its avatar id is the
account's name, as bytes. The account is made when it answers so for the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hmac import compare_digest
from typing import Any

from twisted.cred.checkers import ANONYMOUS, ICredentialsChecker
from twisted.cred.credentials import IAnonymous, IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import Attribute, Interface, implementer

from relaychat.auth.accounts import Account, Accounts
from relaychat.auth.credentials import ByUser, Guest, IKey, IUser
from relaychat.auth.passwords import prepare
from relaychat.model.errors import (
    GuestsNotAllowed,
    LoginFailed,
    NickInUse,
    RelayError,
)
from relaychat.model.names import fold

AvatarId = bytes | tuple[()]


class IPerson(Interface):
    """Who somebody turned out to be."""

    account = Attribute("The account's name as it was registered, or None for a guest.")


@implementer(IPerson)
class Person:
    """See ``IPerson``."""

    def __init__(self, account: str | None) -> None:
        self.account = account


@implementer(IRealm)
class Realm:
    """Hands out persons."""

    def requestAvatar(
        self, avatarId: AvatarId, mind: object, *interfaces: type[Interface]
    ) -> tuple[type[Interface], object, Callable[[], None]]:
        """See ``IRealm``. Raises NotImplementedError for anything but a person."""
        if IPerson not in interfaces:
            raise NotImplementedError("only persons live here")
        account = avatarId.decode() if isinstance(avatarId, bytes) else None
        return IPerson, Person(account), lambda: None


async def ensure(accounts: Accounts, account: Account) -> Account:
    """The account of this name, made if there is none; not if it was deleted.

    Raises UnauthorizedLogin.
    """
    try:
        known = await accounts.find(account.name)
        if known is None:
            return await accounts.register(account)
    except RelayError as error:
        raise UnauthorizedLogin from error
    if known.deleted:
        raise UnauthorizedLogin
    return known


@implementer(ICredentialsChecker)
class PasswordChecker:
    """Name and password: against the accounts of the store; where they have no password
    of this name, against checkers of the house's own, one after the other."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, accounts: Accounts, others: Sequence[Any] = ()) -> None:
        self._accounts = accounts
        self._others = others

    def requestAvatarId(self, credentials: UsernamePassword) -> Deferred[AvatarId]:
        """See ``ICredentialsChecker``. Fails with UnauthorizedLogin, TooFast."""
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, credentials: UsernamePassword) -> AvatarId:
        name = credentials.username.decode()
        account = await self._accounts.find(name)
        if self._others and (account is None or not (account.hash or account.deleted)):
            return await self._ask_others(credentials)
        try:
            checked = await self._accounts.check(name, credentials.password.decode())
        except LoginFailed:
            raise UnauthorizedLogin from None
        return checked.name.encode()

    async def _ask_others(self, credentials: UsernamePassword) -> AvatarId:
        for other in self._others:
            try:
                found = await maybeDeferred(other.requestAvatarId, credentials)
            except UnauthorizedLogin:
                continue
            if isinstance(found, bytes):
                name = found.decode()
                return (await ensure(self._accounts, Account(name))).name.encode()
        raise UnauthorizedLogin


@implementer(ICredentialsChecker)
class KeyChecker:
    """Tokens, certificates, devices and proofs, against what the account keeps."""

    credentialInterfaces = (IKey,)

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def requestAvatarId(self, credentials: Any) -> Deferred[AvatarId]:
        """See ``ICredentialsChecker``. Fails with UnauthorizedLogin."""
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, credentials: Any) -> AvatarId:
        account = await self._accounts.find(credentials.name)
        # What is asked of nobody's account takes as long.
        opens = credentials.opens(account or Account(credentials.name))
        if account is None or account.deleted or not opens:
            raise UnauthorizedLogin
        return account.name.encode()


@implementer(ICredentialsChecker)
class UserChecker:
    """Users of this machine, by their login names; ``login_name`` finds them, empty for
    none. An account is made for who comes first; one that is there already has to have
    been logged in to from that user's side before."""

    credentialInterfaces = (IUser,)

    def __init__(self, accounts: Accounts, login_name: Callable[[int], str]) -> None:
        self._accounts = accounts
        self._login_name = login_name

    def requestAvatarId(self, credentials: ByUser) -> Deferred[AvatarId]:
        """See ``ICredentialsChecker``. Fails with UnauthorizedLogin."""
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, user: ByUser) -> AvatarId:
        name = self._login_name(user.uid)
        if not name or fold(name) != fold(user.name):
            raise UnauthorizedLogin
        account = await ensure(self._accounts, Account(name, uid=user.uid))
        if account.uid != user.uid:
            raise UnauthorizedLogin
        return account.name.encode()


@implementer(ICredentialsChecker)
class GuestChecker:
    """Guests, where the configuration allows them."""

    credentialInterfaces = (IAnonymous,)

    def __init__(self, accounts: Accounts, allowed: bool, password: str) -> None:
        self._accounts = accounts
        self._allowed = allowed
        self._password = prepare(password) if password else b""

    def requestAvatarId(self, credentials: Guest) -> Deferred[AvatarId]:
        """See ``ICredentialsChecker``.

        Fails with GuestsNotAllowed, UnauthorizedLogin; NickInUse for an account's name,
        and for what looks like one.
        """
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, guest: Guest) -> AvatarId:
        if not self._allowed:
            raise GuestsNotAllowed
        if self._password and not guest.password:
            raise GuestsNotAllowed("a password is needed here")
        # With a password where guests need none, they meant an account.
        given = prepare(guest.password) if guest.password else b""
        if not compare_digest(given, self._password):
            raise UnauthorizedLogin
        if await self._accounts.like(guest.nick) is not None:
            raise NickInUse("this nick is an account's, or looks like one", guest.nick)
        return ANONYMOUS
