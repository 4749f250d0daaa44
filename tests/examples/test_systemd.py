"""The relay under systemd: its units are good, its doors are handed over, and it tells
when it is up and when it stops. Where no systemd runs, the test stands for it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from relaychat.app.config import from_mapping
from tests.integration.server import PATIENCE_S, Folder, Server

UNITS = Path(__file__).parents[2] / "examples" / "systemd"
INSTALLED = "/opt/relaychat/bin"
LIKE_SYSTEMD = """
import os, socket, sys
notify, *command = sys.argv[1:]
door = socket.create_server(("127.0.0.1", 0), backlog=128)
os.dup2(door.fileno(), 3)
os.set_inheritable(3, True)
told = {"LISTEN_PID": os.getpid(), "LISTEN_FDS": 1, "LISTEN_FDNAMES": "native"}
told |= {"NOTIFY_SOCKET": notify, "WATCHDOG_USEC": 500_000, "WATCHDOG_PID": os.getpid()}
os.environ |= {name: str(value) for name, value in told.items()}
os.execv(command[0], command)
"""
"""What systemd does for a service with a socket unit and Type=notify."""
HANDED_OVER = """
[[listen]]
dialect = "native"
endpoint = "systemd:INET:name=native"
[[listen]]
dialect = "control"
endpoint = "unix:{data}/control.sock"
"""


class UnitTests(SynchronousTestCase):
    """The files that are shown."""

    def test_verified(self) -> None:
        """systemd finds nothing wrong with any of them."""
        verify = shutil.which("systemd-analyze")
        if verify is None:
            raise SkipTest("systemd is not installed")
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for unit in UNITS.glob("*.*"):
            text = unit.read_text().replace(INSTALLED, str(Path(sys.executable).parent))
            into = Path(folder.name)
            if unit.suffix == ".conf":
                into /= "relaychat.service.d"
                into.mkdir()
            (into / unit.name).write_text(text)
        done = subprocess.run(
            [verify, "verify", "--man=no", "relaychat.service", "relaychat.socket"],
            env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder.name}:"},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        self.assertEqual((done.stdout + done.stderr, done.returncode), ("", 0))

    def test_configuration(self) -> None:
        """The doors are called as the socket units call them."""
        config = from_mapping(tomllib.loads((UNITS / "relay.toml").read_text()))
        named = {
            one.endpoint.partition("name=")[2]
            for one in config.listen
            if one.endpoint.startswith("systemd:")
        }
        units = [unit.read_text() for unit in UNITS.glob("*.socket")]
        for name in named:
            self.assertEqual(
                sum(f"FileDescriptorName={name}\n" in unit for unit in units), 1, name
            )
        self.assertEqual(len(named), len(units))


class StartedTests(SynchronousTestCase):
    """A real relay, started as systemd does it."""

    def test_up_and_down(self) -> None:
        """It takes its door over, says that it is up, lives, and says when it stops."""
        folder = Folder()
        self.addCleanup(folder.clean)
        folder.config.write_text(f'[server]\ndata = "data"\n{HANDED_OVER}')
        notify = str(folder.path / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
            ear.bind(notify)
            ear.settimeout(PATIENCE_S)
            server = Server(folder, sys.executable, "-c", LIKE_SYSTEMD, notify)
            self.addCleanup(server.clean)
            heard = [ear.recv(100) for _ in range(3)]
            self.assertEqual(heard, [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"])
            peer = server.plain()
            self.addCleanup(peer.close)
            peer.ask("welcome", kind="hello", nick="ann")
            self.assertEqual(server.end(signal.SIGTERM), 0, server.log())
            while (last := ear.recv(100)) == b"WATCHDOG=1":
                pass
            self.assertEqual(last, b"STOPPING=1")
