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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

SETTINGS = """
[[listen]]
dialect = "native"
endpoint = "tcp:{native}:interface=127.0.0.1"

[[listen]]
dialect = "irc"
endpoint = "tcp:{irc}:interface=127.0.0.1"
"""


class Relay(NamedTuple):
    """A relay that runs: its process and its plain addresses."""

    pid: int
    native: tuple[str, int]
    irc: tuple[str, int]


def free_port() -> int:
    """A port of the loopback interface that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: tuple[str, int], process: subprocess.Popen[bytes]) -> None:
    """Return when somebody answers. Exits if the process ends or 15 s are over."""
    until = time.monotonic() + 15
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(address).close()
            return
        time.sleep(0.01)
    raise SystemExit("the relay did not start")


@contextlib.contextmanager
def relay(
    *before: str,
    prepare: Callable[[Path], None] = lambda data: None,
    settings: str = "",
) -> Iterator[Relay]:
    """Start a relay for the while, by a command put ``before`` it (taskset, say).
    ``prepare`` is handed its data folder, which is not there yet; ``settings`` are more
    sections of its configuration."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder, "data"))
        native, irc = ("127.0.0.1", free_port()), ("127.0.0.1", free_port())
        config = Path(folder, "relay.toml")
        doors = SETTINGS.format(native=native[1], irc=irc[1])
        config.write_text(doors + settings)
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "twisted", "relaychat",
             "--config", str(config), "--data", str(Path(folder, "data"))],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_for(native, process)
            yield Relay(process.pid, native, irc)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
