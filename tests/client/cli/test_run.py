"""Coroutines that run at the same time."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.cli.run import Trouble, together


class TogetherTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.waits: list[Deferred[int]] = [Deferred() for _ in range(3)]
        self.all = Deferred.fromCoroutine(together(map(self.wait, self.waits)))

    async def wait(self, waited: Deferred[int]) -> int:
        return await waited

    def test_results(self) -> None:
        """What they return is in their order, whichever is done first."""
        for number in (2, 0, 1):
            self.assertNoResult(self.all)
            self.waits[number].callback(number)
        self.assertEqual(self.successResultOf(self.all), [0, 1, 2])

    def test_failure(self) -> None:
        """One that fails is told as it is, and ends the others."""
        self.waits[0].errback(Trouble(1, "no tea"))
        self.failureResultOf(self.all, Trouble)
        self.assertTrue(all(one.called for one in self.waits))

    def test_cancelled(self) -> None:
        """All are given up; no failure of theirs is left to be logged."""
        self.all.cancel()
        self.failureResultOf(self.all, CancelledError)
        self.assertTrue(all(one.called for one in self.waits))
