"""Who may use the control socket."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.control import Reloading, admit_owner
from relaychat.model.admission import Admission
from relaychat.model.commands import Hello, Reload
from relaychat.model.errors import Forbidden
from relaychat.model.events import Reloaded
from relaychat.net.certificates import Source
from relaychat.session.control import Control
from relaychat.session.session import Session
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import Relay
from tests.net.pki import make
from tests.net.test_certificates import CertificatesCase


class OwnerTests(SynchronousTestCase):
    """The kernel's word decides."""

    def session(self, uid: int | None) -> Session:
        """A session of a process of this user."""
        return Session(Relay().host(Control), MemoryLink(uid=uid))

    def test_owner_and_root(self) -> None:
        """The relay's own user administrates it, and root."""
        for uid in {os.geteuid(), 0}:
            admission = self.successResultOf(admit_owner(Hello("x"), self.session(uid)))
            self.assertEqual(admission, Admission(control=True))

    def test_others(self) -> None:
        """Nobody else does, nor anybody whose user is not known."""
        for uid in (os.geteuid() + 1, None):
            asked = admit_owner(Hello("x"), self.session(uid))
            self.failureResultOf(asked, Forbidden)


class ReloadTests(CertificatesCase):
    """What is read anew when somebody asks for it."""

    def test_reload(self) -> None:
        """What has changed, what is broken, or nothing; with the id that was asked."""
        self.put("a", make("a.test"))
        served = self.serve(Source(folder=self.folder))
        session = Session(Relay().host(Control), MemoryLink(uid=0))
        reloading = Reloading([served])

        def asked() -> object:
            return self.successResultOf(reloading.run(Reload(id=7), session))

        self.assertEqual(asked(), Reloaded(id=7))
        new = self.put("a", make("a.test"))
        told = reloading.now()
        self.assertIn(new.fingerprint, " ".join(told.changed))
        (self.folder / "a.key").write_text("half")
        told = reloading.now()
        self.assertEqual(told.changed, ())
        self.assertIn("a.key: not a certificate and its key", " ".join(told.problems))
