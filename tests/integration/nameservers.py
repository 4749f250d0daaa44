"""Real name servers on loopback: dnsmasq and BIND, on a port of the test's."""

from __future__ import annotations

import getpass
import grp
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

from twisted.trial.unittest import SkipTest, TestCase

from tests.integration.server import PATIENCE_S


def free_port() -> int:
    """A port that nobody has, by UDP and by TCP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.bind(("127.0.0.1", 0))
            port: int = datagrams.getsockname()[1]
            try:
                socket.create_server(("127.0.0.1", port)).close()
            except OSError:
                continue
            return port


class NameServerCase(TestCase):
    """Starts name servers, and ends them."""

    def dnsmasq(self, config: str) -> int:
        """dnsmasq with these lines and nothing else: its port."""
        folder = self.folder_of_server()
        port = free_port()
        (folder / "dnsmasq.conf").write_text(config)
        self.start_server(
            "started", "dnsmasq", "--no-daemon", "--bind-interfaces", "--no-hosts",
            "--no-resolv", f"--conf-file={folder}/dnsmasq.conf", f"--port={port}",
            "--listen-address=127.0.0.1", f"--user={getpass.getuser()}",
            f"--group={grp.getgrgid(os.getgid()).gr_name}", "--pid-file=",
        )  # fmt: skip
        return port

    def bind(self, **zones: Path) -> int:
        """BIND with these zones and nothing else: its port."""
        folder = self.folder_of_server()
        port = free_port()
        lines = [
            f'options {{ directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }};'
            " listen-on-v6 { none; }; pid-file none; session-keyfile none;"
            " recursion no; dnssec-validation no; };",
            "controls { };",
        ]
        for name, file in zones.items():
            shutil.copy(file, folder)
            lines.append(f'zone "{name}" {{ type primary; file "{file.name}"; }};')
        (folder / "named.conf").write_text("\n".join(lines))
        config = f"{folder}/named.conf"
        self.start_server("running", "named", "-g", "-n", "1", "-c", config)
        return port

    def folder_of_server(self) -> Path:
        """A folder for its files."""
        folder = Path(mkdtemp(prefix="relaychat-names-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def start_server(self, ready: str, program: str, *words: str) -> None:
        """Start a program, and wait until a line of it says that it is ready."""
        found = shutil.which(program)
        if found is None:
            raise SkipTest(f"{program} is not installed")
        process = subprocess.Popen(
            [found, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        self.addCleanup(_ended(process))
        told = []
        assert process.stderr is not None
        for line in process.stderr:
            told.append(line)
            if ready in line:
                return
        raise AssertionError("".join(told))


def _ended(process: subprocess.Popen[str]) -> Callable[[], None]:
    def end() -> None:
        process.kill()
        process.communicate(timeout=PATIENCE_S)

    return end
