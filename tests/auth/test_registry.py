"""What people may do with their accounts."""

from __future__ import annotations

from msgspec.structs import replace
from twisted.internet.defer import Deferred

from relaychat.auth.registry import REGISTRATIONS
from relaychat.model.accounts import (
    DeleteAccount,
    MakeTicket,
    MakeToken,
    Register,
    ResetPassword,
    SetCertificates,
    SetPassword,
)
from relaychat.model.errors import (
    BadName,
    BadTicket,
    Forbidden,
    LoginFailed,
    NickInUse,
    NoSuchUser,
    RegistrationClosed,
    TooFast,
    Unavailable,
)
from relaychat.model.events import Done
from tests.auth.house import House
from tests.auth.office import ANN, BOB, BOSS, HERE, NOBODY, OfficeCase


class RegisterTests(OfficeCase):
    """Accounts that people make themselves."""

    def register(self, name: str = "Eve", ticket: str = "") -> Register:
        """The command."""
        return Register(name, "milk", ticket, id=7)

    def test_closed(self) -> None:
        """Where nobody said otherwise, administrators make accounts."""
        self.refused(
            RegistrationClosed, self.registry.register(self.register(), NOBODY)
        )

    def test_open(self) -> None:
        """An account is made, and its password is the one."""
        self.open(House(mode="open"))
        done = self.do(self.registry.register(self.register(), NOBODY))
        self.assertEqual(done, Done(id=7))
        self.assertEqual(self.account("eve").name, "Eve")
        self.successResultOf(self.house.come("eve", "milk"))

    def test_taken(self) -> None:
        """A name that is an account's, looks like one, or can't be one."""
        self.open(House(mode="open"))
        before = self.house.bench.calls
        for name, error in (
            ("ann", NickInUse), ("\u0430nn", NickInUse), ("#ann", BadName)
        ):  # fmt: skip
            command = self.register(name)
            self.refused(error, self.registry.register(command, NOBODY))
        self.assertEqual(self.house.bench.calls, before)

    def test_at_the_same_moment(self) -> None:
        """Of two who want a name at once one gets it."""
        self.open(House(mode="open"))
        self.house.store.hold()
        self.house.bench.at_once = False
        register = self.registry.register
        elsewhere = replace(NOBODY, origin=replace(HERE, address="192.0.2.2"))
        first = Deferred.fromCoroutine(register(self.register(), NOBODY))
        second = Deferred.fromCoroutine(register(self.register(), elsewhere))
        self.house.bench.work()
        self.house.store.release()
        self.successResultOf(first)
        self.failureResultOf(second, NickInUse)

    def test_bounded(self) -> None:
        """So many an hour from one address."""
        self.open(House(mode="open"))
        for number in range(REGISTRATIONS):
            command = self.register(f"eve{number}")
            self.do(self.registry.register(command, NOBODY))
        self.refused(TooFast, self.registry.register(self.register(), NOBODY))
        self.house.world.advance(3600)
        self.do(self.registry.register(self.register(), NOBODY))

    def test_ticket(self) -> None:
        """A ticket is good as often as it says; one that fails is not used up."""
        self.open(House(mode="invited"))
        made = self.do(self.administration.make_ticket(MakeTicket(uses=2), BOSS))
        register = self.registry.register
        self.refused(NickInUse, register(self.register("ann", made.secret), NOBODY))
        self.do(register(self.register("Eve", made.secret), NOBODY))
        self.do(register(self.register("Eva", made.secret), NOBODY))
        self.refused(BadTicket, register(self.register("Evi", made.secret), NOBODY))

    def test_ticket_guessed(self) -> None:
        """Guesses are counted; what is no ticket costs no hash."""
        self.open(House(mode="invited"))
        before = self.house.bench.calls
        for ticket in ("", "rci_x", "\ud800"):
            command = self.register(ticket=ticket)
            self.refused(BadTicket, self.registry.register(command, NOBODY))
        self.refused(TooFast, self.registry.register(self.register(), NOBODY))
        self.assertEqual(self.house.bench.calls, before)


