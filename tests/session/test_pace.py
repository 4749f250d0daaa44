"""The token bucket."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from relaychat.session.limits import Rate
from relaychat.session.pace import Pace
from relaychat.testing.world import SimulatedWorld


class PaceTests(SynchronousTestCase):
    """A burst, then a rate."""

    def setUp(self) -> None:
        """A bucket of 3, refilled with 2 a second."""
        self.world = SimulatedWorld()
        self.pace = Pace(Rate(per_s=2, burst=3), self.world.monotonic_us())

    def take(self) -> float:
        """Take a token now."""
        return self.pace.take(self.world.monotonic_us)

    def test_burst_then_rate(self) -> None:
        """After the burst one has to wait, for as long as it says and no longer."""
        self.assertEqual([self.take() for _ in range(3)], [0, 0, 0])
        wait_s = self.take()
        self.assertAlmostEqual(wait_s, 0.5, places=4)
        self.world.advance(wait_s)
        self.assertEqual(self.take(), 0)
        self.assertGreater(self.take(), 0.4)

    def test_never_more_than_a_burst(self) -> None:
        """An hour of silence earns a burst, not an hour's worth."""
        for _ in range(3):
            self.take()
        self.world.advance(3600)
        self.assertEqual([self.take() for _ in range(3)], [0, 0, 0])
        self.assertGreater(self.take(), 0)
