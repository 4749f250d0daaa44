"""A whole search."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from relaychat.client.cli.run import USAGE, Trouble
from relaychat.client.lan.search import Options, Search


class WantedTests(TestCase):
    async def test_no_such_interface(self) -> None:
        """An interface that is not there is a wrong command line, and those that are
        there are named."""
        from twisted.internet import reactor

        try:
            await Search(reactor, Options(interfaces=("nowhere0",))).run()
        except Trouble as refused:
            self.assertEqual(refused.code, USAGE)
            self.assertIn("there is no interface nowhere0, but ", str(refused))
        else:
            self.fail("it searched")
