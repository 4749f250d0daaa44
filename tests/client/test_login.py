"""One login for all programs of a state folder."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.login import Login
from relaychat.model.commands import Hello
from relaychat.model.events import Welcome

ONE, OTHER = "1" * 32, "2" * 32


class LoginTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.login = Login(self.folder, private=True)

    def welcome(self, device: str, password: str | None = None, **more: str) -> None:
        welcome = Welcome("ann", "relay.test", "relaychat", 1, **more)  # type: ignore[arg-type]
        self.login.welcomed(Hello("ann", password, device), welcome)

    def vouching(self, device: str, login: Login | None = None) -> str | None:
        return (login or self.login).vouched(Hello("ann", device=device)).vouch

    def test_vouches(self) -> None:
        """The first that logs in to an account vouches for all others."""
        self.assertIsNone(self.vouching(OTHER))
        self.welcome(ONE, account="ann")
        self.assertEqual(self.vouching(OTHER), ONE)
        self.assertIsNone(self.vouching(ONE))
        self.welcome(OTHER, account="ann")
        self.assertEqual(self.vouching("3" * 32), ONE)
        self.assertEqual((self.folder / "login.json").stat().st_mode & 0o777, 0o600)

    def test_who_does_not(self) -> None:
        """Not a guest, not a token's device, and nobody where others can listen."""
        self.welcome(ONE)
        self.welcome(ONE, account="ann", scope="admin")
        self.assertIsNone(self.vouching(OTHER))
        self.welcome(ONE, account="ann")
        self.assertIsNone(self.vouching(OTHER, Login(self.folder, private=False)))

    def test_known_here(self) -> None:
        """Whoever has logged in is known to have, by a token and where others can
        listen too; then one that vouches takes its place."""
        self.welcome(ONE)
        self.assertFalse(self.login.is_kept)
        self.welcome(ONE, account="ann", scope="admin")
        self.assertTrue(self.login.is_kept)
        self.assertIsNone(self.vouching(OTHER))
        self.welcome(OTHER, account="ann")
        self.welcome(ONE, account="ann", scope="admin")
        self.assertEqual(self.vouching(ONE), OTHER)
        folder = self.folder / "plain"
        folder.mkdir()
        self.login = Login(folder, private=False)
        self.welcome(ONE, account="ann")
        self.assertTrue(self.login.is_kept)
        self.assertIsNone(self.vouching(OTHER, Login(folder, private=True)))

    def test_the_present_one_is_revoked(self) -> None:
        """Whoever had to bring the password takes its place."""
        self.welcome(ONE, account="ann")
        self.welcome(OTHER, "secret", account="ann")
        self.assertEqual(self.vouching(ONE), OTHER)

    def test_damaged(self) -> None:
        """What can't be read is nothing."""
        (self.folder / "login.json").write_text("{")
        self.assertIsNone(self.vouching(OTHER))
