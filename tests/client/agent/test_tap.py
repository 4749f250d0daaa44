"""The service behind ``twistd relaychat-client``."""

from __future__ import annotations

import os

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.agent.agent import Agent
from relaychat.client.agent.tap import Options, makeService


class TapTests(SynchronousTestCase):
    def options(self, *words: str) -> Options:
        options = Options()
        options.parseOptions(["--state", self.mktemp(), *words])
        return options

    def test_options(self) -> None:
        """Rooms are arguments; a wrong option is a usage error."""
        options = self.options("--nick", "ear", "#a", "#b")
        self.assertEqual((options["nick"], options["rooms"]), ("ear", ("#a", "#b")))
        self.assertRaises(UsageError, self.options, "--what")

    def test_environment(self) -> None:
        """Server and nick may come from the environment, as with the commands."""
        self.patch(os, "environ", {
            **os.environ, "RELAYCHAT_SERVER": "tcp:127.0.0.1:1",
            "RELAYCHAT_NICK": "ear",
        })  # fmt: skip
        service = makeService(self.options())
        assert isinstance(service, Agent)
        where = service.client.address
        self.assertEqual((where.server, where.nick), ("tcp:127.0.0.1:1", "ear"))
        self.successResultOf(service.stopService())

    def test_service(self) -> None:
        """Good options make a service; what can't be used ends with a line."""
        service = makeService(self.options("#a", "--nick", "ear"))
        assert isinstance(service, Agent)
        self.successResultOf(service.stopService())
        for words in (
            ("--server", "tls:nowhere:x"),
            ("--server", "http://nonsense"),
            ("--fingerprint", "00"),
            ("--password-file", "/nonexistent/file"),
            ("--state", "x" * 120),
        ):
            self.assertRaises(SystemExit, makeService, self.options(*words))
