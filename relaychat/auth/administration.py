"""What administrators may do with accounts: make, suspend, reset, invite.

Each method carries out one command of ``model.accounts``. Its callers are checked
here: accounts that are administrators', and the control socket.
"""

from __future__ import annotations

from msgspec.structs import replace

from relaychat.auth.accounts import Account, Accounts
from relaychat.auth.caller import Caller, House
from relaychat.auth.devices import forget_logins
from relaychat.auth.registry import Mode
from relaychat.auth.tickets import Tickets
from relaychat.auth.tokens import RESET, digest_of, mark_of, new_secret
from relaychat.model.accounts import (
    AccountEntry,
    AccountList,
    AddAccount,
    ListAccounts,
    ListTickets,
    MakeTicket,
    ResetMade,
    ResetPassword,
    Suspend,
    TicketEntry,
    TicketList,
    TicketMade,
)
from relaychat.model.errors import Forbidden, NoSuchUser, Revoked, Suspended
from relaychat.model.events import Done
from relaychat.model.paging import page
from relaychat.model.words import Word
from relaychat.model.world import World

ACCOUNTS_A_PAGE = 200
"""About 40 KiB with the longest names."""


def _check(caller: Caller) -> None:
    if not caller.administrator:
        raise Forbidden("only for administrators")


class Administration:
    """See the module."""

    def __init__(
        self,
        world: World,
        accounts: Accounts,
        tickets: Tickets,
        house: House,
        mode: Mode = "closed",
    ) -> None:
        """``mode``: who may register."""
        self._world = world
        self._accounts = accounts
        self._tickets = tickets
        self._house = house
        self._mode = mode

    async def add(self, command: AddAccount, caller: Caller) -> Word:
        """Make an account, or change one. A new password ends all its sessions.

        Raises Forbidden, NoSuchUser (a deleted one) and what ``Accounts.register``
        raises.
        """
        _check(caller)
        known = await self._accounts.find(command.name)
        rank = command.administrator
        if known is None and command.password is None:
            raise NoSuchUser("there is no such account", command.name)
        if known is None:
            account = Account(command.name, administrator=bool(rank))
            await self._accounts.register(account, command.password)
            return Done(id=command.id)

        def change(account: Account) -> Account:
            if command.password is not None:
                account = forget_logins(account)
            is_one = account.administrator if rank is None else rank
            return replace(account, administrator=is_one)

        if command.password is not None:
            name, password = known.name, command.password
            await self._accounts.set_password(name, password, change)
        elif rank is not None:
            await self._accounts.change(known.name, change, cut=True)
        if command.password is not None or rank not in (None, known.administrator):
            self._house.cut(known.name, Revoked(), keep=caller.session)
        return Done(id=command.id)

    async def list_accounts(self, command: ListAccounts, caller: Caller) -> Word:
        """All accounts, a page of them. Raises Forbidden."""
        _check(caller)
        found = await self._accounts.page(command.after, ACCOUNTS_A_PAGE + 1)
        entries = tuple(
            AccountEntry(
                one.name, one.made_ms, one.administrator, one.suspended, one.deleted
            )
            for one in found[:ACCOUNTS_A_PAGE]
        )
        return AccountList(entries, len(found) > ACCOUNTS_A_PAGE, id=command.id)

    async def suspend(self, command: Suspend, caller: Caller) -> Word:
        """Keep an account out, or let it in again. Raises Forbidden, NoSuchUser,
        Unavailable."""
        _check(caller)

        def change(account: Account) -> Account:
            return replace(account, suspended=not command.lift)

        account = await self._accounts.change(
            command.name, change, cut=not command.lift
        )
        if account.suspended:
            self._house.cut(account.name, Suspended())
        return Done(id=command.id)

    async def reset(self, command: ResetPassword, caller: Caller) -> Word:
        """A token for a new password. The old one holds until it is used. Raises
        Forbidden, NoSuchUser, Unavailable."""
        _check(caller)
        secret = new_secret(self._world, RESET)
        until_ms = self._world.now_ms() + command.expires_s * 1000

        def change(account: Account) -> Account:
            return replace(account, reset=digest_of(secret), reset_until_ms=until_ms)

        account = await self._accounts.change(command.name, change)
        return ResetMade(account.name, secret, until_ms, id=command.id)

    async def make_ticket(self, command: MakeTicket, caller: Caller) -> Word:
        """An invitation to register. Raises Forbidden, TooMany, Unavailable."""
        _check(caller)
        secret, ticket = await self._tickets.make(
            command.uses, command.label, command.expires_s
        )
        mark = mark_of(digest_of(secret))
        return TicketMade(
            mark, secret, ticket.left, ticket.expires_ms, self._mode, id=command.id
        )

    async def list_tickets(self, command: ListTickets, caller: Caller) -> Word:
        """The tickets that are still good. Raises Forbidden, Unavailable."""
        _check(caller)
        tickets = [
            TicketEntry(mark_of(key), one.label, one.left, one.expires_ms)
            for key, one in (await self._tickets.good()).items()
        ]
        found, more = page(tickets, "ticket", command.after)
        return TicketList(found, more, id=command.id)