class PasswordTests(OfficeCase):
    """New passwords."""

    def set(self, new: str, old: str = "", everywhere: bool = False) -> SetPassword:
        """The command."""
        return SetPassword(new, old, everywhere=everywhere)

    def test_by_the_old_one(self) -> None:
        """Who knows the old one sets a new one. Other sessions go on."""
        self.do(self.registry.set_password(self.set("milk", "tea"), ANN))
        self.failureResultOf(self.house.come("ann", "tea"), LoginFailed)
        self.successResultOf(self.house.come("ann", "milk"))
        self.assertEqual(self.told(), [])

    def test_wrong_old_one(self) -> None:
        """Whoever sits down at somebody's screen needs it, and is counted."""
        for _ in range(3):
            command = self.set("milk", "no")
            self.refused(LoginFailed, self.registry.set_password(command, ANN))
        command = self.set("milk", "tea")
        self.refused(TooFast, self.registry.set_password(command, ANN))

    def test_everywhere(self) -> None:
        """All else that logs in is gone, and all other sessions end."""
        self.do(self.keyring.make_token(MakeToken(), ANN))
        self.do(self.keyring.set_certificates(SetCertificates(add="ab" * 32), ANN))
        command = self.set("milk", "tea", everywhere=True)
        self.do(self.registry.set_password(command, ANN))
        account = self.account("ann")
        self.assertEqual((account.tokens, account.certificates), ((), ()))
        self.assertEqual(self.told(), [("Ann", "revoked", None, None, "hers")])

    def test_by_a_token(self) -> None:
        """A token of an administrator's is good once, and ends everything else."""
        made = self.do(self.administration.reset(ResetPassword("ann"), BOSS))
        self.successResultOf(self.house.come("ann", "tea"))
        command = SetPassword("milk", name="ANN", token=made.token)
        self.do(self.registry.set_password(command, NOBODY))
        self.successResultOf(self.house.come("ann", "milk"))
        self.assertEqual(self.told(), [("Ann", "revoked", None, None, None)])
        self.refused(LoginFailed, self.registry.set_password(command, NOBODY))

    def test_tokens_that_are_none(self) -> None:
        """Another's, one whose time is over, none at all: each costs no hash."""
        made = self.do(
            self.administration.reset(ResetPassword("ann", expires_s=60), BOSS)
        )
        before = self.house.bench.calls
        self.house.world.advance(60)
        for name, token in (("ann", made.token), ("bob", ""), ("eve", "")):
            command = SetPassword("milk", name=name, token=token)
            self.refused(LoginFailed, self.registry.set_password(command, NOBODY))
        command = SetPassword("milk", name="bob", token=made.token)
        self.refused(TooFast, self.registry.set_password(command, NOBODY))
        self.assertEqual(self.house.bench.calls, before)

    def test_kept_elsewhere(self) -> None:
        """Who is checked by a checker of the house's own has no password here; who came
        in by what they have may set one."""
        self.open(House(checkers=[object()], users={7: "eve"}))
        self.successResultOf(self.house.come("eve", uid=7))
        eve = replace(ANN, account="eve")
        self.refused(Forbidden, self.registry.set_password(self.set("x"), eve))
        self.open(House(users={7: "eve"}))
        self.successResultOf(self.house.come("eve", uid=7))
        self.do(self.registry.set_password(self.set("x"), eve))
        self.successResultOf(self.house.come("eve", "x"))

    def test_store_refuses(self) -> None:
        """What can't be kept has not happened."""
        self.house.store.full = True
        command = self.set("milk", "tea", everywhere=True)
        self.refused(Unavailable, self.registry.set_password(command, ANN))
        self.assertEqual(self.told(), [])
        self.successResultOf(self.house.come("ann", "tea"))


class DeleteTests(OfficeCase):
    """The end of an account."""

    def test_own(self) -> None:
        """By its password; the name stays its own."""
        self.do(self.keyring.make_token(MakeToken(), ANN))
        self.refused(LoginFailed, self.registry.delete(DeleteAccount("no"), ANN))
        self.do(self.registry.delete(DeleteAccount("tea", blank=True), ANN))
        self.assertEqual(self.told(), [("Ann", "erased", True)])
        self.failureResultOf(self.house.come("ann", "tea"), LoginFailed)
        self.failureResultOf(self.house.come("ann"), NickInUse)
        self.failureResultOf(self.house.add("ann", "milk"), NickInUse)
        self.refused(NoSuchUser, self.house.accounts.get("ann"))
        body = self.house.store.ledger.records["account", "ann"]
        self.assertNotIn(b"argon2", body)

    def test_others(self) -> None:
        """Administrators delete any account; others their own only."""
        command = DeleteAccount("tea", name="Ann")
        self.refused(Forbidden, self.registry.delete(command, BOB))
        self.do(self.registry.delete(command, ANN))
        self.do(self.registry.delete(DeleteAccount(name="bob"), BOSS))
        self.assertEqual(
            self.told(), [("Ann", "erased", False), ("Bob", "erased", False)]
        )
        self.refused(NoSuchUser, self.registry.delete(DeleteAccount(name="bob"), BOSS))

    def test_to_its_end(self) -> None:
        """What a stop of the relay interrupted is gone on with at the next start."""
        self.do(self.registry.delete(DeleteAccount("tea", blank=True), ANN))
        self.house.store.close()
        again = House(store=self.house.store)
        self.do(again.registry.go_on())
        self.assertEqual(again.rooms.told, [("Ann", "erased", True)])
