"""The ways to log in beside a password: SCRAM, tokens, certificates, devices, users of
this machine, checkers of the house's own."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from relaychat.auth.caller import Caller
from relaychat.auth.credentials import Origin
from relaychat.auth.devices import DEVICES_LIMIT, device_key
from relaychat.auth.registry import deleted
from relaychat.model.accounts import (
    MakeToken,
    Revoke,
    SetCertificates,
    SetPassword,
    TokenMade,
)
from relaychat.model.admission import Admission, Challenged
from relaychat.model.commands import Hello
from relaychat.model.errors import (
    BadSyntax,
    LoginFailed,
    NickInUse,
    NoScram,
    Revoked,
    Suspended,
    TooFast,
)
from relaychat.model.scope import Scope
from relaychat.testing.hashing import CHEAP
from relaychat.wire.scram import ClientExchange
from tests.auth.house import House

SECRET = "0123456789abcdef0123456789abcdef"
PRINT = "ab" * 32
ANN = Caller(Origin("192.0.2.1"), account="Ann")


class WayCase(SynchronousTestCase):
    """A house with Ann, whose password is "tea"."""

    def setUp(self) -> None:
        self.house = House()
        self.successResultOf(self.house.add("Ann", "tea"))

    def do(self, coroutine: Any) -> Any:
        """What comes of something that takes no time."""
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def admitted(self, *arguments: Any, **options: Any) -> Admission:
        """Who is let in."""
        found = self.successResultOf(self.house.come(*arguments, **options))
        assert isinstance(found, Admission)
        return found

    def refused(self, error: type[Exception], *arguments: Any, **options: Any) -> None:
        """Who is not."""
        self.failureResultOf(self.house.come(*arguments, **options), error)

    def suspend(self, name: str = "Ann") -> None:
        """An administrator says so."""
        change = self.house.accounts.change(
            name, lambda account: replace(account, suspended=True), cut=True
        )
        self.do(change)


class ScramTests(WayCase):
    """Proofs in place of passwords."""

    def ask(self, name: str = "Ann", password: str = "tea", nick: str = "") -> Any:
        """The first half: our end, and what the house asks."""
        client = ClientExchange(name, password, "nonce")
        hello = Hello(nick or name, scram=client.first)
        return client, self.house.login.admit(hello, Origin("192.0.2.1"))

    def prove(self, name: str = "Ann", password: str = "tea") -> Deferred[Admission]:
        """Both halves."""
        client, asked = self.ask(name, password)
        challenged = self.successResultOf(asked)
        assert isinstance(challenged, Challenged)
        self.client = client
        proved: Deferred[Admission] = challenged.go_on(client.final(challenged.scram))
        return proved

    def test_right(self) -> None:
        """Who proves the password is let in, and is shown that we know it, too."""
        admission = self.successResultOf(self.prove())
        self.assertEqual(admission.account, "Ann")
        self.client.check(admission.scram or "")

    def test_no_hash_is_made(self) -> None:
        """It costs us no argon2: two thousand may log in at once."""
        before = self.house.bench.calls
        self.successResultOf(self.prove())
        self.assertEqual(self.house.bench.calls, before)

    def test_wrong(self) -> None:
        """A wrong password and an unknown name read alike."""
        known = self.failureResultOf(self.prove("Ann", "coffee"), LoginFailed)
        unknown = self.failureResultOf(self.prove("Bob", "tea"), LoginFailed)
        self.assertEqual(known.value.text, unknown.value.text)

    def test_salts_of_nobody(self) -> None:
        """A name without an account is asked the same question each time, another one
        another, and so after a restart: nobody learns that it does not exist."""

        def salt(house: House, name: str) -> str:
            self.house = house
            _, asked = self.ask(name)
            _, salt, count = self.successResultOf(asked).scram.split(",")
            self.assertEqual(count, f"i={CHEAP.iterations}")
            self.assertEqual(len(salt), 26)
            return str(salt)

        first = self.house
        bob, eve = salt(first, "bob"), salt(first, "eve")
        self.assertNotEqual(bob, eve)
        self.assertEqual(salt(first, "Bob"), bob)
        first.store.close()
        self.assertEqual(salt(House(store=first.store), "bob"), bob)
        self.assertNotEqual(salt(House(), "bob"), bob)

    def test_broken(self) -> None:
        """What is no SCRAM is refused as bad syntax; so is another's name."""
        hello = Hello("ann", scram="n,,m=x")
        asked = self.house.login.admit(hello, Origin("192.0.2.1"))
        self.failureResultOf(asked, BadSyntax)
        _, asked = self.ask(nick="bob")
        self.failureResultOf(asked, BadSyntax)

    def test_failures_count_together(self) -> None:
        """Passwords and proofs are counted as one."""
        self.refused(LoginFailed, "ann", "no")
        self.failureResultOf(self.prove("Ann", "no"), LoginFailed)
        self.refused(LoginFailed, "ann", "no")
        _, asked = self.ask()
        self.failureResultOf(asked, TooFast)

    def test_password_changes_meanwhile(self) -> None:
        """A proof of the password of before is worth nothing."""
        client, asked = self.ask()
        challenged = self.successResultOf(asked)
        self.successResultOf(self.house.add("Ann", "coffee"))
        proved = challenged.go_on(client.final(challenged.scram))
        self.failureResultOf(proved, LoginFailed)

    def test_suspended(self) -> None:
        """Who knows the password is told why they are kept out; others are not."""
        self.suspend()
        self.failureResultOf(self.prove(), Suspended)
        self.failureResultOf(self.prove("Ann", "no"), LoginFailed)

    def test_not_with_checkers(self) -> None:
        """Where passwords are checked elsewhere too, they have to be said."""
        self.house = House(checkers=[object()])
        _, asked = self.ask()
        self.failureResultOf(asked, NoScram)


