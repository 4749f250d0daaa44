"""``relaychat account`` and ``relaychat ctl``, as ``docs/accounts.md`` has it."""

from __future__ import annotations

import json
import signal

from tests.integration.client import ClientCase
from tests.integration.server import Folder

MORE = """
[accounts]
register = "invited"
"""


class AccountTests(ClientCase):
    """A life of an account."""

    def setUp(self) -> None:
        self.folder = Folder(MORE)
        self.addCleanup(self.folder.clean)
        self.server = self.serve()

    def ctl(self, *words: str, stdin: str = "") -> str:
        """As the owner."""
        return self.output("ctl", *words, stdin=stdin, login=False).strip()

    def eve(self, *words: str, stdin: str = "") -> str:
        """As Eve, who gives no password."""
        return self.output(*words, "--nick", "eve", stdin=stdin, login=False).strip()

    def refused(self, *words: str, stdin: str = "") -> str:
        """Why a command of Eve's was refused."""
        code, _, notes = self.finish(*words, "--nick", "eve", stdin=stdin, login=False)
        self.assertEqual(code, 1, notes)
        return str(notes)

    def test_life(self) -> None:
        """From an invitation to the end."""
        register = ("account", "register", "--ticket")
        self.assertIn(
            "bad_ticket", self.refused(*register, "rci_none", stdin="long enough\n")
        )
        ticket = self.ctl("invite", "--label", "tea", "--expires", "2d")
        self.assertIn("tea", self.ctl("invitations"))
        secret = self.folder.path / "secret"
        secret.write_text("long enough\n")
        short = self.refused(*register, ticket, stdin="pw1\n")
        self.assertIn("a password has at least 8 characters", short)
        self.eve(*register, ticket, "--password-file", str(secret))
        self.assertNotIn("tea", self.ctl("invitations"))
        self.log_in_once()
        self.tokens()
        self.passwords()
        self.rank_and_end()

    def log_in_once(self) -> None:
        """A device needs the password once, and the first has given it already."""
        elsewhere = ("account", "devices", "--state", "elsewhere")
        self.assertIn("nick_in_use", self.refused(*elsewhere))
        (device,) = map(
            json.loads, self.eve("account", "devices", "--json").splitlines()
        )
        self.assertTrue(device["this"])
        secret = self.folder.path / "secret"
        self.assertIn("this", self.eve(*elsewhere, "--password-file", str(secret)))
        self.assertIn("this", self.eve(*elsewhere))
        self.eve("send", "#ops", "no password needed")
        # Nor does a pipe, which is a device of its own: the first vouches for it.
        self.eve("pipe", "#ops", stdin="nor here\n")
        self.assertIn("this", self.eve("account", "devices"))

    def tokens(self) -> None:
        """A token logs in until it is taken back."""
        made = (
            "account",
            "token",
            "--label",
            "bot",
            "--room",
            "#ops",
            "--scope",
            "read",
        )
        secret = self.eve(*made, "--expires", "30d")
        (token,) = map(json.loads, self.eve("account", "tokens", "--json").splitlines())
        self.assertEqual((token["scope"], token["rooms"]), ("read", ["#ops"]))
        self.assertIn(token["token"], self.eve("account", "tokens"))
        kept = self.folder.path / "token"
        kept.write_text(secret)
        by_token = ("--password-file", str(kept), "--state", str(kept) + ".d")
        self.assertIn("no password", self.eve("history", "#ops", *by_token))
        self.assertIn("forbidden", self.refused("send", "#ops", "x", *by_token))
        self.eve("account", "revoke", token["token"])
        self.assertIn("login_failed", self.refused("history", "#ops", *by_token))
        self.eve("account", "certificate", "--add", "ab" * 32)
        self.assertEqual(self.eve("account", "certificate"), "ab" * 32)

    def passwords(self) -> None:
        """A new one by the old one, and by an administrator's token."""
        wrong = self.refused("account", "password", stdin="no\nnew password\n")
        self.assertIn("this is not your password", wrong)
        self.eve(
            "account", "password", "--everywhere", stdin="long enough\nnew password\n"
        )
        self.assertIn("this", self.eve("account", "devices"))
        reset = self.ctl("reset", "eve")
        self.eve("account", "password", "--token", reset, stdin="newer password\n")
        self.assertIn("nick_in_use", self.refused("account", "devices"))

    def rank_and_end(self) -> None:
        """An administrator, a suspension, the end."""
        self.ctl("account", "eve", "--administrator")
        self.ctl("account", "bob", "--no-administrator", stdin="long enough\n")
        _, _, notes = self.finish("ctl", "suspend", "eve", login=False)
        self.assertIn("eve is suspended, and its sessions have ended", notes)
        self.assertIn("administrator, suspended", self.ctl("accounts"))
        secret = self.folder.path / "secret"
        secret.write_text("newer password\n")
        with_it = ("--password-file", str(secret))
        self.assertIn("suspended", self.refused("account", "tokens", *with_it))
        self.ctl("suspend", "eve", "--lift")
        gone = ("account", "delete", "--blank", "--yes")
        self.eve(*gone, *with_it)
        accounts = map(json.loads, self.ctl("accounts", "--json").splitlines())
        self.assertEqual(
            [(one["name"], one.get("deleted", False)) for one in accounts],
            [("bob", False), ("eve", True)],
        )
        self.assertIn("nick_in_use", self.refused("send", "#ops", "x"))
        self.ctl("delete", "bob", "--yes")
        code, _, notes = self.finish("ctl", "suspend", "bob", login=False)
        self.assertEqual(code, 1)
        self.assertIn("no_such_user", notes)

    def test_trouble(self) -> None:
        """What goes wrong is said, in one line."""
        far = ("--server", "tcp:192.0.2.1:7600")
        for words in (("account", "register"), ("account", "password")):
            notes = self.refused(*words, *far, stdin="a\nb\n")
            self.assertIn("others could read the password", notes)
        nowhere = ("--server", "unix:/nowhere")
        code, _, notes = self.finish(
            "account", "register", *nowhere, stdin="a\n", login=False
        )
        self.assertEqual((code, len(notes.splitlines())), (3, 1), notes)
        for told in ("a new account", "is there already"):
            code, _, notes = self.finish(
                "ctl", "account", "zoe", stdin="long enough\n", login=False
            )
            self.assertEqual((code, told in notes), (0, True), notes)
        code, _, notes = self.finish("ctl", "invite", "--expires", "soon", login=False)
        self.assertEqual(code, 2)
        ticket = self.ctl("invite")
        (listed,) = map(json.loads, self.ctl("invitations", "--json").splitlines())
        self.ctl("invitations", "--revoke", listed["ticket"])
        notes = self.refused(
            "account", "register", "--ticket", ticket, stdin="long enough\n"
        )
        self.assertIn("bad_ticket", notes)

    def test_first_administrator(self) -> None:
        """Without a terminal nobody is made, and the log says how."""
        self.assertNotIn("admin", self.ctl("accounts"))
        self.server.until("There is no account yet")
        self.server.end(signal.SIGTERM)
        self.assertNotIn("password is shown", self.server.log())
