"""What opens an account beside its password: tokens, devices, certificates. How their
owner makes them, sees them and takes them back.

Each method carries out one command of ``model.accounts`` for a ``Caller``.
"""

from __future__ import annotations

from collections.abc import Iterable
from hmac import compare_digest

from msgspec.structs import replace

from relaychat.auth.accounts import Account, Accounts, Token
from relaychat.auth.caller import Caller, House
from relaychat.auth.credentials import fingerprint_of
from relaychat.auth.tickets import Tickets
from relaychat.auth.tokens import TOKEN, digest_of, mark_of, new_secret
from relaychat.model.accounts import (
    CertificateList,
    DeviceEntry,
    DeviceList,
    ListDevices,
    ListTokens,
    MakeToken,
    Revoke,
    SetCertificates,
    TokenEntry,
    TokenList,
    TokenMade,
)
from relaychat.model.errors import (
    BadSyntax,
    Forbidden,
    NoSuchCredential,
    Revoked,
    TooMany,
)
from relaychat.model.events import Done
from relaychat.model.names import check_room
from relaychat.model.paging import page
from relaychat.model.scope import Scope
from relaychat.model.words import Word
from relaychat.model.world import World

TOKENS_LIMIT = 32
"""Tokens of one account: a bot for everything, and not one a day for ever."""
CERTIFICATES_LIMIT = 16


class Keyring:
    """See the module."""

    def __init__(
        self, world: World, accounts: Accounts, tickets: Tickets, house: House
    ) -> None:
        self._world = world
        self._accounts = accounts
        self._tickets = tickets
        self._house = house

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
        tokens = [
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
        ]
        found, more = page(tokens, "token", command.after)
        return TokenList(found, more, id=command.id)

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


def _is_over(token: Token, now_ms: int) -> bool:
    return bool(token.expires_ms) and token.expires_ms <= now_ms


def _marked(digests: Iterable[str], mark: str) -> list[str]:
    """Those that a list shows by this mark. Raises NoSuchCredential."""
    found = [one for one in digests if mark_of(one) == mark]
    if not found:
        raise NoSuchCredential(about=mark)
    return found
