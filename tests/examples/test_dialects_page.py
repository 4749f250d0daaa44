"""``docs/dialects.md`` shows what is there, and its test passes."""

from __future__ import annotations

import re
import unittest
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from examples import shout

PAGE = Path(__file__).parents[2] / "docs" / "dialects.md"


class PageTests(SynchronousTestCase):
    """The blocks of Python on the page."""

    def setUp(self) -> None:
        """The protocol, and its test."""
        blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
        self.protocol, self.test = blocks

    def test_protocol(self) -> None:
        """The page has the example as it is."""
        self.assertIn(self.protocol, Path(shout.__file__).read_text() + "\n")

    def test_test(self) -> None:
        """Whoever copies the test sees it pass."""
        space: dict[str, Any] = {"__name__": "page"}
        exec(self.test, space)
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(space["ShoutTests"]).run(
            result
        )
        self.assertEqual((result.testsRun, result.failures, result.errors), (1, [], []))
