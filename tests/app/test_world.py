"""The real world."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.world import ReactorWorld


class ReactorWorldTests(SynchronousTestCase):
    """Time and chance."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.world = ReactorWorld(self.clock)

    def test_later(self) -> None:
        """A call comes when it is due, and not before."""
        called: list[str] = []
        self.world.later(2, lambda: called.append("now"))
        self.clock.advance(1.9)
        self.assertEqual(called, [])
        self.clock.advance(0.2)
        self.assertEqual(called, ["now"])

    def test_cancel(self) -> None:
        """Cancelling is harmless, whenever and how often it is done."""
        called: list[str] = []
        timer = self.world.later(1, lambda: called.append("never"))
        timer.cancel()
        timer.cancel()
        fired = self.world.later(1, lambda: None)
        self.clock.advance(2)
        fired.cancel()
        self.assertEqual(called, [])

    def test_clocks(self) -> None:
        """Time does not go back, and the year is this century's."""
        self.assertLessEqual(self.world.monotonic_us(), self.world.monotonic_us())
        self.assertGreater(self.world.now_ms(), 1_700_000_000_000)

    def test_chance(self) -> None:
        """Random bytes have the length that was asked for, and differ."""
        one, other = self.world.token_bytes(16), self.world.token_bytes(16)
        self.assertEqual(len(one), 16)
        self.assertNotEqual(one, other)
