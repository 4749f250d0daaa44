"""The parts of ``twisted.cred``: credentials, checkers, the realm and its persons.

A checker of your own (LDAP, PAM) takes the place of ``AccountChecker``: its avatar id
is the account's name, as bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest

from twisted.cred.checkers import ANONYMOUS, ICredentialsChecker
from twisted.cred.credentials import IAnonymous, IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface, implementer

from relaychat.auth.accounts import Accounts
from relaychat.auth.passwords import Passwords, prepare
from relaychat.model.errors import GuestsNotAllowed, NickInUse

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


@implementer(IAnonymous)
class Guest:
    """Somebody without an account: the nick they want, and the house's guest password,
    if they gave any."""

    def __init__(self, nick: str, password: str = "") -> None:
        self.nick = nick
        self.password = password


@implementer(ICredentialsChecker)
class AccountChecker:
    """Name and password against the accounts of the store."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, accounts: Accounts, passwords: Passwords) -> None:
        self._accounts = accounts
        self._passwords = passwords

    def requestAvatarId(self, credentials: UsernamePassword) -> Deferred[AvatarId]:
        """See ``ICredentialsChecker``. Fails with UnauthorizedLogin, TooFast."""
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, credentials: UsernamePassword) -> AvatarId:
        account = await self._accounts.find(credentials.username.decode())
        kept = None if account is None else account.hash
        fits = await self._passwords.fits(credentials.password, kept)
        if account is None or not fits:
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
