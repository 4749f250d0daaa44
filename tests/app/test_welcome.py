"""What the relay says once it is up."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.build import build
from relaychat.app.config import from_mapping
from relaychat.app.welcome import program, welcome, where
from relaychat.hub.hub import Alarms

IRC = {"dialect": "irc", "endpoint": "tcp:6667"}


class WelcomeTests(SynchronousTestCase):
    """Where and how to come in."""

    def test_doors(self) -> None:
        """Each door stands on a line of its own, with the command for its kind."""
        kinds = ("native", "irc", "control", "native")
        listen = [
            {"dialect": dialect, "endpoint": f"tcp:{port}"}
            for port, dialect in enumerate(kinds)
        ]
        config = from_mapping({"store": {"kind": "memory"}, "listen": listen})
        alarms = Alarms(self.fail, self.fail, lambda: None)
        relay = build(config, MemoryReactorClock(), alarms, 10)
        hosts = [
            IPv6Address("TCP", "::1", 7600),
            IPv4Address("TCP", "127.0.0.1", 6667),
            UNIXAddress(b"data/control.sock"),
            UNIXAddress(None),
        ]
        lines = welcome(config, relay.doors, hosts).splitlines()
        self.assertEqual(
            [" ".join(line.split()) for line in lines[1:4]],
            [
                "native [::1]:7600 nc ::1 7600",
                "irc 127.0.0.1:6667 irssi -c 127.0.0.1 -p 6667",
                f"control data/control.sock {program()} ctl --data relaychat-data"
                " status",
            ],
        )
        self.assertIn('{"type":"hello","nick":"ann"}', lines[-3])

    def test_tls(self) -> None:
        """Doors with TLS say how as well, and which certificate they show."""
        listen = [
            {"dialect": dialect, "endpoint": f"tcp:{port}", "tls": "default"}
            for port, dialect in enumerate(("native", "irc"))
        ]
        config = from_mapping(
            {
                "store": {"kind": "memory"},
                "listen": listen,
                "server": {"data": self.mktemp()},
            }
        )
        alarms = Alarms(self.fail, self.fail, lambda: None)
        relay = build(config, MemoryReactorClock(), alarms, 10)
        hosts = [IPv4Address("TCP", "127.0.0.1", port) for port in (7601, 6697)]
        told = welcome(config, relay.doors, hosts)
        self.assertIn("openssl s_client -quiet -connect 127.0.0.1:7601\n", told)
        self.assertIn("irssi, then /connect -tls 127.0.0.1 6697\n", told)
        self.assertEqual(told.count("development.pem, SHA-256: "), 1)

    def test_first_words(self) -> None:
        """The first words are those of a door that is there."""
        config = from_mapping({"store": {"kind": "memory"}, "listen": [IRC]})
        alarms = Alarms(self.fail, self.fail, lambda: None)
        doors = build(config, MemoryReactorClock(), alarms, 10).doors
        told = welcome(config, doors, [IPv4Address("TCP", "127.0.0.1", 6667)])
        self.assertIn("irssi -c 127.0.0.1 -p 6667", told)
        self.assertNotIn("native", told)

    def test_program(self) -> None:
        """The command is called as a shell here finds it: by its name, or else by its
        path, which is a short one where the relay runs in a checkout."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.patch(sys, "executable", str(folder / "python"))
        self.patch(os, "environ", {"PATH": str(folder)})
        self.assertEqual(program(), "relaychat")  # There is none at all.
        command = folder / "relaychat"
        command.touch(mode=0o700)
        self.assertEqual(program(), "relaychat")
        self.patch(os, "environ", {"PATH": "/nowhere"})
        self.assertEqual(program(), os.path.relpath(command))

    def test_addresses(self) -> None:
        """An address of another kind is shown as it is."""
        self.assertEqual(where(Path("somewhere")), "somewhere")
