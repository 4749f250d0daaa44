"""The simulated world keeps its own time."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from relaychat.model.world import World
from relaychat.testing import world as simulated
from relaychat.testing.world import SimulatedWorld


class SimulatedWorldTests(TestCase):
    """Time, chance and later, all by hand."""

    def setUp(self) -> None:
        self.world = SimulatedWorld(7)
        self.calls: list[str] = []

    def later(self, seconds: float, name: str) -> None:
        self.world.later(seconds, lambda: self.calls.append(name))

    def test_order(self) -> None:
        """Calls come by their times, equal ones in the order they were asked."""
        self.later(2, "late")
        self.later(1, "first")
        self.later(1, "second")
        self.world.advance(1)
        self.assertEqual(self.calls, ["first", "second"])
        self.world.advance(1)
        self.assertEqual(self.calls, ["first", "second", "late"])

    def test_run(self) -> None:
        """What is due now includes what these calls ask for at once, and no more."""
        self.world.later(0, lambda: self.later(0, "then"))
        self.later(0.001, "not yet")
        self.world.run()
        self.assertEqual(self.calls, ["then"])

    def test_times_of_calls(self) -> None:
        """A call sees the time that it asked for, and asks on from there."""
        seen: list[int] = []

        def tick() -> None:
            seen.append(self.world.monotonic_us())
            if len(seen) < 3:
                self.world.later(0.5, tick)

        self.world.later(0.5, tick)
        self.world.advance(2)
        self.assertEqual(seen, [500_000, 1_000_000, 1_500_000])
        self.assertEqual(self.world.monotonic_us(), 2_000_000)

    def test_cancel(self) -> None:
        """A cancelled call never comes, and cancelling again does no harm."""
        timer = self.world.later(1, lambda: self.calls.append("never"))
        self.assertEqual(self.world.next_us(), 1_000_000)
        timer.cancel()
        timer.cancel()
        self.assertIsNone(self.world.next_us())
        self.later(2, "other")
        self.world.later(1, lambda: self.calls.append("never")).cancel()
        self.world.advance(2)
        self.assertEqual(self.calls, ["other"])

    def test_clocks(self) -> None:
        """The wall clock can be set; what is measured goes on as before."""
        before = self.world.now_ms()
        self.world.advance(1.5)
        self.assertEqual(self.world.now_ms(), before + 1500)
        self.world.set_wall(1000)
        self.assertEqual(self.world.now_ms(), 1000)
        self.world.advance(1)
        self.assertEqual(self.world.now_ms(), 2000)
        self.assertEqual(self.world.monotonic_us(), 2_500_000)

    def test_chance(self) -> None:
        """One seed, one sequence of bytes; and it is a World in every respect."""
        world: World = SimulatedWorld(7)
        self.assertEqual(world.token_bytes(16), self.world.token_bytes(16))
        self.assertNotEqual(world.token_bytes(16), SimulatedWorld(8).token_bytes(16))

    def test_endless(self) -> None:
        """Calls that ask for themselves at once, forever, are found out."""
        self.patch(simulated, "CALLS_AT_ONCE", 100)

        def again() -> None:
            self.world.later(0, again)

        again()
        self.assertRaises(RuntimeError, self.world.run)
