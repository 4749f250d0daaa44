"""Files that ``pipe`` has sent to their end."""

from __future__ import annotations

import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.pipe import sent
from relaychat.client.pipe.sent import Sent, SentFiles
from relaychat.client.pipe.stream import Proof
from relaychat.client.state import StateError

SENT = Sent("e1", 4096, Proof(2, b"x" * 16), Proof(3, b"y" * 16))


class SentFilesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.files = SentFiles(self.folder)

    def test_kept(self) -> None:
        """What was sent is known to the next run, by room and input; the room's name in
        any case."""
        self.assertIsNone(self.files.of("#ops", "file:1"))
        self.files.put("#Ops", "file:1", SENT)
        again = SentFiles(self.folder)
        self.assertEqual(again.of("#oPS", "file:1"), SENT)
        self.assertIsNone(again.of("#ops", "file:2"))
        self.assertIsNone(again.of("#tea", "file:1"))
        mode = (self.folder / "pipe-sent.json").stat().st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_bounded(self) -> None:
        """The latest are remembered; one that is sent once more is one of them."""
        self.patch(sent, "MOST", 2)
        for number in (1, 2, 1, 3):
            self.files.put("#ops", f"file:{number}", SENT)
        known = [n for n in (1, 2, 3) if self.files.of("#ops", f"file:{n}")]
        self.assertEqual(known, [1, 3])

    def test_damaged(self) -> None:
        """A file that can't be read is an error that names it."""
        (self.folder / "pipe-sent.json").write_text("no JSON")
        error = self.assertRaises(StateError, self.files.of, "#ops", "file:1")
        self.assertIn("pipe-sent.json", str(error))
