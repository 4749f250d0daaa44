"""Which files of a folder are certificates with their keys."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from relaychat.net.pairs import mark_of, pairs_in
from tests.net.pki import make

BOTH = make("both.test")


class PairTests(SynchronousTestCase):
    """What belongs together."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def put(self, *names: str) -> None:
        """Files with these names; what is in them does not matter here."""
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("whatever")

    def found(self) -> list[tuple[str, str]]:
        """The pairs, without the folder."""
        return [
            (
                str(pair.certificate.relative_to(self.folder)),
                str(pair.key.relative_to(self.folder)),
            )
            for pair in pairs_in(self.folder)
        ]

    def test_flat(self) -> None:
        """A certificate has its key beside it, under its own name."""
        self.put("a.test.crt", "a.test.key", "b.test.pem", "b.test.key")
        self.assertEqual(
            self.found(), [("a.test.crt", "a.test.key"), ("b.test.pem", "b.test.key")]
        )

    def test_both_kinds(self) -> None:
        """Of two certificates for one key it is the .crt."""
        self.put("a.crt", "a.pem", "a.key")
        self.assertEqual(self.found(), [("a.crt", "a.key")])

    def test_one_file(self) -> None:
        """Both may be in one file."""
        BOTH.put(self.folder / "both.pem")
        self.assertEqual(self.found(), [("both.pem", "both.pem")])

    def test_certbot(self) -> None:
        """certbot has a folder for each domain, in its own or in ``live`` below it."""
        self.put("README", "a.test/fullchain.pem", "a.test/privkey.pem", "a.test/x.pem")
        self.put("live/b.test/fullchain.pem", "live/b.test/privkey.pem")
        self.assertEqual(
            self.found(),
            [
                ("a.test/fullchain.pem", "a.test/privkey.pem"),
                ("live/b.test/fullchain.pem", "live/b.test/privkey.pem"),
            ],
        )

    def test_others(self) -> None:
        """What has no key, and what is something else, is left alone."""
        self.put("chain.pem", "lonely.crt", "alone.key", "notes.txt", "a/cert.pem")
        self.assertEqual(self.found(), [])


class MarkTests(SynchronousTestCase):
    """Whether files have changed."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.file = self.folder / "file"

    def test_change(self) -> None:
        """Another length, another time, another file, or none: each is a change."""
        marks = [mark_of(self.file)]
        self.file.write_text("1")
        marks.append(mark_of(self.file))
        self.assertEqual(mark_of(self.file), marks[-1])
        os.utime(self.file, ns=(0, 0))
        marks.append(mark_of(self.file))
        self.file.write_text("22")
        os.utime(self.file, ns=(0, 0))
        marks.append(mark_of(self.file))
        other = self.folder / "other"
        other.write_text("33")
        os.utime(other, ns=(0, 0))
        other.rename(self.file)
        marks.append(mark_of(self.file))
        self.assertEqual(len(set(marks)), len(marks))

    def test_link(self) -> None:
        """A link that points elsewhere is a change."""
        for name in ("1", "2"):
            (self.folder / name).write_text("same")
            os.utime(self.folder / name, ns=(0, 0))
        self.file.symlink_to("1")
        before = mark_of(self.file)
        self.file.unlink()
        self.file.symlink_to("2")
        self.assertNotEqual(mark_of(self.file), before)
