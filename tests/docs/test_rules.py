"""The rules that the code cites by number have their page."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from tests.docs.pages import ROOT

CITED = re.compile(r"\bH([1-9]\d?)\b")
NAMED = re.compile(r"^\| H(\d+) \| \S", re.M)


class RuleTests(SynchronousTestCase):
    """``docs/rules.md`` and the comments."""

    def test_cited_rules(self) -> None:
        """Each number in the package is a rule of the page; there they are in order."""
        page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
        named = list(map(int, NAMED.findall(page)))
        self.assertEqual(named, list(range(1, len(named) + 1)))
        cited = {
            int(number)
            for path in ROOT.glob("relaychat/**/*.py")
            for number in CITED.findall(path.read_text(encoding="utf-8"))
        }
        self.assertEqual(cited - set(named), set())
        self.assertGreater(len(cited), 20)
