"""Going to a relay that was found: what has to be known before a secret is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.cli.choice import knows, shows_secrets
from relaychat.client.cli.visit import Target
from relaychat.client.dial import Trusting
from relaychat.client.login import Login
from relaychat.client.pins import Pins
from relaychat.model.commands import Hello
from relaychat.model.events import Welcome

USUAL = "tcp:127.0.0.1:7600"
SERVER = "tls:192.168.1.5:7601"


class SecretTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.state = Path(self.mktemp())

    def shows(self, password: str | None = None, **trusting: Any) -> bool:
        trust = Trusting(**trusting)
        where = Target(SERVER, "ann", True, password, self.state, trust)
        return shows_secrets(where)

    def test_guest(self) -> None:
        """A guest shows nothing, the first time or later."""
        self.assertFalse(self.shows())
        self.assertFalse(self.shows(new=True))

    def test_given(self) -> None:
        """A password and a certificate are secrets."""
        self.assertTrue(self.shows("secret"))
        self.assertTrue(self.shows(shows=Path("ann.pem")))

    def test_login(self) -> None:
        """So is the device that has logged in at this address once: on another network
        somebody else may have it."""
        where = Target(SERVER, "ann", True, None, self.state)
        hello = Hello("ann", "secret", "1" * 32)
        welcome = Welcome("ann", "relay.test", "relaychat", 1, account="ann")
        Login(where.home, private=False).welcomed(hello, welcome)
        self.assertTrue(self.shows())


class KnownTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.pins = Pins(Path(self.mktemp()))

    def knows(self, server: str = SERVER, **trusting: Any) -> bool:
        trust = Trusting(pins=self.pins, **trusting)
        return knows(Target(server, "ann", True, "secret", Path(), trust), USUAL)

    def test_unknown(self) -> None:
        """To have answered is not to be known, whatever a public authority or the
        first use would say."""
        self.assertFalse(self.knows())
        self.assertFalse(self.knows(new=True))
        self.assertFalse(self.knows("tcp:192.168.1.5:7600"))
        self.assertFalse(self.knows("tcp:127.0.0.1:9999"))

    def test_known(self) -> None:
        """A pin, a fingerprint or an authority that somebody gave for it will do; and
        the relay of this machine, where one goes without a search too."""
        self.assertTrue(self.knows(fingerprint="ab" * 32))
        self.assertTrue(self.knows(ca=Path("ca.pem")))
        self.assertTrue(self.knows(USUAL))
        self.pins.put("192.168.1.5:7601", ":".join(["AB"] * 32))
        self.assertTrue(self.knows())
        self.assertFalse(self.knows("tls:192.168.1.6:7601"))
