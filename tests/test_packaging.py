"""What an installation brings: both taps, the command, the data, from any folder.

Each way of installing is tried in an environment of its own, which borrows what this
one has installed; so no test needs a network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from configparser import ConfigParser
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from typing import ClassVar
from unittest import SkipTest

from twisted.application.service import IServiceMaker, ServiceMaker
from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.finding import DIALECT

ROOT = Path(__file__).parent.parent
TAPS = {"relaychat", "relaychat-client"}
SOURCES = (
    "setup.cfg",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "relaychat",
    "twisted",
)
LEFTOVERS = shutil.ignore_patterns("__pycache__", "dropin.cache", "*.egg-info")
TWISTD = "from twisted.scripts.twistd import run; run()"
TWIST = "from twisted.application.twist._twist import Twist; Twist.main()"


def _call(*command: object, folder: Path | None = None) -> str:
    """What a program prints; it has to succeed without a word of a plugin's failing."""
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONPATH"
    }
    ended = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    told = ended.stdout + ended.stderr
    if ended.returncode or "Traceback" in told:
        raise AssertionError(f"{command} ended with {ended.returncode}:\n{told}")
    return told


def _listed(told: str) -> set[str]:
    """The first words of the lines of a help text."""
    return {line.split()[0] for line in told.splitlines() if line.split()}


class Installation:
    """The tests of one way to install. Subclasses say which."""

    how: ClassVar[tuple[str, ...]]
    source: ClassVar[Path]
    python: ClassVar[Path]
    elsewhere: ClassVar[Path]

    @classmethod
    def setUpClass(cls) -> None:
        """Copy the sources, make an environment and install into it."""
        if int(version("setuptools").partition(".")[0]) < 77:
            raise SkipTest("setuptools 77 is needed to install; see setup.cfg")
        folder = Path(mkdtemp(prefix="relaychat-packaging-"))
        cls.source, cls.elsewhere = folder / "source", folder / "elsewhere"
        cls.elsewhere.mkdir()
        cls.source.mkdir()
        for name in SOURCES:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, cls.source / name, ignore=LEFTOVERS)
            else:
                shutil.copy(ROOT / name, cls.source)
        cls.python = cls._environment(folder / "venv")
        _call(
            *(sys.executable, "-m", "pip", "--python", cls.python),
            *("install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"),
            *("--disable-pip-version-check", "--force-reinstall"),
            *(*cls.how, cls.source),
        )

    @classmethod
    def _environment(cls, home: Path) -> Path:
        """An environment that sees what this one sees, less relaychat itself."""
        venv.create(home, symlinks=True)
        python = home / "bin" / "python"
        purelib = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
        (purelib / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
        return python

    @classmethod
    def tearDownClass(cls) -> None:
        """Throw the environment away."""
        shutil.rmtree(cls.source.parent)

    def test_twistd_lists_both_taps(self) -> None:
        """``twistd --help`` names them, run in some other folder."""
        told = _call(self.python, "-c", TWISTD, "--help", folder=self.elsewhere)
        assert _listed(told) >= TAPS, told

    def test_twist_lists_both_taps(self) -> None:
        """``twist --help`` does as well."""
        told = _call(self.python, "-c", TWIST, "--help", folder=self.elsewhere)
        assert _listed(told) >= TAPS, told

    def test_taps_have_options(self) -> None:
        """Each tap can be imported and tells its options."""
        for tap in sorted(TAPS):
            told = _call(
                self.python, "-c", TWISTD, tap, "--help", folder=self.elsewhere
            )
            assert "--help" in told and "Usage" in told, told

    def test_command(self) -> None:
        """The command ``relaychat`` is there and tells its version."""
        command = self.python.with_name("relaychat")
        told = _call(command, "--version", folder=self.elsewhere)
        assert version("relaychat") in told or "0." in told, told

    def test_data(self) -> None:
        """The store's SQL and the mark of types come along."""
        told = _call(
            self.python,
            "-c",
            "import relaychat, pathlib as p; f = p.Path(relaychat.__file__).parent;"
            "print((f / 'py.typed').exists(), len([*f.glob('store/sql/*.sql')]) > 0)",
            folder=self.elsewhere,
        )
        assert told.split() == ["True", "True"], told

    def test_entry_points(self) -> None:
        """The built-in dialects are announced as any other would be."""
        told = _call(
            self.python,
            "-c",
            "from importlib.metadata import entry_points as e;"
            "print(*sorted(p.load().name for p in e(group='relaychat.dialects')))",
            folder=self.elsewhere,
        )
        assert told.split() == sorted(DIALECT.built_in), told


class NormalTests(Installation, SynchronousTestCase):
    """``pip install .``"""

    how = ()


class EditableTests(Installation, SynchronousTestCase):
    """``pip install -e .``"""

    how = ("--editable",)


class CheckoutTests(SynchronousTestCase):
    """The sources themselves."""

    def test_taps(self) -> None:
        """Both plugins are found and can be imported."""
        found = {maker.tapname: maker for maker in getPlugins(IServiceMaker)}
        self.assertLessEqual(TAPS, set(found))
        for tap in TAPS:
            maker = found[tap]
            assert isinstance(maker, ServiceMaker)
            module = import_module(maker.module)
            self.assertTrue(callable(module.makeService), tap)
            self.assertTrue(callable(module.Options), tap)

    def test_entry_points_agree(self) -> None:
        """setup.cfg announces the dialects that the relay finds by itself."""
        parser = ConfigParser()
        parser.read(ROOT / "setup.cfg")
        lines = parser["options.entry_points"]["relaychat.dialects"].split("\n")
        announced = dict(line.split(" = ") for line in lines if line)
        self.assertEqual(announced, DIALECT.built_in)

    def test_constraints_cover_the_requirements(self) -> None:
        """What setup.cfg asks for has a version in constraints.txt."""
        parser = ConfigParser()
        parser.read(ROOT / "setup.cfg")
        asked = parser["options"]["install_requires"].split("\n")
        for extra in parser["options.extras_require"].values():
            asked += extra.split("\n")
        names = {line.partition(">")[0].lower() for line in asked if line}
        pinned = {
            line.partition("==")[0].lower()
            for line in (ROOT / "constraints.txt").read_text().splitlines()
        }
        self.assertEqual(names - pinned, set())
