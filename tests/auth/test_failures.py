"""How often somebody may be wrong."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from relaychat.auth.failures import ATTEMPTS, KEYS_LIMIT, Failures
from relaychat.testing.world import SimulatedWorld


class FailureTests(SynchronousTestCase):
    """Counts over a sliding minute."""

    def setUp(self) -> None:
        self.world = SimulatedWorld()
        self.failures = Failures(self.world)

    def _spend(self, name: str, address: str) -> None:
        for _ in range(ATTEMPTS):
            self.assertTrue(self.failures.attempt(name, address))
            self.failures.failed(name, address)

    def test_a_house_may_come_at_once(self) -> None:
        """What is under way counts for its own name only: many people of one address
        may log in at the same moment."""
        for number in range(50):
            self.assertTrue(self.failures.attempt(f"ann{number}", "192.0.2.1"))
        for number in range(50):
            self.failures.succeeded(f"ann{number}", "192.0.2.1")
        for _ in range(ATTEMPTS):
            self.assertTrue(self.failures.attempt("ann", "192.0.2.1"))
        self.assertFalse(self.failures.attempt("ann", "192.0.2.1"))

    def test_an_address_is_counted_over_all_names(self) -> None:
        """Trying other names from the same address does not help."""
        self._spend("ann", "192.0.2.1")
        self.assertFalse(self.failures.attempt("bob", "192.0.2.1"))
        self.assertTrue(self.failures.attempt("ann", "192.0.2.2"))

    def test_nobody_locks_somebody_else_out(self) -> None:
        """Failures elsewhere don't keep the owner out."""
        self._spend("ann", "192.0.2.1")
        self._spend("ann", "192.0.2.2")
        self.assertTrue(self.failures.attempt("ann", "192.0.2.3"))

    def test_this_machine_is_many(self) -> None:
        """On loopback and UNIX sockets each name is counted by itself."""
        for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "unix"):
            self._spend("ann", address)
            self.assertFalse(self.failures.attempt("ann", address), address)
            self._spend("bob", address)
            self.world.advance(61)

    def test_a_network_of_ipv6_is_one(self) -> None:
        """Another address of the same /64 is the same one."""
        self._spend("ann", "2001:db8::1")
        self.assertFalse(self.failures.attempt("bob", "2001:db8::2"))
        self.assertTrue(self.failures.attempt("bob", "2001:db8:0:1::2"))

    def test_the_minute_slides(self) -> None:
        """Each failure is forgotten a minute after it happened."""
        self.failures.attempt("ann", "192.0.2.1")
        self.world.advance(30)
        self.failures.attempt("ann", "192.0.2.1")
        self.failures.attempt("ann", "192.0.2.1")
        self.world.advance(30)
        self.assertTrue(self.failures.attempt("ann", "192.0.2.1"))
        self.assertFalse(self.failures.attempt("ann", "192.0.2.1"))

    def test_success_gives_back(self) -> None:
        """An attempt that was right counts no more."""
        for _ in range(ATTEMPTS):
            self.failures.attempt("ann", "192.0.2.1")
        self.failures.succeeded("ann", "192.0.2.1")
        self.assertTrue(self.failures.attempt("ann", "192.0.2.1"))
        self.assertFalse(self.failures.attempt("ann", "192.0.2.1"))

    def test_success_of_one_who_was_forgotten(self) -> None:
        """Giving back what is not remembered is harmless."""
        self.failures.succeeded("ann", "192.0.2.1")

    def test_bounded(self) -> None:
        """However many addresses try, so many are remembered."""
        for number in range(KEYS_LIMIT + 50):
            self.failures.attempt("ann", f"unix-{number}")
        self.assertEqual(len(self.failures._times), KEYS_LIMIT)
