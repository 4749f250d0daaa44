"""Pins that are kept."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.pins import Pins
from relaychat.client.state import StateError

PIN = ":".join(["AB"] * 32)


class PinsTests(SynchronousTestCase):
    """``pins.json`` of a state folder."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()) / "state"
        self.pins = Pins(self.folder)

    def test_none(self) -> None:
        """Without a file there are none, and looking makes none."""
        self.assertIsNone(self.pins.get("chat.test:7601"))
        self.assertFalse(self.folder.exists())

    def test_kept(self) -> None:
        """They are there for the next process, for the owner alone."""
        self.pins.put("chat.test:7601", PIN)
        self.pins.put("other.test:7601", PIN)
        kept = Pins(self.folder)
        self.assertEqual(set(kept.all()), {"chat.test:7601", "other.test:7601"})
        pin = kept.get("chat.test:7601")
        assert pin is not None
        self.assertEqual(pin.fingerprint, PIN)
        self.assertRegex(pin.since, r"^\d{4}-\d\d-\d\d$")
        mode = (self.folder / "pins.json").stat().st_mode
        self.assertEqual(mode & 0o777, 0o600)

    def test_dropped(self) -> None:
        """One is forgotten, the others stay."""
        self.pins.put("a:1", PIN)
        self.pins.put("b:1", PIN)
        self.assertTrue(self.pins.drop("a:1"))
        self.assertFalse(self.pins.drop("a:1"))
        self.assertEqual(set(self.pins.all()), {"b:1"})

    def test_unreadable(self) -> None:
        """A file that is something else is an error, not a list without pins."""
        self.folder.mkdir(parents=True)
        (self.folder / "pins.json").write_text("{")
        self.assertRaises(StateError, self.pins.get, "a:1")
        self.assertRaises(StateError, self.pins.put, "a:1", PIN)
        self.assertEqual((self.folder / "pins.json").read_text(), "{")

    def test_no_folder(self) -> None:
        """A folder that can't be made is an error."""
        self.folder.parent.mkdir(parents=True)
        self.folder.write_text("in the way")
        self.assertRaises(StateError, self.pins.put, "a:1", PIN)
