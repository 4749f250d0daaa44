"""Extensions are found by name, wherever they come from."""

from __future__ import annotations

import sys
from importlib import invalidate_caches
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

import twisted.plugins
from examples import shout
from relaychat import extend
from relaychat.app.finding import CHECKER, DIALECT, FACTORY, HOOK, CannotFind, Kind
from relaychat.session.control import Control
from relaychat.session.dialect import Dialect
from relaychat.session.irc.dialect import Irc
from relaychat.session.native import Native

HOOK_PLUGIN = """
from relaychat.extend import CheckerPlugin, FactoryPlugin, HookPlugin

def calm(user, room, event):
    return None

hook = HookPlugin(calm, "calm")
checker = CheckerPlugin(calm, "calm-checker")
factory = FactoryPlugin(calm, "calm-factory")
"""
PACKAGE = """
[relaychat.dialects]
yodel = examples.shout:Shout
"""
METADATA = "Metadata-Version: 2.1\nName: yodel\nVersion: 1.0\n"


class Tomorrow(Dialect):
    """Written for what is not there yet."""

    name = "tomorrow"
    api = 2


class FindCase(SynchronousTestCase):
    """With plugins and packages of its own."""

    def folder(self) -> Path:
        """A new folder on the path of modules."""
        made = TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.patch(sys, "path", [*sys.path, made.name])
        return Path(made.name)

    def plugin(self, name: str, source: str) -> Path:
        """A file in a new ``twisted/plugins`` folder."""
        plugins = self.folder() / "twisted" / "plugins"
        plugins.mkdir(parents=True)
        file = plugins / f"{name}.py"
        file.write_text(source)
        path = [*twisted.plugins.__path__, str(plugins)]
        self.patch(twisted.plugins, "__path__", path)
        self.addCleanup(sys.modules.pop, f"twisted.plugins.{name}", None)
        invalidate_caches()
        return file

    def package(self, entry_points: str) -> None:
        """An installed package with these entry points."""
        info = self.folder() / "yodel-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(METADATA)
        (info / "entry_points.txt").write_text(entry_points)

    def why_not(self, door: Kind, name: str) -> str:
        """Why something is not found."""
        with self.assertRaises(CannotFind) as caught:
            door.find(name)
        return str(caught.exception)


class FindTests(FindCase):
    """Where extensions come from."""

    def test_built_in(self) -> None:
        """Each by its own name, installed or not."""
        for dialect in (Native, Irc, Control):
            self.assertIs(DIALECT.find(dialect.name), dialect)

    def test_outright(self) -> None:
        """By module and class, or by module and what announces it."""
        self.assertIs(DIALECT.find("examples.shout:Shout"), shout.Shout)
        self.assertIs(DIALECT.find("examples.shout:shout"), shout.Shout)

    def test_plugin(self) -> None:
        """A file in a ``twisted/plugins`` directory is all that it takes."""
        self.plugin("shout_plugin", Path(str(shout.__file__)).read_text())
        found = DIALECT.find("shout")
        self.assertEqual((found.name, found.line_limit), ("shout", 256))
        self.assertTrue(issubclass(found, Dialect))

    def test_every_door(self) -> None:
        """One file may announce things for several doors, each under its name."""
        self.plugin("calm_plugin", HOOK_PLUGIN)
        for door, name in ((HOOK, ""), (CHECKER, "-checker"), (FACTORY, "-factory")):
            self.assertEqual(door.find(f"calm{name}").__name__, "calm")
        self.assertIn("no dialect is called 'calm'", self.why_not(DIALECT, "calm"))

    def test_entry_point(self) -> None:
        """A package announces a dialect in its metadata."""
        self.package(PACKAGE)
        self.assertIs(DIALECT.find("yodel"), shout.Shout)

    def test_entry_point_of_a_plugin(self) -> None:
        """Or names what announces it."""
        self.package(PACKAGE.replace("Shout", "shout"))
        self.assertIs(DIALECT.find("yodel"), shout.Shout)

    def test_both_ways(self) -> None:
        """What is the same thing may be announced twice."""
        self.package(PACKAGE)
        source = "from examples.shout import *\nfrom relaychat.extend import *\n"
        self.plugin("yodel_plugin", source + "it = DialectPlugin(Shout, 'yodel')")
        self.assertIs(DIALECT.find("yodel"), shout.Shout)

    def test_twice(self) -> None:
        """Two things under one name are refused, and both places are named."""
        self.package(PACKAGE.replace("yodel", "shout"))
        file = self.plugin("shout_plugin", Path(str(shout.__file__)).read_text())
        self.assertEqual(
            self.why_not(DIALECT, "shout"),
            "the dialect 'shout' is announced twice: by yodel 1.0 "
            f"(examples.shout:Shout), and by the plugin {file}",
        )

    def test_in_the_place_of_a_built_in(self) -> None:
        """Nobody takes the name of a dialect that is there."""
        self.package(PACKAGE.replace("yodel", "irc"))
        self.assertIn("announced twice: by relaychat", self.why_not(DIALECT, "irc"))

    def test_broken_plugin(self) -> None:
        """Who looks for what a broken plugin announces is told where it is broken."""
        file = self.plugin("broken_plugin", "import no_such_module\n")
        why = self.why_not(DIALECT, "broken")
        self.assertIn("no dialect is called 'broken'", why)
        self.assertIn(f"{file} can't be imported: ModuleNotFoundError", why)
        self.assertEqual(len(self.flushLoggedErrors(ModuleNotFoundError)), 1)

    def test_none(self) -> None:
        """What can't be found or is no dialect is said to be so."""
        for name, words in (
            ("pigeon", "no dialect is called 'pigeon'"),
            ("natvie", "called 'natvie' (did you mean native?)"),
            ("no.such.module:X", "can't be imported: ModuleNotFoundError"),
            ("examples.shout:Whisper", "can't be imported: AttributeError"),
            (":", "can't be imported"),
            ("examples.shout:render", "is no dialect"),
            ("relaychat.model.world:World", "is no dialect"),
        ):
            self.assertIn(words, self.why_not(DIALECT, name))

    def test_other_api(self) -> None:
        """What is written for a later API says so in place of failing somewhere."""
        self.assertEqual(extend.API, 1)
        self.assertEqual(
            self.why_not(DIALECT, "tests.app.test_finding:Tomorrow"),
            "tests.app.test_finding:Tomorrow is for API 2, and this relay has 1",
        )

    def test_without_a_name(self) -> None:
        """What is announced has a name."""
        self.assertRaises(ValueError, extend.HookPlugin, extend.HookPlugin)


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
