"""Dialects are found by name, wherever they come from."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

import twisted.plugins
from examples import shout
from relaychat import extend
from relaychat.app.dialects import NoSuchDialect, find_dialect
from relaychat.session.control import Control
from relaychat.session.dialect import Dialect
from relaychat.session.irc.dialect import Irc
from relaychat.session.native import Native


class FindTests(SynchronousTestCase):
    """Where dialects come from."""

    def test_built_in(self) -> None:
        """Each by its own name, installed or not."""
        for dialect in (Native, Irc, Control):
            self.assertIs(find_dialect(dialect.name), dialect)

    def test_outright(self) -> None:
        """By module and class, or by module and what announces it."""
        self.assertIs(find_dialect("examples.shout:Shout"), shout.Shout)
        self.assertIs(find_dialect("examples.shout:shout"), shout.Shout)

    def test_plugin(self) -> None:
        """A file in a ``twisted/plugins`` directory is all that it takes."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        plugins = Path(folder.name, "twisted", "plugins")
        plugins.mkdir(parents=True)
        shutil.copy(str(shout.__file__), plugins / "shout_plugin.py")
        path = [*twisted.plugins.__path__, str(plugins)]
        self.patch(twisted.plugins, "__path__", path)
        found = find_dialect("shout")
        self.assertEqual((found.name, found.line_limit), ("shout", 256))
        self.assertTrue(issubclass(found, Dialect))

    def test_none(self) -> None:
        """What can't be found or is no dialect is said to be so."""
        for name, words in (
            ("pigeon", "no dialect is called 'pigeon'"),
            ("no.such.module:X", "can't be imported"),
            ("examples.shout:Whisper", "can't be imported"),
            (":", "can't be imported"),
            ("examples.shout:render", "is not a dialect"),
            ("relaychat.model.world:World", "is not a dialect"),
        ):
            error = self.assertRaises(NoSuchDialect, find_dialect, name)
            self.assertIn(words, str(error))


class ExtendTests(SynchronousTestCase):
    """The one import of people who extend relaychat."""

    def test_exports(self) -> None:
        """Exactly what is announced, in order."""
        names = [
            name
            for name in vars(extend)
            if not name.startswith("_") and name != "annotations"
        ]
        self.assertEqual(sorted(names), extend.__all__)
