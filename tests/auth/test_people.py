"""The parts of ``twisted.cred``."""

from __future__ import annotations

from twisted.cred.checkers import ANONYMOUS
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface

from relaychat.auth.people import IPerson, Person, Realm


class IStranger(Interface):
    """Something that the realm has not."""


class RealmTests(SynchronousTestCase):
    """What the realm hands out."""

    def test_account(self) -> None:
        """An avatar id is an account's name."""
        interface, person, logout = Realm().requestAvatar(b"Ann", None, IPerson)
        assert isinstance(person, Person)
        self.assertEqual((interface, person.account), (IPerson, "Ann"))
        logout()

    def test_guest(self) -> None:
        """The anonymous have none."""
        _, person, _ = Realm().requestAvatar(ANONYMOUS, None, IPerson)
        assert isinstance(person, Person)
        self.assertIsNone(person.account)

    def test_nothing_else(self) -> None:
        """Whoever asks for another interface hears that there is none."""
        with self.assertRaises(NotImplementedError):
            Realm().requestAvatar(b"Ann", None, IStranger)
