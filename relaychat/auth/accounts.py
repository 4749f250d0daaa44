"""Accounts, kept as records of the store.

Record ``account``, key: the folded name. Record ``look``, key: the name's skeleton,
body: the key of the first account that looks so (H13). Both outlive the account: nobody
has the name again.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from twisted.internet.defer import DeferredLock

from relaychat.auth.passwords import Passwords, Secrets, prepare
from relaychat.auth.records import Records
from relaychat.model.errors import (
    BadText,
    LoginFailed,
    NickInUse,
    NoSuchUser,
    TooLong,
)
from relaychat.model.names import check_nick, fold, skeleton
from relaychat.model.scope import Scope
from relaychat.model.world import World
from relaychat.store.api import Record, Store
from relaychat.wire.scram import Keys

_encode = msgspec.json.Encoder().encode


class Token(Struct, frozen=True, omit_defaults=True):
    """What is kept of a token: never the token itself."""

    digest: str
    label: str
    scope: Scope
    made_ms: int
    expires_ms: int = 0
    """0 for never."""


class KnownDevice(Struct, frozen=True, omit_defaults=True):
    """A device that has logged in (H16)."""

    digest: str
    client: str
    made_ms: int
    seen_ms: int
    trusted: bool = False
    """It has logged in by more than a token, and may do so by itself from then on."""
    exposed: bool = False
    """Its secret was said where others could listen: it is never trusted again."""
    revoked: bool = False


class Account(Struct, frozen=True, omit_defaults=True):
    """What is kept of an account."""

    name: str
    """As it was registered."""
    hash: str = ""
    """Of its password: an argon2id string with its own salt and cost; empty for an
    account without a password."""
    scram: Keys | None = None
    made_ms: int = 0
    administrator: bool = False
    suspended: bool = False
    deleted: bool = False
    tokens: tuple[Token, ...] = ()
    devices: tuple[KnownDevice, ...] = ()
    """Longest ago seen first."""
    certificates: tuple[str, ...] = ()
    """SHA-256 fingerprints, 64 digits in lower case."""
    uid: int | None = None
    """The user of this machine whose it is."""
    reset: str = ""
    """Digest of the token that may set a new password, once."""
    reset_until_ms: int = 0

    def device(self, digest: str) -> KnownDevice | None:
        """The device of this digest."""
        return next(
            (one for one in self.devices if compare_digest(one.digest, digest)), None
        )


_NOBODY = _encode(
    Account(
        "nobody",
        "$" * 97,
        Keys(bytes(16), 600_000, bytes(32), bytes(32)),
        1_600_000_000_000,
        tokens=(Token("0" * 32, "", Scope(), 1),),
        devices=(KnownDevice("0" * 32, "", 1, 1),),
    )
)
"""What is read of an account that does not exist, so that it takes as long (H24)."""


class Accounts:
    """The accounts of a store."""

    def __init__(
        self,
        world: World,
        store: Store,
        passwords: Passwords,
        in_doubt: Callable[[str], None],
    ) -> None:
        self._world = world
        self.records = Records(store, in_doubt)
        self._store = store
        self._passwords = passwords
        self._adding = DeferredLock()
        self._changing: dict[str, DeferredLock] = {}
        self._versions: dict[str, int] = {}

    # -- finding -----------------------------------------------------------------------

    async def find(self, name: str) -> Account | None:
        """The account of this name, however it is capitalised; deleted ones too."""
        body = await self._store.record("account", fold(name))
        account = msgspec.json.decode(body or _NOBODY, type=Account)
        return None if body is None else account

    async def get(self, name: str) -> Account:
        """The account of this name. Raises NoSuchUser."""
        account = await self.find(name)
        if account is None or account.deleted:
            raise NoSuchUser("there is no such account", name)
        return account

    async def like(self, name: str) -> str | None:
        """The key of the account that this name belongs to or looks like, or None."""
        key = fold(name)
        if await self._store.record("account", key) is not None:
            return key
        first = await self._store.record("look", skeleton(key))
        if first is None or (key.isascii() and first.isascii()):
            return None
        return first.decode()

    async def page(self, after: str, limit: int) -> list[Account]:
        """Accounts by key, behind this one."""
        found = await self._store.records("account", fold(after), limit)
        return [msgspec.json.decode(body, type=Account) for _, body in found]

    async def left_to_erase(self) -> list[bytes]:
        """The records ``erase``: deletions that are not at their end."""
        return [body for _, body in await self._store.records("erase", "", 10_000)]

    # -- changing ----------------------------------------------------------------------

    async def add(self, name: str, password: str) -> Account:
        """Make an account, or give one a new password. Raises as ``register`` does."""
        known = await self.find(name)
        if known is None or known.deleted:
            return await self.register(Account(name), password)
        return await self.set_password(name, password, lambda account: account)

    async def register(self, account: Account, password: str | None = None) -> Account:
        """Make an account.

        Raises BadName, BadText, TooLong, TooFast; NickInUse if the name is another
        account's, or was, or looks like one; Unavailable if the store does not take it.
        """
        key = check_nick(account.name)
        account = replace(account, made_ms=self._world.now_ms())
        if password is not None:
            self._passwords.check_new(password)
            if await self.like(key) is None:
                account = with_secrets(account, await self._passwords.make(password))
        await self._adding.acquire()
        try:
            look = await self._look(key, account.name)
            await self.records.put(*look, Record("account", key, _encode(account)))
        finally:
            self._adding.release()
        return account

    async def _look(self, key: str, name: str) -> list[Record]:
        """The record that reserves how a new name looks. Raises NickInUse."""
        if await self.like(key) is not None:
            raise NickInUse("this name is another account's, or looks like it", name)
        look = skeleton(key)
        taken = await self._store.record("look", look)
        return [] if taken else [Record("look", look, key.encode())]

    async def change(
        self,
        name: str,
        change: Callable[[Account], Account],
        *others: Record,
        cut: bool = False,
    ) -> Account:
        """Change an account, and put ``others`` with it; ``change`` may raise to leave
        it as it is. ``cut``: no login that is under way may succeed on what was before.

        Raises NoSuchUser, Unavailable.
        """
        key = fold(name)
        lock = self._changing.setdefault(key, DeferredLock())
        await lock.acquire()
        try:
            before = await self.get(name)
            after = change(before)
            if after != before:
                record = Record("account", key, _encode(after))
                await self.records.put(record, *others)
            if cut:
                self._versions[key] = self.version(name) + 1
            return after
        finally:
            lock.release()
            if not lock.locked:
                self._changing.pop(key, None)

    async def set_password(
        self, name: str, password: str, change: Callable[[Account], Account]
    ) -> Account:
        """Give an account a new password, and change it otherwise in the same moment.

        Raises NoSuchUser, BadText, TooLong, TooFast, Unavailable.
        """
        self._passwords.check_new(password)
        secrets = await self._passwords.make(password)
        return await self.change(
            name, lambda account: with_secrets(change(account), secrets), cut=True
        )

    async def check(self, name: str, password: str) -> Account:
        """The account, if this is its password. Raises LoginFailed, TooFast."""
        try:
            secret = prepare(password)
        except (BadText, TooLong):
            raise LoginFailed from None
        account = await self.find(name)
        kept = account.hash if account is not None else ""
        fits = await self._passwords.fits(secret, kept)
        if account is None or not fits:
            raise LoginFailed
        if account.scram is None or self._passwords.outdated(kept):
            secrets = await self._passwords.make(password)
            await self.change(name, lambda now: _renewed(now, kept, secrets))
        return account

    def version(self, name: str) -> int:
        """Rises with each change that ends logins under way. Since the start of the
        process."""
        return self._versions.get(fold(name), 0)


def _renewed(account: Account, kept: str, secrets: Secrets) -> Account:
    """The account with its password hashed anew, unless it has another by now."""
    same = compare_digest(account.hash.encode(), kept.encode())
    return with_secrets(account, secrets) if same else account


def with_secrets(account: Account, secrets: Secrets) -> Account:
    """The account with another password."""
    return replace(account, hash=secrets.hash, scram=secrets.scram)
