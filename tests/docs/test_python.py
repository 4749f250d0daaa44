"""Every piece of Python that the documentation shows works.

A block that an HTML comment right before it says to be from a file of this project
(``<!-- examples/shout.py -->``) stands there as it is, perhaps indented, and that file
has tests. Any other block is run, in a folder that has but an empty ``my.toml``; the
tests in it have to pass.
"""

from __future__ import annotations

import os
import re
import unittest
from pathlib import Path
from textwrap import dedent
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.docs.pages import ROOT, Block, blocks


def shown(block: Block) -> bool:
    """Whether the file that a block names has it, line by line."""
    lines = (ROOT / block.note).read_text(encoding="utf-8").splitlines()
    wanted = dedent(block.text).strip("\n").splitlines()
    pieces = (lines[at : at + len(wanted)] for at in range(len(lines)))
    return any(dedent("\n".join(piece)).splitlines() == wanted for piece in pieces)


def is_tested(file: str) -> bool:
    """Whether a test names the file, or its module."""
    path = Path(file)
    named = re.compile(rf"\b{path.stem}\b")
    return file.startswith("tests/") or any(
        named.search(test.read_text(encoding="utf-8"))
        for test in ROOT.glob("tests/**/*.py")
    )


class PythonTests(SynchronousTestCase):
    """The blocks of Python."""

    def test_files(self) -> None:
        """Who looks into the file finds what the page shows; and it is tested."""
        for block in blocks("python", "js"):
            if block.note:
                self.assertTrue(shown(block), f"{block.place}: not in {block.note}")
                self.assertTrue(is_tested(block.note), f"{block.note} has no test")

    def test_others(self) -> None:
        """Whoever copies one sees it work."""
        for block in blocks("python"):
            if not block.note:
                self.run_block(block)

    def run_block(self, block: Block) -> None:
        """Run a block, and the tests in it."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "my.toml").touch()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder)
        space: dict[str, Any] = {"__name__": "page"}
        exec(compile(block.text, block.place, "exec"), space)
        result = unittest.TestResult()
        made = [
            one for one in space.values() if getattr(one, "__module__", "") == "page"
        ]
        for kind in made:
            if isinstance(kind, type) and issubclass(kind, unittest.TestCase):
                unittest.defaultTestLoader.loadTestsFromTestCase(kind).run(result)
        self.assertEqual((result.failures, result.errors), ([], []), block.place)
