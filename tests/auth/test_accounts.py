"""Accounts and their passwords."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from relaychat.auth.passwords import PASSWORD_LIMIT_BYTES, WAITING_LIMIT
from relaychat.model.errors import (
    BadName,
    BadText,
    LoginFailed,
    NickInUse,
    TooFast,
    TooLong,
    Unavailable,
)
from tests.auth.house import House


class AddTests(SynchronousTestCase):
    """Making accounts."""

    def setUp(self) -> None:
        self.house = House()

    def test_new_password(self) -> None:
        """Adding an account again gives it a new password and keeps its name."""
        self.successResultOf(self.house.add("Ann", "tea"))
        again = self.successResultOf(self.house.add("ANN", "coffee"))
        self.assertEqual(again.name, "Ann")
        self.failureResultOf(self.house.come("ann", "tea"), LoginFailed)
        self.successResultOf(self.house.come("ann", "coffee"))

    def test_hash_is_argon2id(self) -> None:
        """What is kept is an argon2id hash with its own salt."""
        ann = self.successResultOf(self.house.add("ann", "tea"))
        bob = self.successResultOf(self.house.add("bob", "tea"))
        self.assertTrue(ann.hash.startswith("$argon2id$v=19$m=8,t=1,p=1$"))
        self.assertNotEqual(ann.hash, bob.hash)

    def test_refused(self) -> None:
        """Names and passwords that can't be are refused, and cost no hash."""
        self.failureResultOf(self.house.add("#ann", "tea"), BadName)
        self.failureResultOf(self.house.add("ann", ""), BadText)
        self.failureResultOf(self.house.add("ann", "\ud800"), BadText)
        long = "x" * (PASSWORD_LIMIT_BYTES + 1)
        self.failureResultOf(self.house.add("ann", long), TooLong)
        self.failureResultOf(self.house.add("ann", "\u00fc" * 600), TooLong)
        self.assertEqual(self.house.bench.calls, 0)

    def test_short_password(self) -> None:
        """A new one has as many characters as the house wants, however they are
        written; one that is in use stays good."""
        self.successResultOf(self.house.add("ann", "tea"))
        self.house.store.close()
        strict = House(store=self.house.store, least_chars=8)
        for password in ("pw1", "cafe\u0301123", "\u00fc" * 7):
            failure = self.failureResultOf(strict.add("bob", password), BadText)
            self.assertIn("at least 8 characters", str(failure.value))
        self.failureResultOf(strict.add("ann", "pw1"), BadText)
        self.successResultOf(strict.come("ann", "tea"))
        self.successResultOf(strict.add("bob", "\u00fc" * 8))

    def test_looks_like_another(self) -> None:
        """A name beyond ASCII that looks like an account's is refused."""
        self.successResultOf(self.house.add("paypal", "tea"))
        self.failureResultOf(self.house.add("p\u0430yp\u0430l", "tea"), NickInUse)

    def test_ascii_names_may_look_alike(self) -> None:
        """Among ASCII names only the letters count."""
        self.successResultOf(self.house.add("ill", "tea"))
        self.successResultOf(self.house.add("lll", "tea"))

    def test_store_refuses(self) -> None:
        """A store that keeps nothing makes no account."""
        self.house.store.full = True
        self.failureResultOf(self.house.add("ann", "tea"), Unavailable)
        self.assertEqual(self.house.doubts, [])

    def test_in_doubt(self) -> None:
        """A doubt of the store is the whole server's."""
        self.house.store.doubt_next(kept=True)
        self.failureResultOf(self.house.add("ann", "tea"), Unavailable)
        self.assertEqual(len(self.house.doubts), 1)


class HashingTests(SynchronousTestCase):
    """Hashes are few at a time."""

    def test_bounded(self) -> None:
        """Past the limit nobody waits; those who gave up count until they are done."""
        house = House()
        house.bench.at_once = False
        waiting = [house.add(f"a{n}", "tea") for n in range(WAITING_LIMIT)]
        waiting[0].addErrback(lambda _: None)
        waiting[0].cancel()
        self.failureResultOf(house.add("ann", "tea"), TooFast)
        house.bench.work()
        for added in waiting[1:]:
            self.successResultOf(added)
        house.bench.at_once = True
        self.successResultOf(house.add("ann", "tea"))
