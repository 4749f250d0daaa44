"""From a hello to an admission (H24): who the peer may be, and which device it is."""

from __future__ import annotations

from hashlib import blake2b

import msgspec
from msgspec import Struct
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import LoginFailed as NotThem
from twisted.cred.error import UnhandledCredentials
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from relaychat.auth.failures import Failures
from relaychat.auth.passwords import prepare
from relaychat.auth.people import Guest, IPerson, Person
from relaychat.model.admission import Admission
from relaychat.model.commands import Hello
from relaychat.model.errors import (
    BadText,
    GuestsNotAllowed,
    LoginFailed,
    TooFast,
    TooLong,
    Unavailable,
)
from relaychat.model.names import check_nick, fold
from relaychat.store.api import Store, StoreBroken

DIGEST_BYTES = 16
"""Of a device's secret. As long as the secret itself (H16)."""


class Device(Struct):
    """What is kept of a device. The hub writes it, under the digest of its secret."""

    number: int
    owner: str


class Presence(Struct, frozen=True):
    """What becomes of somebody whose last session is lost (H9). It depends on the wire:
    native clients come back and resume, plain IRC clients start anew."""

    window_s: int = 0
    stays: bool = False
    """Whether an account keeps its memberships while offline. Guests never do."""


def device_key(secret: str) -> str:
    """The record key of a device: its secret itself is never kept."""
    return blake2b(secret.encode(), digest_size=DIGEST_BYTES).hexdigest()


class Login:
    """Admits peers through a portal of ``twisted.cred``."""

    _log = Logger()

    def __init__(self, portal: Portal, store: Store, failures: Failures) -> None:
        self._portal = portal
        self._store = store
        self._failures = failures

    def admit(
        self, hello: Hello, address: str, presence: Presence | None = None
    ) -> Deferred[Admission]:
        """Find out who says hello, from a host's ``address`` or ``unix``.

        Fails with LoginFailed, TooFast, GuestsNotAllowed, BadName, TooLong; NickInUse
        for a guest who would be called like an account; Unavailable.
        """
        presence = presence or Presence()
        asked = Deferred.fromCoroutine(self._admit(hello, address, presence))
        return asked.addErrback(self._unreadable)

    def _unreadable(self, failure: Failure) -> Failure:
        failure.trap(StoreBroken)
        self._log.error("can't be read: {why}", why=failure.getErrorMessage())
        raise Unavailable("nobody can be let in at the moment; try again")

    async def _admit(self, hello: Hello, address: str, presence: Presence) -> Admission:
        check_nick(hello.nick)
        account = await self._person(hello, address)
        key = None if hello.device is None else device_key(hello.device)
        device, high = Device(0, ""), 0
        if key is not None:
            body = await self._store.record("device", key)
            if body is not None:
                device = msgspec.json.decode(body, type=Device)
                high = await self._store.high(device.number)
        return Admission(
            account=account,
            device_key=key,
            device=device.number,
            owner=device.owner,
            high=high,
            window_s=presence.window_s,
            stays=presence.stays and account is not None,
        )

    async def _person(self, hello: Hello, address: str) -> str | None:
        """The account, or None for a guest."""
        if hello.password is None:
            return (await self._enter(Guest(hello.nick))).account
        name = fold(hello.nick)
        if not self._failures.attempt(name, address):
            raise TooFast("too many failed logins; wait a minute")
        person = await self._with_password(hello.nick, hello.password)
        self._failures.succeeded(name, address)
        return person.account

    async def _with_password(self, nick: str, password: str) -> Person:
        try:
            secret = prepare(password)
        except (BadText, TooLong):
            raise LoginFailed from None
        try:
            return await self._enter(UsernamePassword(nick.encode(), secret))
        except LoginFailed:
            pass
        try:
            # Where the house has a password for guests, it may be that one.
            return await self._enter(Guest(nick, password))
        except GuestsNotAllowed:
            raise LoginFailed from None

    async def _enter(self, credentials: UsernamePassword | Guest) -> Person:
        try:
            _, person, _ = await self._portal.login(credentials, None, IPerson)
        except (NotThem, UnhandledCredentials):
            raise LoginFailed from None
        assert isinstance(person, Person)
        return person
