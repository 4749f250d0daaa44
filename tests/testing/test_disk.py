"""What a power cut may leave of a folder, and what it may not touch."""

from __future__ import annotations

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from twisted.trial.unittest import TestCase

from relaychat.testing.disk import (
    SECTOR_BYTES,
    Disk,
    Image,
    Link,
    Make,
    MakeFolder,
    Mark,
    Remove,
    Rename,
    Resize,
    Step,
    Sync,
    Write,
)

CUTS = 400
OLD, NEW = b"o" * 4 * SECTOR_BYTES, b"n" * 4 * SECTOR_BYTES


class DiskTests(TestCase):
    """A folder with a file ``f`` of four sectors."""

    def setUp(self) -> None:
        """All of it is on the disk."""
        self.disk = Disk(Image(["d"], {"f": OLD}))

    def take(self, *steps: Step) -> None:
        """These steps."""
        for step in steps:
            self.disk.take(step)

    def cuts(self) -> list[Image]:
        """States after many cuts."""
        return [self.disk.cut(Random(number)) for number in range(CUTS)]

    def contents(self, path: str = "f") -> set[bytes | None]:
        """What a file is after many cuts; None where it is not there."""
        return {image.files.get(path) for image in self.cuts()}

    # -- contents ---------------------------------------------------------------------

    def test_nothing_happened(self) -> None:
        """A cut changes nothing that is on the disk; a mark is nothing to it."""
        self.take(Mark("hello"))
        self.assertEqual(self.cuts(), [Image(["d"], {"f": OLD})] * CUTS)

    def test_a_write(self) -> None:
        """It is there, or not, or any of its sectors, or a part of one."""
        self.take(Write("f", 0, NEW))
        found = self.contents()
        whole = {b"".join(part) for part in _sectors_of_either()}
        self.assertLessEqual({OLD, NEW}, found)
        self.assertGreater(len(found & whole), 12)
        self.assertGreater(len(found - whole), 5)
        for content in found:
            assert content is not None
            self.assertEqual(len(content), len(OLD))
            self.assertLessEqual(set(content), set(b"on"))

    def test_what_is_beside_a_write(self) -> None:
        """It stays, in the same sector as well."""
        self.take(Write("f", 100, b"n" * 50))
        for content in self.contents():
            assert content is not None
            self.assertEqual(content[:100] + content[150:], OLD[50:])

    def test_a_sync(self) -> None:
        """What came before it is there, and what came after it may be."""
        self.take(Write("f", 0, NEW), Sync("f"), Write("f", 0, b"x"))
        self.assertEqual(self.contents(), {NEW, b"x" + NEW[1:]})

    def test_two_writes(self) -> None:
        """The later one may be there without the earlier one."""
        self.take(Write("f", 0, b"a"), Write("f", SECTOR_BYTES, b"b"))
        ends = {
            (c[:1], c[SECTOR_BYTES : SECTOR_BYTES + 1]) for c in self.contents() if c
        }
        self.assertEqual(ends, {(b"o", b"o"), (b"a", b"o"), (b"o", b"b"), (b"a", b"b")})

    def test_growing(self) -> None:
        """The new end may be missing; what was not written there may be anything."""
        self.take(Write("f", len(OLD), NEW))
        found = self.contents()
        self.assertTrue({OLD, OLD + NEW, OLD + bytes(len(NEW))} <= found)
        strange = [c for c in found if c and set(c) - set(b"on\0")]
        self.assertTrue(strange)

    def test_shrinking(self) -> None:
        """Before a sync it may not have happened; what was there may come back."""
        self.take(Resize("f", 10))
        self.assertTrue(self.contents() == {OLD, OLD[:10]})
        self.take(Sync("f"), Resize("f", 1000))
        found = self.contents()
        self.assertTrue({OLD[:10], OLD[:10] + bytes(990), OLD[:1000]} <= found)

    def test_files_are_cut_apart(self) -> None:
        """A sync of one says nothing about another."""
        self.take(
            Make("g"), Sync(""), Write("g", 0, b"g"), Write("f", 0, b"f"), Sync("g")
        )
        self.assertEqual(self.contents("g"), {b"g"})
        self.assertEqual(self.contents("f"), {OLD, b"f" + OLD[1:]})

    # -- names ------------------------------------------------------------------------

    def test_a_new_file(self) -> None:
        """Its name is there when its folder was synced, and not for its own sync."""
        self.take(Make("d/new"), Write("d/new", 0, b"x"), Sync("d/new"))
        self.assertEqual(self.contents("d/new"), {None, b"x"})
        self.take(Sync(""))
        self.assertEqual(self.contents("d/new"), {None, b"x"})
        self.take(Sync("d"))
        self.assertEqual(self.contents("d/new"), {b"x"})

    def test_a_new_folder(self) -> None:
        """What is in it goes with it."""
        self.take(MakeFolder("d/e"), Make("d/e/new"), Sync("d/e"))
        self.assertEqual(self.contents("d/e/new"), {None, b""})
        self.assertEqual(
            {tuple(image.folders) for image in self.cuts()}, {("d",), ("d", "d/e")}
        )
        self.take(Sync("d"))
        self.assertEqual(self.contents("d/e/new"), {b""})

    def test_removing(self) -> None:
        """The file may come back, and another one of its name may be there or not."""
        self.take(Remove("f"), Make("f"), Write("f", 0, b"x"), Sync("f"))
        self.assertEqual(self.contents(), {OLD, None, b"x"})
        self.take(Sync(""))
        self.assertEqual(self.contents(), {b"x"})

    def test_renaming(self) -> None:
        """A file has one of its names; its contents are their own affair."""
        self.take(Make("new"), Sync(""), Write("new", 0, b"x"), Rename("new", "f"))
        found = {(i.files.get("new"), i.files.get("f")) for i in self.cuts()}
        expected = {(b"", OLD), (b"x", OLD), (None, b""), (None, b"x")}
        self.assertTrue(expected <= found)
        self.take(Sync("f"))
        found = {(i.files.get("new"), i.files.get("f")) for i in self.cuts()}
        self.assertTrue(found == {(b"x", OLD), (None, b"x")})

    def test_links(self) -> None:
        """Two names of one file have the same contents, and go one by one."""
        self.take(Link("f", "g"), Write("f", 0, b"x"), Sync("g"), Remove("f"))
        found = {(i.files.get("f"), i.files.get("g")) for i in self.cuts()}
        new = b"x" + OLD[1:]
        self.assertTrue(found == {(new, None), (new, new), (None, None), (None, new)})
        self.take(Sync(""))
        self.assertTrue(self.contents("g") == {new})

    # -- the rest ---------------------------------------------------------------------

    def test_mapped_files(self) -> None:
        """Nobody knows what is in them."""
        self.disk = Disk(Image([], {"f-shm": OLD}), mapped=("-shm",))
        self.assertGreater(len(self.contents("f-shm")), 3)

    def test_as_programs_see_it(self) -> None:
        """With all that was done, synced or not; it can be laid down and read again."""
        self.take(Write("f", 1, b"x"), Rename("f", "d/g"), MakeFolder("d/e"), Make("h"))
        self.take(Write("h", 3, b"x"), Resize("d/g", 3))
        image = Image(["d", "d/e"], {"d/g": b"oxo", "h": b"\0\0\0x"})
        self.assertEqual(self.disk.image(), image)
        self.assertTrue(self.disk.has("d/g"))
        self.assertFalse(self.disk.has("f"))
        with TemporaryDirectory() as folder:
            image.put(Path(folder))
            self.assertEqual(Image.of(Path(folder)), image)


def _sectors_of_either() -> list[list[bytes]]:
    made: list[list[bytes]] = [[]]
    for _ in range(4):
        made = [
            [*before, letter * SECTOR_BYTES]
            for before in made
            for letter in (b"o", b"n")
        ]
    return made
