"""From hello to admission."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from relaychat.auth.devices import device_key
from relaychat.auth.login import Presence
from relaychat.model.admission import Admission
from relaychat.model.errors import (
    BadName,
    GuestsNotAllowed,
    LoginFailed,
    NickInUse,
    TooFast,
    Unavailable,
)
from relaychat.store.api import Batch, Committed, Head, Record, Row
from tests.auth.house import House

SECRET = "0123456789abcdef0123456789abcdef"


class AccountTests(SynchronousTestCase):
    """People with a password."""

    def setUp(self) -> None:
        self.house = House()
        self.successResultOf(self.house.add("Ann", "tea for two"))

    def test_right_password(self) -> None:
        """Name and password admit to the account, by its registered name."""
        admission = self.successResultOf(self.house.come("aNN", "tea for two"))
        self.assertEqual(admission, Admission(account="Ann"))

    def test_password_in_another_spelling(self) -> None:
        """A password typed with combining marks is the same password."""
        self.successResultOf(self.house.add("Zoe", "caf\u00e9"))
        self.successResultOf(self.house.come("Zoe", "cafe\u0301"))

    def test_wrong_password(self) -> None:
        """A wrong password is refused."""
        self.failureResultOf(self.house.come("ann", "coffee"), LoginFailed)

    def test_impossible_passwords(self) -> None:
        """What can be no password is a wrong one, and costs no hash."""
        before = self.house.bench.calls
        for password in ("", "x" * 2000):
            self.failureResultOf(self.house.come("ann", password), LoginFailed)
        self.assertEqual(self.house.bench.calls, before)

    def test_unknown_user_costs_the_same(self) -> None:
        """Nobody learns from the time or the words that an account does not exist."""
        before = self.house.bench.calls
        known = self.failureResultOf(self.house.come("ann", "no"), LoginFailed)
        unknown = self.failureResultOf(self.house.come("eve", "no"), LoginFailed)
        self.assertEqual(self.house.bench.calls - before, 2)
        self.assertEqual(known.value.text, unknown.value.text)

    def test_three_failures_a_minute(self) -> None:
        """The fourth attempt after three failures waits, also when it is right."""
        for _ in range(3):
            self.failureResultOf(self.house.come("ann", "no"), LoginFailed)
        self.failureResultOf(self.house.come("ann", "tea for two"), TooFast)
        self.house.world.advance(60)
        self.successResultOf(self.house.come("ann", "tea for two"))

    def test_attempts_side_by_side_count(self) -> None:
        """Attempts that are still under way count as failures."""
        self.house.bench.at_once = False
        tries = [self.house.come("ann", "no") for _ in range(4)]
        self.failureResultOf(tries[3], TooFast)
        self.house.bench.work()
        for attempt in tries[:3]:
            self.failureResultOf(attempt, LoginFailed)

    def test_successes_do_not_count(self) -> None:
        """Somebody may log in as often as they like."""
        for _ in range(10):
            self.successResultOf(self.house.come("ann", "tea for two"))

    def test_gone_during_login(self) -> None:
        """A peer that goes while its password is hashed is not admitted."""
        self.house.bench.at_once = False
        attempt = self.house.come("ann", "tea for two")
        attempt.cancel()
        self.failureResultOf(attempt, CancelledError)
        self.house.bench.work()

    def test_stays(self) -> None:
        """An account stays as its wire says, a guest never does."""
        presence = Presence(window_s=300, stays=True)
        account = self.successResultOf(
            self.house.come("ann", "tea for two", presence=presence)
        )
        self.assertEqual((account.window_s, account.stays), (300, True))
        guest = self.successResultOf(self.house.come("bob", presence=presence))
        self.assertEqual((guest.window_s, guest.stays), (300, False))


class GuestTests(SynchronousTestCase):
    """People without one."""

    def test_guest(self) -> None:
        """Where guests are allowed a free nick is enough."""
        admission = self.successResultOf(House().come("ann"))
        self.assertEqual(admission, Admission())

    def test_not_allowed(self) -> None:
        """Where they are not, the refusal says so."""
        self.failureResultOf(House(guests=False).come("ann"), GuestsNotAllowed)

    def test_bad_nick(self) -> None:
        """A nick that nobody may have is refused before anything is looked up."""
        self.failureResultOf(House().come("#ann"), BadName)

    def test_nick_of_an_account(self) -> None:
        """Nobody comes as a guest by an account's name."""
        house = House()
        self.successResultOf(house.add("Ann", "tea"))
        self.failureResultOf(house.come("ann"), NickInUse)

    def test_nick_that_looks_like_an_account(self) -> None:
        """Nor by one that looks like it; among ASCII names looks don't count."""
        house = House()
        self.successResultOf(house.add("Ann", "tea"))
        self.successResultOf(house.add("ill", "tea"))
        self.failureResultOf(house.come("\u0430nn"), NickInUse)
        self.successResultOf(house.come("lll"))
        self.successResultOf(house.come("\u0430nna"))

    def test_password_without_need(self) -> None:
        """Who gives a password means an account: no guest by accident."""
        self.failureResultOf(House().come("ann", "tea"), LoginFailed)

    def test_guest_password(self) -> None:
        """With a guest password, guests need it, and it admits to no account."""
        house = House(guest_password="scones")
        self.successResultOf(house.add("Ann", "tea"))
        self.failureResultOf(house.come("bob"), GuestsNotAllowed)
        self.failureResultOf(house.come("bob", "bread"), LoginFailed)
        self.failureResultOf(house.come("ann", "scones"), NickInUse)
        self.assertEqual(self.successResultOf(house.come("bob", "scones")), Admission())
        self.assertEqual(
            self.successResultOf(house.come("ann", "tea")), Admission(account="Ann")
        )

    def test_no_guests_and_a_wrong_password(self) -> None:
        """A wrong password reads the same where no guests are allowed."""
        self.failureResultOf(House(guests=False).come("ann", "tea"), LoginFailed)


class BrokenTests(SynchronousTestCase):
    """A store that can't be read."""

    def test_come_again(self) -> None:
        """Who says hello is told to try again later, and not that they are wrong."""
        house = House()
        house.store.close()
        self.failureResultOf(house.come("ann", device=SECRET), Unavailable)
        self.failureResultOf(house.come("ann", "tea"), Unavailable)


class DeviceTests(SynchronousTestCase):
    """Which client installation it is."""

    def test_new_device(self) -> None:
        """A new device has a key, which is not its secret, and no number yet."""
        house = House()
        admission = self.successResultOf(house.come("ann", device=SECRET))
        self.assertEqual(admission.device_key, device_key(SECRET))
        self.assertNotIn(SECRET, device_key(SECRET))
        self.assertEqual((admission.device, admission.high), (0, 0))

    def test_known_device(self) -> None:
        """A known device comes with its number, its owner and its highest cid."""
        house = House()
        body = b'{"number":7,"owner":"~guest"}'
        row = Row(1, 1, 1, b"{}", bytes(16), origin=7, cid=41, cid_hash=1)
        batch = Batch(
            rows=[row],
            heads=[Head(1, 0, 1, 1, bytes(16))],
            records=[Record("device", device_key(SECRET), body)],
        )
        outcome = self.successResultOf(house.store.commit(batch))
        self.assertIsInstance(outcome, Committed)
        admission = self.successResultOf(house.come("ann", device=SECRET))
        self.assertEqual(
            (admission.device, admission.owner, admission.high), (7, "~guest", 41)
        )
