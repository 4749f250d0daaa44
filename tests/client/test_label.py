"""How a device calls itself."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.label import LABEL_CHARS, label


class LabelTests(SynchronousTestCase):
    def test_program_and_machine(self) -> None:
        """A person recognises both, without the machine's domain."""
        self.assertEqual(label("chat", "thinkpad.example.org"), "chat on thinkpad")
        self.assertTrue(label("chat").startswith("chat on "))

    def test_bounded(self) -> None:
        """However long the names are, the server takes the label."""
        long = label("p" * 200, "thinkpad")
        self.assertEqual(len(long), LABEL_CHARS)
        self.assertTrue(long.endswith("p on thinkpad"))
        self.assertEqual(len(label("chat", "h" * 200)), LABEL_CHARS)