class TokenTests(WayCase):
    """Tokens in place of passwords."""

    def make(self, **options: Any) -> str:
        """A new token of Ann's."""
        made = self.do(self.house.keyring.make_token(MakeToken(**options), ANN))
        assert isinstance(made, TokenMade)
        self.mark = made.token
        return made.secret

    def test_in(self) -> None:
        """It admits to its account, within its bounds, without a hash."""
        secret = self.make(scope="read", rooms=("#Ops",))
        before = self.house.bench.calls
        admission = self.admitted("ann", secret)
        self.assertEqual(self.house.bench.calls, before)
        self.assertEqual(admission.account, "Ann")
        self.assertEqual(admission.scope, Scope("read", frozenset({"#ops"})))

    def test_only_a_digest_is_kept(self) -> None:
        """The store holds nothing that one could log in with."""
        secret = self.make()
        for body in self.house.store.ledger.records.values():
            self.assertNotIn(secret[4:].encode(), body)
        self.refused(LoginFailed, "ann", secret[:-1])
        self.refused(LoginFailed, "bob", secret)

    def test_expires(self) -> None:
        """Its time ends."""
        secret = self.make(expires_s=60)
        until_ms = self.house.world.now_ms() + 60_000
        self.assertEqual(self.admitted("ann", secret).expires_ms, until_ms)
        self.house.world.advance(60)
        self.refused(LoginFailed, "ann", secret)

    def test_revoked(self) -> None:
        """It is good no more."""
        secret = self.make()
        self.do(self.house.keyring.revoke(Revoke(token=self.mark), ANN))
        self.refused(LoginFailed, "ann", secret)

    def test_its_device_is_not_trusted(self) -> None:
        """A bot's device does not come back without the token."""
        secret = self.make()
        self.admitted("ann", secret, device=SECRET, secure=True)
        self.refused(NickInUse, "ann", device=SECRET, secure=True)


