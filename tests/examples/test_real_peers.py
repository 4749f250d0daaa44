"""The examples' wires, spoken by programs that others have written."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.integration.server import PATIENCE_S, Folder, Server

FINGER = "127.0.0.79"
"""finger knows no port but 79, so the relay is there alone."""
DOORS = """
[[listen]]
dialect = "examples.shout:Shout"
endpoint = "tcp:0:backlog=70"
[[listen]]
dialect = "examples.qt_chat:QtChat"
endpoint = "tcp:0:backlog=80"
"""
AT_79 = f"""
[[listen]]
dialect = "examples.finger:Finger"
endpoint = "tcp:79:interface={FINGER}"
"""


def python_with_qt() -> str:
    """A Python that has Qt: the system's, or our own. Raises SkipTest."""
    for python in ("/usr/bin/python3", sys.executable):
        for binding in ("PySide2", "PySide6"):
            if os.access(python, os.X_OK) and not subprocess.run(
                [python, "-c", f"import {binding}.QtNetwork"],
                capture_output=True, check=False,
            ).returncode:  # fmt: skip
                return python
    raise SkipTest("no Python here has PySide2.QtNetwork or PySide6.QtNetwork")


class RealPeerTests(SynchronousTestCase):
    """A relay, somebody who speaks SHOUT, and another program."""

    def serve(self, doors: str) -> Server:
        folder = Folder(doors)
        self.addCleanup(folder.clean)
        server = Server(folder)
        self.addCleanup(server.clean)
        return server

    def shout(self, server: Server, *lines: str) -> socket.socket:
        """Who has said these lines, and is in #lan."""
        ann = socket.create_connection(
            ("127.0.0.1", server.doors["examples.shout:Shout"]), PATIENCE_S
        )
        self.addCleanup(ann.close)
        said = ["IAM ann", "JOIN #lan", *lines]
        ann.sendall("".join(f"{line}\r\n" for line in said).encode())
        return ann

    def test_finger(self) -> None:
        """The program ``finger`` is told who is there."""
        program = shutil.which("finger")
        if program is None or os.geteuid() != 0:
            raise SkipTest("no finger here, or no right to port 79")
        server = self.serve(DOORS + AT_79)
        ann = self.shout(server, "SAY #lan here I am")
        self.assertEqual(ann.recv(99), b"#lan ann: HERE I AM\r\n")
        told = subprocess.run(
            [program, f"@{FINGER}"], capture_output=True, text=True, timeout=PATIENCE_S,
            check=True,
        )  # fmt: skip
        self.assertIn(
            "Open rooms on relaychat.localhost: 1\n\n#lan\n  ann\n", told.stdout
        )

    def test_qt(self) -> None:
        """What Qt's own classes write is understood, and they understand the answer."""
        python = python_with_qt()
        server = self.serve(DOORS)
        ann = self.shout(server)
        port = str(server.doors["examples.qt_chat:QtChat"])
        words = ["Joe Doe", "grüß dich", "ann: AND YOU"]
        script = Path(__file__).with_name("qt_peer.py")
        with subprocess.Popen(
            [python, script, port, *words], stdout=subprocess.PIPE, text=True
        ) as peer:
            self.addCleanup(peer.kill)
            self.assertEqual(ann.recv(99).decode(), "#lan Joe-Doe: grüß dich\r\n")
            ann.sendall(b"SAY #lan and you\r\n")
            told, _ = peer.communicate(timeout=PATIENCE_S)
        self.assertEqual(
            told.splitlines(),
            ["3 relaychat.localhost", "0 Joe-Doe has come", "2 ", "0 ann: AND YOU"],
        )
        self.assertEqual(peer.returncode, 0)
