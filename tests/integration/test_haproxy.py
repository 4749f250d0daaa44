"""A real proxy before a real relay: who its peers are is known, in every version of the
PROXY protocol, with TLS behind it and before it."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.integration.server import PATIENCE_S, Folder, Peer, Server
from tests.net.pki import make

PROXIED = """
[[listen]]
dialect = "native"
endpoint = "unix:{data}/plain.sock"
proxies = ["unix"]
[[listen]]
dialect = "native"
endpoint = "unix:{data}/secure.sock"
proxies = ["unix"]
tls = "default"
"""
WAYS = (
    ("plain.sock", "send-proxy", ""),
    ("plain.sock", "send-proxy-v2", ""),
    ("secure.sock", "send-proxy-v2", ""),
    ("plain.sock", "send-proxy-v2-ssl", "ssl crt {folder}/proxy.pem"),
)
"""Door of the relay, what the proxy says there, and its own TLS."""
HEAD = """
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
"""
WAY = """
frontend way{number}
  bind fd@{handle} {tls}
  tcp-request connection set-src ipv4(192.0.2.{number})
  default_backend way{number}
backend way{number}
  server relay unix@{folder}/data/{door} {says}
"""


class ProxyTests(SynchronousTestCase):
    """haproxy, with each way to a relay's door."""

    def setUp(self) -> None:
        haproxy = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
        if haproxy is None:
            raise SkipTest("haproxy is not installed")
        self.folder = Folder(PROXIED)
        self.addCleanup(self.folder.clean)
        make("localhost").put(self.folder.path / "proxy.pem")
        self.server = Server(self.folder)
        self.addCleanup(self.server.clean)
        self.ways = [socket.create_server(("127.0.0.1", 0)) for _ in WAYS]
        for way in self.ways:
            self.addCleanup(way.close)
        config = self.folder.path / "haproxy.cfg"
        config.write_text(HEAD + "".join(map(self.way, range(len(WAYS)))))
        self.proxy = subprocess.Popen(
            [haproxy, "-f", str(config)],
            pass_fds=[way.fileno() for way in self.ways],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(self.proxy.wait, PATIENCE_S)
        self.addCleanup(self.proxy.terminate)

    def way(self, number: int) -> str:
        """A way through the proxy."""
        door, says, tls = WAYS[number]
        folder = self.folder.path
        return WAY.format(
            number=number, handle=self.ways[number].fileno(), door=door, says=says,
            folder=folder, tls=tls.format(folder=folder),
        )  # fmt: skip

    def come(self, number: int) -> Peer:
        """A client that comes by a way, with TLS where there is any on it."""
        address = self.ways[number].getsockname()
        raw: Any = socket.create_connection(address, timeout=PATIENCE_S)
        door, _, tls = WAYS[number]
        if door == "secure.sock" or tls:
            raw = ssl._create_unverified_context().wrap_socket(raw)
        peer = Peer(raw)
        self.addCleanup(peer.close)
        return peer

    def test_every_way(self) -> None:
        """Each peer is seen with the address that the proxy has of it."""
        for number in range(len(WAYS)):
            peer = self.come(number)
            peer.ask("welcome", kind="hello", nick=f"guest{number}")
        control = self.server.unix("control.sock")
        self.addCleanup(control.close)
        told = control.ask("sessions", kind="sessions")["sessions"]
        peers = {one["nick"]: one["peer"].partition(":")[0] for one in told}
        for number in range(len(WAYS)):
            self.assertEqual(peers[f"guest{number}"], f"192.0.2.{number}")
