"""Login and accounts, as the configuration puts them together."""

from __future__ import annotations

import json
import os
import pwd
from typing import Any

from relaychat.app.config import Accounts
from relaychat.app.people import name_of_nobody, name_of_user
from relaychat.session.native import Native
from relaychat.testing.relay import Relay, RelayTestCase

ME = os.geteuid()
NAME = pwd.getpwuid(ME).pw_name


class UserTests(RelayTestCase):
    """Users of this machine."""

    def test_names(self) -> None:
        """A user is called as the system says; one that it does not know has none."""
        self.assertEqual(name_of_user(ME), NAME)
        self.assertEqual(name_of_user(2**31 - 7), "")
        self.assertEqual(name_of_nobody(ME), "")

    def hello(self, **accounts: Any) -> Any:
        """What somebody on a UNIX socket is told who says their login name."""
        self.relay = Relay(accounts=Accounts(**accounts))
        speaker, wire = self.open(Native, uid=ME)
        hello = json.dumps({"type": "hello", "nick": NAME}).encode()
        speaker.dataReceived(hello + b"\n")
        return json.loads(wire.value()).get("account")

    def test_configured(self) -> None:
        """They log in by themselves where the configuration says so, and only there."""
        self.assertEqual(self.hello(unix=True), NAME)
        self.assertIsNone(self.hello())
