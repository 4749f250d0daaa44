"""A real relay in a folder of its own, and blocking peers to talk to it."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tests.unobserved import unobserved

ROOT = Path(__file__).parent.parent.parent
TWISTD = (sys.executable, "-c", "from twisted.scripts.twistd import run; run()")
PATIENCE_S = 30.0
"""For anything that a relay does at all."""
DOOR = re.compile(r"^\s+([\w.:]+(?:, TLS)?)\s+127\.0\.0\.1:(\d+)")
DOORS = """
[[listen]]
dialect = "native"
endpoint = "tcp:0"
[[listen]]
dialect = "native"
endpoint = "tcp:0:interface=127.0.0.1"
tls = "default"
[[listen]]
dialect = "irc"
endpoint = "tcp:0:interface=127.0.0.1:backlog=50"
[[listen]]
dialect = "irc"
endpoint = "tcp:0:interface=127.0.0.1:backlog=60"
tls = "default"
[[listen]]
dialect = "native"
endpoint = "unix:{data}/native.sock"
[[listen]]
dialect = "control"
endpoint = "unix:{data}/control.sock"
"""


class Folder:
    """A folder with a configuration. Its path is short, as UNIX sockets need it."""

    def __init__(self, more: str = "") -> None:
        self.path = Path(mkdtemp(prefix="relaychat-", dir="/tmp"))
        self.config = self.path / "relay.toml"
        self.config.write_text(f'{more}\n[server]\ndata = "data"\n{DOORS}')
        self.data = self.path / "data"

    def clean(self) -> None:
        """Throw it away."""
        shutil.rmtree(self.path)


class Server:
    """``twistd --nodaemon relaychat``, from its start until it listens."""

    def __init__(
        self, folder: Folder, *before: str, measured: bool = False, up: bool = True
    ) -> None:
        self.folder = folder
        self.doors: dict[str, int] = {}
        self.told: list[str] = []
        self.process = subprocess.Popen(
            [*before, *TWISTD, *arguments(folder)],
            cwd=folder.path,
            env=environment(measured),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if up and not self._read_doors():
            raise AssertionError("".join(self.told))

    def _read_doors(self) -> bool:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append(line)
            door = DOOR.match(line)
            if door:
                self.doors[door[1]] = int(door[2])
            if '"type":"send"' in line:
                return True
        return False

    def until(self, words: str) -> None:
        """Wait until it prints a line with these words."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append(line)
            if words in line:
                return
        raise AssertionError(f"no {words!r} in {self.log()}")

    def end(self, signal: int | None = None) -> int:
        """Have it end, by a signal or by itself: its exit code."""
        if signal is not None:
            self.process.send_signal(signal)
        rest, _ = self.process.communicate(timeout=PATIENCE_S)
        self.told.append(rest)
        return self.process.returncode

    def log(self) -> str:
        """What it printed, once it has ended."""
        return "".join(self.told)

    def clean(self) -> None:
        """Kill it, if it is still there."""
        if self.process.poll() is None:
            self.process.kill()
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.process.communicate(timeout=PATIENCE_S)

    # -- who comes in ----------------------------------------------------------------

    def plain(self) -> Peer:
        """A native peer over TCP."""
        return Peer(connect(self.doors["native"]))

    def tls(self) -> Peer:
        """A native peer over TLS, which trusts the development certificate alone."""
        trust = ssl.create_default_context(cafile=self._authority())
        raw = connect(self.doors["native, TLS"])
        return Peer(trust.wrap_socket(raw, server_hostname="localhost"))

    def _authority(self) -> str:
        return str(self.folder.data / "development.pem")

    def unix(self, name: str = "native.sock") -> Peer:
        """A peer on a UNIX socket."""
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(PATIENCE_S)
        raw.connect(str(self.folder.data / name))
        return Peer(raw)

    def irc(self) -> Peer:
        """An IRC peer over TCP."""
        return Peer(connect(self.doors["irc"]))


def arguments(folder: Folder) -> tuple[str, ...]:
    """What stands behind twistd."""
    return ("--nodaemon", "--pidfile=", "relaychat", "--config", str(folder.config))


def environment(measured: bool = False) -> dict[str, str]:
    """The environment of a relay: from these sources; unobserved, if it is measured."""
    kept = unobserved() if measured else {**os.environ, "PYTHONPATH": str(ROOT)}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


class Peer:
    """A socket that is read line by line, with patience."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")

    def write(self, line: str) -> None:
        """Send a line."""
        self._connection.sendall(line.encode() + b"\r\n")

    def say(self, **word: Any) -> None:
        """Send a native word; ``kind`` is its type."""
        self.write(json.dumps({"type": word.pop("kind"), **word}))

    def line(self) -> str:
        """The next line; empty at the end."""
        return self._lines.readline().decode().rstrip("\r\n")

    def until(self, kind: str) -> dict[str, Any]:
        """The next native word of a kind; what comes before it is skipped."""
        while True:
            line = self.line()
            if not line:
                raise AssertionError(f"the connection ended before {kind!r}")
            word: dict[str, Any] = json.loads(line)
            if word["type"] == kind:
                return word
            if word["type"] == "error":
                raise AssertionError(f"{line} instead of {kind!r}")

    def ask(self, answer: str, **word: Any) -> dict[str, Any]:
        """Send a native word and wait for its answer."""
        self.say(**word)
        return self.until(answer)

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        return self._lines.read()

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._connection.close()
