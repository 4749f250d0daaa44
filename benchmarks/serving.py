"""A relay of its own for a benchmark: a real process on a temporary folder."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

SETTINGS = """
[server]
name = "bench"

[[listen]]
dialect = "native"
endpoint = "tcp:{native}:interface=127.0.0.1"

[[listen]]
dialect = "irc"
endpoint = "tcp:{irc}:interface=127.0.0.1"
"""


def free_port() -> int:
    """A port of the loopback interface that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when the port answers. Exits if the process ends or 15 s are over."""
    until = time.monotonic() + 15
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.05)
    raise SystemExit("the relay did not start")


@contextlib.contextmanager
def relay(server: str | None = None) -> Iterator[tuple[str, int]]:
    """The native address of a relay: of one that runs, or of one started for the while."""
    if server is not None:
        host, _, port = server.rpartition(":")
        yield host, int(port)
        return
    with tempfile.TemporaryDirectory() as folder:
        native = free_port()
        config = Path(folder, "relay.toml")
        config.write_text(SETTINGS.format(native=native, irc=free_port()))
        process = subprocess.Popen(
            [sys.executable, "-m", "twisted", "relaychat", "--config", str(config),
             "--data", str(Path(folder, "data"))],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_for(native, process)
            yield "127.0.0.1", native
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
