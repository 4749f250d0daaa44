"""The manual of the configuration."""

from __future__ import annotations

import tomllib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.config import LISTEN, Config, from_mapping
from relaychat.app.manual import manual

PAGE = Path(__file__).parent.parent.parent / "docs" / "configuration.md"


class ManualTests(SynchronousTestCase):
    """``docs/configuration.md`` says what the code does."""

    def test_page_is_current(self) -> None:
        """The page is what the sections make of it."""
        hint = "run: python -m relaychat.app.manual > docs/configuration.md"
        self.assertEqual(PAGE.read_text(encoding="utf-8"), manual(), hint)

    def test_every_key_is_told(self) -> None:
        """No key stands there without a word."""
        for line in manual().splitlines():
            self.assertFalse(line.startswith("| `") and line.endswith("|  |"), line)

    def test_examples_are_good(self) -> None:
        """Every example in it is a configuration."""
        examples = configurations(manual())
        self.assertEqual(len(examples), 3)
        self.assertEqual(examples[-1].listen, LISTEN)


def configurations(page: str) -> list[Config]:
    """What a page shows as TOML."""
    examples = page.split("```toml\n")[1:]
    return [from_mapping(tomllib.loads(one.partition("```")[0])) for one in examples]
