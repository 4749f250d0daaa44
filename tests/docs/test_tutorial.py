"""``docs/tutorial.md``: a newcomer who types what it shows sees what it shows."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from pathlib import Path
from tempfile import mkdtemp

from twisted.trial.unittest import SynchronousTestCase

from tests.docs.pages import ROOT, blocks
from tests.docs.terminal import Terminal
from tests.integration.namespaces import Network, NoNetwork
from tests.unobserved import unobserved

PAGE = "docs/tutorial.md"
PORTS = (7600, 7601, 6667, 6697)
"""Those of a relay that was told nothing."""


class TutorialTests(SynchronousTestCase):
    """All of the page, from its first line to its last, in a folder like the
    checkout's, with a home of its own."""

    def setUp(self) -> None:
        for program in ("make", "nc", "bash"):
            if shutil.which(program) is None:
                self.skipTest(f"there is no {program} here")
        self.folder = Path(mkdtemp(prefix="rct-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.before = self.place()
        self.checkout()

    def place(self) -> tuple[str, ...]:
        """What puts a command where the ports of a relay are free: a network namespace,
        or else here, if they are."""
        network = Network()
        self.addCleanup(network.clean)
        try:
            return network.machine("tutorial").command()
        except (NoNetwork, FileNotFoundError):
            for port in PORTS:
                with socket.socket() as probe:
                    if not probe.connect_ex(("127.0.0.1", port)):
                        self.skipTest(f"no namespaces, and port {port} is taken")
            return ()

    def checkout(self) -> None:
        """The files that the page's commands need; what ``make`` would install is
        there."""
        for name in ("Makefile", ".ci", "setup.cfg", "constraints.txt", "examples"):
            (self.folder / name).symlink_to(ROOT / name)
        (self.folder / ".venv").mkdir()
        (self.folder / ".venv" / "bin").symlink_to(Path(sys.prefix) / "bin")
        for name in (".made", ".run"):
            (self.folder / ".venv" / name).touch()
        (self.folder / "home").mkdir()

    def environment(self) -> dict[str, str]:
        """A newcomer's."""
        kept = unobserved()
        for name in [*kept]:
            if name.startswith(("RELAYCHAT", "XDG", "MAKE", "MFLAGS", "PYTHON")):
                del kept[name]
        home = str(self.folder / "home")
        return {**kept, "HOME": home, "VIRTUAL_ENV_DISABLE_PROMPT": "1", "TERM": "dumb"}

    def test_tutorial(self) -> None:
        """Every command of it, in its order, each in its terminal."""
        terminals: dict[str, Terminal] = {}
        shown = [block for block in blocks("console") if block.place.startswith(PAGE)]
        self.assertGreater(len(shown), 20)
        for block in shown:
            self.assertRegex(block.note, "^terminal [1-4]$", block.place)
            if block.note not in terminals:
                terminals[block.note] = Terminal(
                    self.before, self.folder, self.environment()
                )
                self.addCleanup(terminals[block.note].close)
            with self.subTest(block.place):
                terminals[block.note].follow(block.text.splitlines())
        terminals["terminal 1"].idle()
        self.assertFalse((self.folder / "relaychat-data").exists())
        self.assertEqual(os.listdir(self.folder / "home"), [".local"])
