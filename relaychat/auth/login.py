"""From a hello to an admission (H24): who the peer may be, and which device it is.

A peer proves who it is by a password, by a token in its place, or by SCRAM; without
any, by its TLS certificate, by a device that has logged in before, or by its user id on
this machine. Else it is a guest.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from hmac import digest
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import LoginFailed as NotThem
from twisted.cred.error import UnhandledCredentials
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from relaychat.auth.accounts import Account, Accounts
from relaychat.auth.credentials import (
    ByCertificate,
    ByDevice,
    ByProof,
    ByToken,
    ByUser,
    Guest,
    Origin,
)
from relaychat.auth.devices import REVOKED, device_key, seen
from relaychat.auth.failures import Failures
from relaychat.auth.passwords import prepare
from relaychat.auth.people import IPerson, Person
from relaychat.auth.tokens import TOKEN
from relaychat.model.admission import Admission, Challenged, Found
from relaychat.model.commands import Hello
from relaychat.model.errors import (
    BadSyntax,
    BadText,
    GuestsNotAllowed,
    LoginFailed,
    NoScram,
    NoSuchUser,
    RelayError,
    Revoked,
    Suspended,
    TooFast,
    TooLong,
    Unavailable,
)
from relaychat.model.names import check_nick, fold
from relaychat.model.world import World
from relaychat.store.api import Record, Store, StoreBroken
from relaychat.wire.scram import (
    NONCE_BYTES,
    SALT_BYTES,
    Keys,
    ScramError,
    ServerExchange,
)

TOO_MANY = "too many failed logins; wait a minute"
CHANGED = "the account has changed meanwhile; log in again"

Credentials = (
    UsernamePassword | Guest | ByToken | ByProof | ByCertificate | ByDevice | ByUser
)


_log = Logger()


def unreadable(failure: Failure) -> Failure:
    """What comes of a store that can't be read: Unavailable, and a line in the log."""
    failure.trap(StoreBroken)
    _log.error("can't be read: {why}", why=failure.getErrorMessage())
    raise Unavailable("accounts can't be read at the moment; try again")


class Device(Struct):
    """What is kept of a device beside its account's list. The hub writes it, under the
    digest of its secret."""

    number: int
    owner: str


class Presence(Struct, frozen=True):
    """What becomes of somebody whose last session is lost (H9). It depends on the wire:
    native clients come back and resume, plain IRC clients start anew."""

    window_s: int = 0
    stays: bool = False
    """Whether an account keeps its memberships while offline. Guests never do."""


class Arrival(Struct, frozen=True):
    """A hello, where it comes from, and what the house makes of it."""

    hello: Hello
    origin: Origin
    presence: Presence
    version: int
    """Of the account when it began: see ``Accounts.version``."""