class DeviceTests(WayCase):
    """Devices that come back by themselves."""

    def test_once(self) -> None:
        """A device that has logged in needs no password any more."""
        self.refused(NickInUse, "ann", device=SECRET, secure=True)
        self.admitted("ann", "tea", device=SECRET, secure=True)
        admission = self.admitted("ann", device=SECRET, secure=True)
        self.assertEqual(admission.account, "Ann")
        self.refused(NickInUse, "ann", device=SECRET[::-1], secure=True)

    def test_not_where_others_listen(self) -> None:
        """A secret that was said where others could listen is nobody's proof, ever."""
        self.admitted("ann", "tea", device=SECRET, secure=True)
        self.refused(NickInUse, "ann", device=SECRET)
        self.admitted("ann", "tea", device=SECRET)
        self.refused(NickInUse, "ann", device=SECRET, secure=True)
        self.admitted("ann", "tea", device=SECRET, secure=True)
        self.refused(NickInUse, "ann", device=SECRET, secure=True)

    def test_revoked(self) -> None:
        """A revoked device is kept out, whoever brings the password."""
        self.admitted("ann", "tea", device=SECRET, secure=True)
        mark = device_key(SECRET)[:8]
        self.do(self.house.keyring.revoke(Revoke(device=mark), ANN))
        self.refused(Revoked, "ann", device=SECRET, secure=True)
        self.refused(Revoked, "ann", "tea", device=SECRET, secure=True)
        self.admitted("ann", "tea", device=SECRET[::-1], secure=True)

    def test_vouched_for(self) -> None:
        """A device that has logged in stands for a new one, where nobody can listen;
        from then on that one comes back by itself, also if the first is revoked."""
        new, strange = SECRET[::-1], "f" * 32
        self.refused(NickInUse, "ann", device=new, vouch=SECRET, secure=True)
        self.admitted("ann", "tea", device=SECRET, secure=True)
        self.refused(NickInUse, "ann", device=new, vouch=SECRET)
        self.refused(NickInUse, "ann", device=new, vouch=strange, secure=True)
        admission = self.admitted("ann", device=new, vouch=SECRET, secure=True)
        self.assertEqual((admission.account, admission.scope), ("Ann", None))
        self.do(self.house.keyring.revoke(Revoke(device=device_key(SECRET)[:8]), ANN))
        self.admitted("ann", device=new, secure=True)
        self.refused(NickInUse, "ann", device=strange, vouch=SECRET, secure=True)

    def test_revoked_and_vouched_for(self) -> None:
        """Nobody can vouch for a device that was revoked."""
        self.admitted("ann", "tea", device=SECRET, secure=True)
        new = SECRET[::-1]
        self.admitted("ann", "tea", device=new, secure=True)
        self.do(self.house.keyring.revoke(Revoke(device=device_key(new)[:8]), ANN))
        self.refused(Revoked, "ann", device=new, vouch=SECRET, secure=True)

    def test_a_bot_vouches_for_nobody(self) -> None:
        """A device that came by a token is not trusted, and so is not its word."""
        token = self.do(self.house.keyring.make_token(MakeToken("bot", "admin"), ANN))
        self.admitted("ann", token.secret, device=SECRET, secure=True)
        self.refused(NickInUse, "ann", device=SECRET[::-1], vouch=SECRET, secure=True)

    def test_new_password_everywhere(self) -> None:
        """After that each device has to bring the new password once."""
        self.admitted("ann", "tea", device=SECRET, secure=True)
        change = SetPassword("coffee", "tea", everywhere=True)
        self.do(self.house.registry.set_password(change, ANN))
        self.refused(NickInUse, "ann", device=SECRET, secure=True)
        self.admitted("ann", "coffee", device=SECRET, secure=True)
        self.admitted("ann", device=SECRET, secure=True)

    def test_bounded(self) -> None:
        """So many are remembered: those not seen for longest go, revoked ones last."""
        secrets = [f"{number:032x}" for number in range(DEVICES_LIMIT + 1)]
        self.admitted("ann", "tea", device=secrets[0])
        revoke = Revoke(device=device_key(secrets[0])[:8])
        self.do(self.house.keyring.revoke(revoke, ANN))
        for secret in secrets[1:]:
            self.admitted("ann", "tea", device=secret)
        devices = self.do(self.house.accounts.get("ann")).devices
        digests = [one.digest for one in devices]
        self.assertEqual(
            digests, [device_key(one) for one in (secrets[0], *secrets[2:])]
        )

    def test_a_store_that_keeps_nothing(self) -> None:
        """Who comes while the disk is full comes in all the same."""
        self.house.store.full = True
        self.admitted("ann", "tea", device=SECRET, secure=True)


class CertificateTests(WayCase):
    """TLS client certificates."""

    def test_in(self) -> None:
        """One that the account knows logs in; it may be written with colons."""
        self.refused(NickInUse, "ann", certificate=PRINT)
        colons = ":".join(["AB"] * 32)
        add = SetCertificates(add=colons)
        self.do(self.house.keyring.set_certificates(add, ANN))
        self.assertEqual(self.admitted("ann", certificate=PRINT).account, "Ann")
        self.refused(NickInUse, "ann", certificate="cd" * 32)
        remove = SetCertificates(remove=PRINT)
        self.do(self.house.keyring.set_certificates(remove, ANN))
        self.refused(NickInUse, "ann", certificate=PRINT)


