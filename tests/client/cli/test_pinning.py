"""The command ``relaychat trust``, at a server that does nothing but shake hands."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.cli import pinning
from relaychat.client.cli.run import LOCAL, REFUSED, UNREACHABLE, USAGE
from relaychat.client.pins import Pins
from tests.net.pki import make
from tests.net.shaking import Shaking


class Terminal(io.StringIO):
    """An input where somebody sits."""

    def isatty(self) -> bool:
        """Yes."""
        return True


class Output(io.TextIOWrapper):
    """Where results go."""

    def __init__(self) -> None:
        self.written = io.BytesIO()
        super().__init__(self.written)

    def text(self) -> str:
        """What was written."""
        return self.written.getvalue().decode()


class TrustTests(SynchronousTestCase):
    """See a certificate, and trust it or not."""

    def setUp(self) -> None:
        self.state = Path(self.mktemp())
        self.made = make("chat.test", "127.0.0.1")
        self.shaking = Shaking(Path(self.mktemp()), self.made)
        self.addCleanup(self.shaking.stop)
        self.server = f"tls:127.0.0.1:{self.shaking.port}"

    def trust(self, expected: str = "", yes: bool = False, answer: str = "") -> int:
        """Run the command; its exit code. ``seen`` is what it wrote."""
        self.patch(sys, "stdin", Terminal(answer) if answer else io.StringIO())
        out, notes = Output(), io.StringIO()
        self.patch(sys, "stdout", out)
        self.patch(sys, "stderr", notes)
        code = 0
        try:
            pinning.trust(self.server, self.state, expected, yes)
        except SystemExit as left:
            assert isinstance(left.code, int)
            code = left.code
        self.seen = out.text() + notes.getvalue()
        return code

    def pinned(self) -> list[str]:
        """All pins."""
        return [pin.fingerprint for pin in Pins(self.state).all().values()]

    def test_asked(self) -> None:
        """The certificate is shown, and trusted if somebody says so."""
        self.assertEqual(self.trust(answer="n\n"), REFUSED)
        self.assertEqual(self.pinned(), [])
        self.assertEqual(self.trust(answer="y\n"), 0)
        self.assertEqual(self.pinned(), [self.made.fingerprint])
        for words in ("chat.test, 127.0.0.1", "itself", self.made.fingerprint):
            self.assertIn(words, self.seen)

    def test_nobody_to_ask(self) -> None:
        """Without a terminal it has to be said."""
        self.assertEqual(self.trust(), USAGE)
        self.assertEqual(self.pinned(), [])
        self.assertEqual(self.trust(yes=True), 0)
        self.assertEqual(self.pinned(), [self.made.fingerprint])

    def test_expected(self) -> None:
        """A fingerprint that was told answers the question."""
        self.assertEqual(self.trust(expected="ab" * 32), REFUSED)
        self.assertEqual(self.trust(expected="ab"), USAGE)
        self.assertEqual(self.pinned(), [])
        plain = self.made.fingerprint.replace(":", "").lower()
        self.assertEqual(self.trust(expected=plain), 0)
        self.assertEqual(self.pinned(), [self.made.fingerprint])

    def test_again(self) -> None:
        """What is trusted already is said to be so."""
        self.trust(yes=True)
        self.assertEqual(self.trust(), 0)
        self.assertIn("it is trusted since", self.seen)

    def test_changed(self) -> None:
        """Another certificate is not trusted before the old one is forgotten."""
        self.trust(yes=True)
        new = make("chat.test")
        self.shaking.show(new)
        self.assertEqual(self.trust(yes=True), REFUSED)
        self.assertIn("THE CERTIFICATE HAS CHANGED", self.seen)
        self.assertEqual(self.pinned(), [self.made.fingerprint])
        pinning.forget(self.server, self.state)
        self.assertEqual(self.trust(yes=True), 0)
        self.assertEqual(self.pinned(), [new.fingerprint])

    def test_weak(self) -> None:
        """A weak key is not trusted."""
        self.shaking.show(make("chat.test", key=generate_private_key(65537, 1024)))
        self.assertEqual(self.trust(yes=True), REFUSED)
        self.assertIn("weak key", self.seen)

    def test_listed(self) -> None:
        """Those that are trusted are listed, and can be forgotten."""
        self.trust(yes=True)
        out = Output()
        self.patch(sys, "stdout", out)
        pinning.list_pins(self.state)
        line = out.text()
        self.assertIn(f"{self.server} {self.made.fingerprint} since 2", line)
        pinning.forget(self.server, self.state)
        left = self.assertRaises(SystemExit, pinning.forget, self.server, self.state)
        self.assertEqual(left.code, REFUSED)

    def test_trouble(self) -> None:
        """No server, no name of one, no state folder: each is told."""
        self.server = "tls:127.0.0.1:1"
        self.assertEqual(self.trust(yes=True), UNREACHABLE)
        self.server = "tcp:127.0.0.1:1"
        self.assertEqual(self.trust(yes=True), USAGE)
        self.state.mkdir()
        (self.state / "pins.json").write_text("junk")
        for call in (
            lambda: pinning.list_pins(self.state),
            lambda: pinning.forget("tls:h:1", self.state),
        ):
            left = self.assertRaises(SystemExit, call)
            self.assertEqual(left.code, LOCAL)
