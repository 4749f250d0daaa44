"""What administrators may do with accounts."""

from __future__ import annotations

from typing import Any

from relaychat.auth.administration import ACCOUNTS_A_PAGE
from relaychat.auth.tickets import TICKETS_LIMIT
from relaychat.model.accounts import (
    AddAccount,
    DeleteAccount,
    ListAccounts,
    ListTickets,
    MakeTicket,
    MakeToken,
    ResetPassword,
    Revoke,
    Suspend,
)
from relaychat.model.errors import (
    BadTicket,
    Forbidden,
    LoginFailed,
    NickInUse,
    NoSuchCredential,
    NoSuchUser,
    Suspended,
    TooMany,
)
from tests.auth.house import House
from tests.auth.office import ANN, BOSS, NOBODY, OfficeCase


class RankTests(OfficeCase):
    """Who may."""

    def test_nobody_else(self) -> None:
        """Accounts that are no administrators' are refused everything."""
        asked: list[tuple[Any, Any]] = [
            (self.administration.add, AddAccount("eve", "milk")),
            (self.administration.list_accounts, ListAccounts()),
            (self.administration.suspend, Suspend("bob")),
            (self.administration.reset, ResetPassword("bob")),
            (self.administration.make_ticket, MakeTicket()),
            (self.administration.list_tickets, ListTickets()),
        ]
        for method, command in asked:
            for caller in (ANN, NOBODY):
                self.refused(Forbidden, method(command, caller))


class AccountTests(OfficeCase):
    """Making and changing accounts."""

    def add(self, *arguments: object) -> None:
        """As the boss."""
        command = AddAccount(*arguments)  # type: ignore[arg-type]
        self.do(self.administration.add(command, BOSS))

    def test_make(self) -> None:
        """An account with a password, perhaps an administrator's."""
        self.add("Eve", "milk", True)
        self.assertTrue(self.account("eve").administrator)
        self.successResultOf(self.house.come("eve", "milk"))
        self.refused(NoSuchUser, self.administration.add(AddAccount("carl"), BOSS))
        self.assertEqual(self.told(), [])

    def test_new_password(self) -> None:
        """It ends all that came in by the old one."""
        self.do(self.keyring.make_token(MakeToken(), ANN))
        self.add("ann", "milk")
        self.assertEqual(self.account("ann").tokens, ())
        self.assertEqual(self.told(), [("Ann", "revoked", None, None, "the boss's")])
        self.failureResultOf(self.house.come("ann", "tea"), LoginFailed)

    def test_rank(self) -> None:
        """A new rank ends its sessions; the same one does not."""
        self.add("ann", None, True)
        self.assertEqual(len(self.told()), 1)
        self.add("ann", None, True)
        self.add("ann")
        self.assertEqual(self.told(), [])
        self.assertTrue(
            self.successResultOf(self.house.come("ann", "tea")).administrator
        )

    def test_deleted(self) -> None:
        """A name that was deleted is not given again."""
        self.do(self.registry.delete(DeleteAccount("tea"), ANN))
        command = AddAccount("ann", "milk")
        self.refused(NoSuchUser, self.administration.add(command, BOSS))

    def test_list(self) -> None:
        """All of them, a page at a time."""
        for number in range(ACCOUNTS_A_PAGE):
            self.successResultOf(self.house.add(f"u{number}", "tea"))
        self.do(self.administration.suspend(Suspend("bob"), BOSS))
        first = self.do(self.administration.list_accounts(ListAccounts(), BOSS))
        self.assertEqual(len(first.accounts), ACCOUNTS_A_PAGE)
        self.assertEqual([one.name for one in first.accounts[:2]], ["Ann", "Bob"])
        self.assertTrue(first.accounts[1].suspended)
        self.assertTrue(first.more)
        after = ListAccounts(first.accounts[-1].name)
        rest = self.do(self.administration.list_accounts(after, BOSS))
        self.assertEqual((len(rest.accounts), rest.more), (2, False))

    def test_suspend(self) -> None:
        """Sessions end, nobody comes in, until it is lifted."""
        self.do(self.administration.suspend(Suspend("ann"), BOSS))
        self.assertEqual(self.told(), [("Ann", "suspended", None, None, None)])
        self.failureResultOf(self.house.come("ann", "tea"), Suspended)
        self.failureResultOf(self.house.come("ann", "no"), LoginFailed)
        self.do(self.administration.suspend(Suspend("ann", lift=True), BOSS))
        self.successResultOf(self.house.come("ann", "tea"))
        self.assertEqual(self.told(), [])
        self.refused(NoSuchUser, self.administration.suspend(Suspend("eve"), BOSS))


class TicketTests(OfficeCase):
    """Invitations to register."""

    def make(self, *arguments: object) -> tuple[str, str]:
        """Its mark and its secret."""
        command = MakeTicket(*arguments)  # type: ignore[arg-type]
        made = self.do(self.administration.make_ticket(command, BOSS))
        return made.ticket, made.secret

    def listed(self) -> list[tuple[str, int]]:
        """Labels, and how often each is still good for."""
        listed = self.do(self.administration.list_tickets(ListTickets(), BOSS))
        return [(one.label, one.left) for one in listed.tickets]

    def test_list_and_revoke(self) -> None:
        """Good ones are listed, the oldest first; a revoked one is no ticket."""
        _, first = self.make(2, "first")
        self.house.world.advance(1)
        mark, second = self.make(1, "second")
        self.assertEqual(self.listed(), [("first", 2), ("second", 1)])
        self.do(self.keyring.revoke(Revoke(ticket=mark), BOSS))
        self.assertEqual(self.listed(), [("first", 2)])
        self.refused(BadTicket, self.house.tickets.take(second))
        self.do(self.house.tickets.take(first))
        self.assertEqual(self.listed(), [("first", 1)])
        self.refused(NoSuchCredential, self.keyring.revoke(Revoke(ticket=mark), BOSS))

    def test_of_no_use(self) -> None:
        """Who makes one is told who may register, ticket or not."""
        for mode in ("closed", "open", "invited"):
            administration = House(mode=mode).administration
            made = self.do(administration.make_ticket(MakeTicket(), BOSS))
            self.assertEqual(made.register, mode)

    def test_given_back(self) -> None:
        """The last use of a ticket can be given back, too."""
        _, secret = self.make()
        ticket = self.do(self.house.tickets.take(secret))
        self.assertEqual(self.listed(), [])
        self.do(self.house.tickets.give_back(secret, ticket))
        self.assertEqual(self.listed(), [("", 1)])

    def test_expires(self) -> None:
        """Its time ends, and then it takes no place."""
        _, secret = self.make(1, "", 60)
        self.house.world.advance(60)
        self.refused(BadTicket, self.house.tickets.take(secret))
        self.assertEqual(self.listed(), [])
        self.make()
        kinds = [kind for kind, _ in self.house.store.ledger.records]
        self.assertEqual(kinds.count("ticket"), 1)

    def test_bounded(self) -> None:
        """So many at a time."""
        for _ in range(TICKETS_LIMIT):
            self.make()
        self.refused(TooMany, self.administration.make_ticket(MakeTicket(), BOSS))

    def test_names_look_alike(self) -> None:
        """Registration by an administrator keeps to the rules of names."""
        command = AddAccount("\u0430nn", "milk")
        self.refused(NickInUse, self.administration.add(command, BOSS))
