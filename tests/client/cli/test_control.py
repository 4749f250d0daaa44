"""What ``relaychat ctl`` shows of a server."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.cli.control import status_rows
from relaychat.model.events import StatusReport


class StatusTests(SynchronousTestCase):
    def test_healthy(self) -> None:
        """What is wrong is said in words that nobody overlooks."""
        for healthy, words in ((True, "yes"), (False, "NO: the store keeps nothing")):
            answer = StatusReport("tea", "x", 1, 2, 3, 4, 5, 6, 7, healthy)
            rows = dict(status_rows(answer))
            self.assertTrue(rows["healthy"].startswith(words), rows)
            self.assertEqual((rows["sessions"], "id" in rows), ("2", False))
