"""Accounts: a name and the hash of a password, kept as records of the store.

Record ``account``, key: the folded name. Record ``look``, key: the name's skeleton,
body: the key of the first account that looks so (H13).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct

from relaychat.auth.passwords import Passwords, prepare
from relaychat.model.errors import NickInUse, Unavailable
from relaychat.model.names import check_nick, fold, skeleton
from relaychat.store.api import Batch, Committed, InDoubt, Record, Store

_encode = msgspec.json.Encoder().encode


class Account(Struct, frozen=True):
    """What is kept of an account."""

    name: str
    """As it was registered."""
    hash: str
    """Of its password: an argon2id string with its own salt and cost."""


class Accounts:
    """The accounts of a store."""

    def __init__(
        self, store: Store, passwords: Passwords, in_doubt: Callable[[str], None]
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._in_doubt = in_doubt

    async def find(self, name: str) -> Account | None:
        """The account of this name, however it is capitalised."""
        body = await self._store.record("account", fold(name))
        return None if body is None else msgspec.json.decode(body, type=Account)

    async def like(self, name: str) -> str | None:
        """The key of the account that this name belongs to or looks like, or None."""
        key = fold(name)
        if await self._store.record("account", key) is not None:
            return key
        first = await self._store.record("look", skeleton(key))
        if first is None or (key.isascii() and first.isascii()):
            return None
        return first.decode()

    async def add(self, name: str, password: str) -> Account:
        """Make an account, or give one a new password.

        Raises BadName, BadText, TooLong, TooFast; NickInUse if the name looks like
        another account's; Unavailable if the store does not take it.
        """
        key = check_nick(name)
        prepare(password)
        known = await self.find(name)
        records = [] if known else await self._look(key, name)
        account = Account(
            known.name if known else name, await self._passwords.make(password)
        )
        records.append(Record("account", key, _encode(account)))
        outcome = await self._store.commit(Batch(records=records))
        if isinstance(outcome, InDoubt):
            self._in_doubt(outcome.why)
        if not isinstance(outcome, Committed):
            raise Unavailable
        return account

    async def _look(self, key: str, name: str) -> list[Record]:
        """The record that reserves how a new name looks. Raises NickInUse."""
        if await self.like(key) is not None:
            raise NickInUse("this name looks like another account's", about=name)
        look = skeleton(key)
        taken = await self._store.record("look", look)
        return [] if taken else [Record("look", look, key.encode())]