class UserTests(WayCase):
    """Users of this machine, by the kernel's word."""

    def setUp(self) -> None:
        self.house = House(users={1000: "ann", 1001: "bob", 1002: "no nick"})

    def test_first_time(self) -> None:
        """An account is made for who comes first, and is theirs from then on."""
        self.assertEqual(self.admitted("Bob", uid=1001).account, "bob")
        self.assertEqual(self.admitted("bob", uid=1001).account, "bob")
        self.refused(LoginFailed, "bob", "")
        self.refused(NickInUse, "bob", uid=1000)
        self.refused(NickInUse, "bob", uid=4242)

    def test_other_names(self) -> None:
        """Under another nick they are guests."""
        self.assertIsNone(self.admitted("carl", uid=1001).account)
        self.assertIsNone(self.admitted("nonick", uid=1002).account)

    def test_somebody_elses_account(self) -> None:
        """An account that is there already is nobody's by its name alone: its password,
        said from that user's side, makes it theirs."""
        self.successResultOf(self.house.add("ann", "tea"))
        self.refused(NickInUse, "ann", uid=1000)
        self.admitted("ann", "tea", uid=1001)
        self.refused(NickInUse, "ann", uid=1000)
        self.admitted("ann", "tea", uid=1000)
        self.assertEqual(self.admitted("ann", uid=1000).account, "ann")

    def test_deleted(self) -> None:
        """A name that was deleted is not made again."""
        self.admitted("bob", uid=1001)
        self.do(
            self.house.accounts.change(
                "bob", lambda account: replace(account, deleted=True)
            )
        )
        self.refused(NickInUse, "bob", uid=1001)

    def test_name_that_looks_like_another(self) -> None:
        """A login name that looks like an account's stays outside."""
        self.house = House(users={1: "\u0430nn"})
        self.successResultOf(self.house.add("Ann", "tea"))
        self.refused(NickInUse, "\u0430nn", uid=1)


class Letters:
    """A checker that lets in who says their name backwards."""

    def requestAvatarId(self, credentials: UsernamePassword) -> bytes:
        """See ``ICredentialsChecker``."""
        if credentials.password != credentials.username[::-1]:
            raise UnauthorizedLogin
        return credentials.username.title()


class Strange:
    """A checker that lets in guests only."""

    def requestAvatarId(self, credentials: UsernamePassword) -> tuple[()]:
        """See ``ICredentialsChecker``."""
        return ()


class CheckerTests(WayCase):
    """Checkers of the house's own."""

    def setUp(self) -> None:
        self.house = House(checkers=[Strange(), Letters()])
        self.successResultOf(self.house.add("Ann", "tea"))

    def test_account_is_made(self) -> None:
        """Whom it lets in has an account, by the name that it says."""
        self.assertEqual(self.admitted("bob", "bob").account, "Bob")
        self.assertEqual(self.admitted("BOB", "BOB").account, "Bob")
        self.refused(LoginFailed, "bob", "tea")

    def test_own_passwords_come_first(self) -> None:
        """It is not asked about accounts that have a password here."""
        self.refused(LoginFailed, "ann", "nna")
        self.admitted("ann", "tea")

    def test_suspended(self) -> None:
        """An account that it lets in may be suspended here."""
        self.admitted("bob", "bob")
        self.suspend("Bob")
        self.refused(Suspended, "bob", "bob")


class MeanwhileTests(WayCase):
    """What happens to an account while somebody logs in to it."""

    def test_suspended_while_hashing(self) -> None:
        """Nobody slips in behind a suspension."""
        self.house.bench.at_once = False
        coming = self.house.come("ann", "tea")
        self.suspend()
        self.house.bench.work()
        self.failureResultOf(coming, Suspended)

    def test_new_password_while_hashing(self) -> None:
        """Nor with a password that was changed meanwhile."""
        coming = self.late_login()
        self.successResultOf(self.house.add("Ann", "coffee"))
        self.hashing.callback(True)
        self.failureResultOf(coming, LoginFailed)

    def test_deleted_while_hashing(self) -> None:
        """Nor to an account that is no more."""
        coming = self.late_login()
        self.do(self.house.accounts.change("Ann", deleted, cut=True))
        self.hashing.callback(True)
        self.failureResultOf(coming, LoginFailed)

    def late_login(self) -> Deferred[Any]:
        """A login whose hash takes longer than all others."""
        self.hashing: Deferred[Any] = Deferred()
        run = self.house.bench.run
        self.patch(self.house.bench, "run", lambda call: self.hashing)
        coming = self.house.come("ann", "tea")
        self.patch(self.house.bench, "run", run)
        return coming

    def test_another_cost(self) -> None:
        """With its next login a password is hashed at the cost of today, for SCRAM as
        well."""
        self.house.store.close()
        dearer = replace(CHEAP, passes=2)
        self.house = House(store=self.house.store, cost=dearer)
        self.admitted("ann", "tea")
        account = self.do(self.house.accounts.get("ann"))
        self.assertIn("t=2", account.hash)
        before = self.house.bench.calls
        self.admitted("ann", "tea")
        self.assertEqual(self.house.bench.calls, before + 1)
