"""Every configuration that the documentation shows is one."""

from __future__ import annotations

import tomllib

from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.config import ConfigError, from_mapping
from tests.docs.pages import blocks


class ConfigurationTests(SynchronousTestCase):
    """The blocks of TOML."""

    def test_each_is_good(self) -> None:
        """The relay would start with it, if what it names is there."""
        wrong, count = [], 0
        for block in blocks("toml"):
            count += 1
            try:
                from_mapping(tomllib.loads(block.text))
            except (ConfigError, tomllib.TOMLDecodeError) as error:
                wrong.append(f"{block.place}: {error}")
        self.assertEqual(wrong, [])
        self.assertGreater(count, 6)
