"""Who may use the control socket."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.control import admit_owner
from relaychat.model.commands import Hello
from relaychat.model.errors import Forbidden
from relaychat.session.control import Control
from relaychat.session.session import Session
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import Relay


class OwnerTests(SynchronousTestCase):
    """The kernel's word decides."""

    def session(self, uid: int | None) -> Session:
        """A session of a process of this user."""
        return Session(Relay().host(Control), MemoryLink(uid=uid))

    def test_owner_and_root(self) -> None:
        """The relay's own user administrates it, and root."""
        for uid in {os.geteuid(), 0}:
            admission = self.successResultOf(admit_owner(Hello("x"), self.session(uid)))
            self.assertTrue(admission.control)

    def test_others(self) -> None:
        """Nobody else does, nor anybody whose user is not known."""
        for uid in (os.geteuid() + 1, None):
            asked = admit_owner(Hello("x"), self.session(uid))
            self.failureResultOf(asked, Forbidden)
