"""Tickets: invitations to register, made by administrators, counted and expiring.

Record ``ticket``, key: the digest of its secret.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from twisted.internet.defer import DeferredLock

from relaychat.auth.records import Records
from relaychat.auth.tokens import TICKET, digest_of, mark_of, new_secret
from relaychat.model.errors import BadTicket, NoSuchCredential, TooMany
from relaychat.model.world import World
from relaychat.store.api import Record, Store

TICKETS_LIMIT = 1000
"""Tickets that are still good, at a time."""

_encode = msgspec.json.Encoder().encode


class Ticket(Struct, frozen=True):
    """What is kept of a ticket."""

    label: str
    left: int
    """How often it is still good for."""
    made_ms: int
    expires_ms: int


class Tickets:
    """The tickets of a store."""

    def __init__(self, world: World, store: Store, records: Records) -> None:
        self._world = world
        self._store = store
        self._records = records
        self._lock = DeferredLock()

    async def make(self, uses: int, label: str, expires_s: int) -> tuple[str, Ticket]:
        """A new ticket, and its secret; what is over is forgotten. Raises TooMany,
        Unavailable."""
        now_ms = self._world.now_ms()
        ticket = Ticket(label, uses, now_ms, now_ms + expires_s * 1000)
        secret = new_secret(self._world, TICKET)
        known = await self._all()
        over = [key for key, one in known.items() if one.expires_ms <= now_ms]
        if len(known) - len(over) >= TICKETS_LIMIT:
            raise TooMany(f"there are {TICKETS_LIMIT} tickets that are still good")
        await self._records.put(
            *[Record("ticket", key, None) for key in over],
            Record("ticket", digest_of(secret), _encode(ticket)),
        )
        return secret, ticket

    async def take(self, secret: str) -> Ticket:
        """Use it once: the ticket as it was. Raises BadTicket, Unavailable."""
        key = digest_of(secret)
        await self._lock.acquire()
        try:
            body = await self._store.record("ticket", key)
            ticket = None if body is None else msgspec.json.decode(body, type=Ticket)
            if ticket is None or ticket.expires_ms <= self._world.now_ms():
                raise BadTicket
            await self._put(key, replace(ticket, left=ticket.left - 1))
        finally:
            self._lock.release()
        return ticket

    async def give_back(self, secret: str, ticket: Ticket) -> None:
        """It was not used after all. Raises Unavailable."""
        key = digest_of(secret)
        await self._lock.acquire()
        try:
            body = await self._store.record("ticket", key)
            left = msgspec.json.decode(body, type=Ticket).left if body else 0
            await self._put(key, replace(ticket, left=left + 1))
        finally:
            self._lock.release()

    async def _put(self, key: str, ticket: Ticket) -> None:
        body = _encode(ticket) if ticket.left else None
        await self._records.put(Record("ticket", key, body))

    async def revoke(self, mark: str) -> None:
        """It is good no more. Raises NoSuchCredential, Unavailable."""
        await self._lock.acquire()
        try:
            gone = [key for key in await self._all() if mark_of(key) == mark]
            if not gone:
                raise NoSuchCredential(about=mark)
            await self._records.put(*[Record("ticket", key, None) for key in gone])
        finally:
            self._lock.release()

    async def good(self) -> dict[str, Ticket]:
        """Tickets that are still good, by digest, oldest first."""
        now_ms = self._world.now_ms()
        tickets = (await self._all()).items()
        good = [(key, one) for key, one in tickets if one.expires_ms > now_ms]
        return dict(sorted(good, key=lambda pair: pair[1].made_ms))

    async def _all(self) -> dict[str, Ticket]:
        found = await self._store.records("ticket", "", 2 * TICKETS_LIMIT)
        return {key: msgspec.json.decode(body, type=Ticket) for key, body in found}