class Login:
    """Admits peers through a portal of ``twisted.cred``."""

    def __init__(
        self,
        world: World,
        portal: Portal,
        store: Store,
        accounts: Accounts,
        failures: Failures,
        iterations: int,
        login_name: Callable[[int], str] = lambda uid: "",
        scram: bool = True,
    ) -> None:
        """``iterations``: of SCRAM, for names without an account. ``login_name``: of a
        user of this machine, where these log in by themselves, else empty. ``scram``:
        all passwords are kept here."""
        self._world = world
        self._portal = portal
        self._store = store
        self._accounts = accounts
        self._failures = failures
        self._iterations = iterations
        self._login_name = login_name
        self._scram = scram

    def admit(
        self, hello: Hello, origin: Origin, presence: Presence | None = None
    ) -> Deferred[Found]:
        """Find out who says hello, or, with SCRAM, what to ask them.

        Fails with LoginFailed, TooFast, GuestsNotAllowed, Suspended, Revoked, BadName,
        TooLong, BadSyntax, Unavailable; NickInUse for a guest who would be called like
        an account.
        """
        version = self._accounts.version(hello.nick)
        arrival = Arrival(hello, origin, presence or Presence(), version)
        return Deferred.fromCoroutine(self._admit(arrival)).addErrback(unreadable)

    async def _admit(self, arrival: Arrival) -> Found:
        hello = arrival.hello
        check_nick(hello.nick)
        if hello.scram is not None:
            return await self._challenge(arrival, hello.scram)
        if hello.password is None:
            person, by = await self._without_password(arrival)
        else:
            person, by = await self._with_password(arrival, hello.password)
        if person.account is None:
            return await self._admission(arrival, None)
        return await self._member(arrival, person.account, by)

    # -- who it is ---------------------------------------------------------------------

    async def _without_password(self, arrival: Arrival) -> tuple[Person, Credentials]:
        for credentials in self._at_hand(arrival):
            try:
                return await self._enter(credentials), credentials
            except LoginFailed:
                continue
        await self._check_revoked(arrival)
        guest = Guest(arrival.hello.nick)
        return await self._enter(guest), guest

    async def _check_revoked(self, arrival: Arrival) -> None:
        """Raises Revoked for a device of the account that may not come back."""
        account = await self._accounts.find(arrival.hello.nick)
        if account is not None and arrival.hello.device is not None:
            known = account.device(device_key(arrival.hello.device))
            if known is not None and known.revoked:
                raise Revoked(REVOKED)

    def _at_hand(self, arrival: Arrival) -> Iterator[Credentials]:
        """What may prove who it is without being said."""
        nick, origin = arrival.hello.nick, arrival.origin
        if origin.certificate is not None:
            yield ByCertificate(nick, origin.certificate)
        if arrival.hello.device is not None and origin.secure:
            yield ByDevice(nick, device_key(arrival.hello.device))
        if arrival.hello.vouch is not None and origin.secure:
            yield ByDevice(nick, device_key(arrival.hello.vouch))
        if origin.uid is not None:
            yield ByUser(nick, origin.uid)

    async def _with_password(
        self, arrival: Arrival, password: str
    ) -> tuple[Person, Credentials]:
        name, address = fold(arrival.hello.nick), arrival.origin.address
        if not self._failures.attempt(name, address):
            raise TooFast(TOO_MANY)
        try:
            found = await self._known(arrival.hello.nick, password)
        except LoginFailed:
            self._failures.failed(name, address)
            raise
        except RelayError:
            self._failures.succeeded(name, address)
            raise
        self._failures.succeeded(name, address)
        return found

    async def _known(self, nick: str, password: str) -> tuple[Person, Credentials]:
        if password.startswith(TOKEN):
            token = ByToken(nick, password, self._world.now_ms())
            return await self._enter(token), token
        try:
            credentials = UsernamePassword(nick.encode(), prepare(password))
        except (BadText, TooLong):
            raise LoginFailed from None
        try:
            return await self._enter(credentials), credentials
        except LoginFailed:
            pass
        try:
            # Where the house has a password for guests, it may be that one.
            guest = Guest(nick, password)
            return await self._enter(guest), guest
        except GuestsNotAllowed:
            raise LoginFailed from None

    async def _enter(self, credentials: Any) -> Person:
        try:
            _, person, _ = await self._portal.login(credentials, None, IPerson)
        except (NotThem, UnhandledCredentials):
            raise LoginFailed from None
        assert isinstance(person, Person)
        return person

    # -- SCRAM -------------------------------------------------------------------------

    async def _challenge(self, arrival: Arrival, first: str) -> Challenged:
        if not self._scram:
            raise NoScram
        name, address = fold(arrival.hello.nick), arrival.origin.address
        try:
            exchange = ServerExchange(first)
        except ScramError as error:
            raise BadSyntax(str(error), "scram") from None
        if fold(exchange.name) != name:
            raise BadSyntax("the nick and the name in scram differ", "scram")
        if not self._failures.attempt(name, address):
            raise TooFast(TOO_MANY)
        nobody = await self._keys_of_nobody(name)
        account = await self._accounts.find(name)
        keys = account.scram if account is not None else None
        nonce = b64encode(self._world.token_bytes(NONCE_BYTES)).decode()
        scram = exchange.challenge(keys or nobody, nonce)

        def go_on(final: str) -> Deferred[Admission]:
            proved = Deferred.fromCoroutine(self._prove(arrival, exchange, final))
            return proved.addErrback(unreadable)

        return Challenged(scram, go_on)

    async def _prove(
        self, arrival: Arrival, exchange: ServerExchange, final: str
    ) -> Admission:
        name, address = fold(arrival.hello.nick), arrival.origin.address
        proof = ByProof(exchange, final)
        try:
            person = await self._enter(proof)
        except LoginFailed:
            self._failures.failed(name, address)
            raise
        self._failures.succeeded(name, address)
        assert person.account is not None
        admission = await self._member(arrival, person.account, proof)
        return replace(admission, scram=proof.verdict)

    async def _keys_of_nobody(self, name: str) -> Keys:
        """Keys for a name without any: the same ones each time, as an account's are,
        and no password fits them."""
        secret = await self._store.record("secret", "scram")
        if secret is None:
            secret = self._world.token_bytes(32)
            await self._accounts.records.put(Record("secret", "scram", secret))
        salt = digest(secret, name.encode(), "sha256")[:SALT_BYTES]
        stored, server = self._world.token_bytes(32), self._world.token_bytes(32)
        return Keys(salt, self._iterations, stored, server)

    # -- what is known of them ---------------------------------------------------------

    async def _member(self, arrival: Arrival, name: str, by: Credentials) -> Admission:
        """The admission to an account, as it is now."""
        same = fold(name) == fold(arrival.hello.nick)
        version = arrival.version if same else self._accounts.version(name)
        account = await self._accounts.find(name)
        if account is None or account.deleted:
            raise LoginFailed
        if account.suspended:
            raise Suspended
        account = await self._noted(arrival, account, by)
        admission = await self._admission(arrival, account.name)
        token = by.token(account) if isinstance(by, ByToken) else None
        if token is not None:
            admission = replace(
                admission,
                scope=token.scope,
                token=token.digest,
                expires_ms=token.expires_ms,
            )
        # Nothing is awaited from here until the hub has the admission.
        gone = isinstance(by, ByToken) and token is None
        if gone or self._accounts.version(name) != version:
            raise LoginFailed(CHANGED)
        return replace(admission, administrator=account.administrator)

    async def _noted(
        self, arrival: Arrival, account: Account, by: Credentials
    ) -> Account:
        """The account, with what this login says of its devices and its user."""
        hello, origin = arrival.hello, arrival.origin
        by_token = isinstance(by, ByToken)

        def note(now: Account) -> Account:
            if hello.device is not None:
                now = seen(
                    now,
                    device_key(hello.device),
                    hello.client,
                    self._world.now_ms(),
                    origin.secure,
                    by_token,
                )
            if now.uid is None and not by_token and self._is_user(origin, now.name):
                now = replace(now, uid=origin.uid)
            return now

        if note(account) == account:
            return account
        try:
            return await self._accounts.change(account.name, note)
        except (NoSuchUser, Unavailable):
            # Who comes back while nothing can be kept has to come in all the same. An
            # account that was deleted meanwhile is another version.
            return account

    def _is_user(self, origin: Origin, name: str) -> bool:
        return origin.uid is not None and fold(self._login_name(origin.uid)) == fold(
            name
        )

    async def _admission(self, arrival: Arrival, account: str | None) -> Admission:
        secret, presence = arrival.hello.device, arrival.presence
        key = None if secret is None else device_key(secret)
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
