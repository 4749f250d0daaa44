"""A relay behind haproxy and behind nginx, configured as ``docs/proxy.md`` shows it."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path
from random import randrange
from typing import ClassVar

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.integration.server import PATIENCE_S, Folder, Peer, Server
from tests.net.pki import make

EXAMPLES = Path(__file__).parents[2] / "examples" / "proxy"
PATH = f"{os.environ['PATH']}:/usr/sbin"
NGINX_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
CLIENT = "192.0.2.7"


class Behind(SynchronousTestCase):
    """A relay behind a proxy. Subclasses say which."""

    proxy: ClassVar[str]
    config: ClassVar[str]
    hello: ClassVar[bytes] = b""
    """What a client says before all else."""

    def setUp(self) -> None:
        """The relay and the proxy, on a loopback address that nobody else uses."""
        program = shutil.which(self.proxy, path=PATH)
        if program is None:
            raise SkipTest(f"{self.proxy} is not installed")
        self.host = f"127.{randrange(1, 255)}.{randrange(255)}.{randrange(1, 255)}"
        self.folder = Folder()
        self.addCleanup(self.folder.clean)
        (self.folder.path / "tls").mkdir()
        make("chat.example.org").put(self.folder.path / "tls" / "chat.pem")
        relay = (EXAMPLES / "relay.toml").read_text()
        relay = relay.replace("interface=127.0.0.1", f"interface={self.host}")
        relay = relay.replace("/var/lib/relaychat", str(self.folder.data))
        relay = relay.replace("/etc/relaychat", str(self.folder.path))
        self.folder.config.write_text(relay)
        self.server = Server(self.folder)
        self.addCleanup(self.server.clean)
        shown = (EXAMPLES / self.config).read_text().replace("127.0.0.1", self.host)
        config = self.folder.path / self.config
        config.write_text(self.prepared(shown))
        self.running = subprocess.Popen(
            [program, *self.words(config)],
            cwd=self.folder.path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(self.running.wait, PATIENCE_S)
        self.addCleanup(self.running.terminate)

    def prepared(self, shown: str) -> str:
        """The configuration as it is shown, but for where it is tried out."""
        raise NotImplementedError

    def words(self, config: Path) -> list[str]:
        """The proxy's command line."""
        raise NotImplementedError

    def dial(self, port: int) -> Peer:
        """Come in by the proxy, once it is up."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                raw = socket.create_connection((self.host, port), timeout=PATIENCE_S)
                break
            except ConnectionRefusedError:
                if time.monotonic() > until or self.running.poll() is not None:
                    raise
                time.sleep(0.05)
        raw.sendall(self.hello)
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        peer = Peer(trust.wrap_socket(raw, server_hostname="chat.example.org"))
        self.addCleanup(peer.close)
        return peer

    def come_by_both_doors(self) -> None:
        """The relay knows where its peers are, natively and by IRC."""
        ann = self.dial(7601)
        ann.ask("welcome", kind="hello", nick="ann")
        bob = self.dial(6697)
        bob.write("NICK bob\r\nUSER bob 0 * :Bob")
        while " 001 bob " not in bob.line():
            pass
        control = self.server.unix("control.sock")
        self.addCleanup(control.close)
        told = control.ask("sessions", kind="sessions")["sessions"]
        peers = {one["nick"]: one["peer"].partition(":")[0] for one in told}
        self.assertEqual((peers["ann"], peers["bob"]), (CLIENT, CLIENT))


class HaproxyTests(Behind):
    """Its own words give the client an address that is not this machine's."""

    proxy, config = "haproxy", "haproxy.cfg"

    def prepared(self, shown: str) -> str:
        source = f"\n  tcp-request connection set-src ipv4({CLIENT})"
        for port in (6697, 7601):
            shown = shown.replace(
                f"bind :{port}\n", f"bind {self.host}:{port}{source}\n"
            )
        return shown

    def words(self, config: Path) -> list[str]:
        return ["-f", str(config)]

    def test_haproxy(self) -> None:
        """haproxy tells it by version 2."""
        self.come_by_both_doors()


class NginxTests(Behind):
    """Here another proxy before it does: the client itself."""

    proxy, config = "nginx", "nginx.conf"
    hello = f"PROXY TCP4 {CLIENT} 192.0.2.1 50000 6697\r\n".encode()

    def setUp(self) -> None:
        if not NGINX_MODULE.exists():
            raise SkipTest("nginx's stream module is not installed")
        super().setUp()

    def prepared(self, shown: str) -> str:
        shown = shown.replace(
            "include /etc/nginx/modules-enabled/*.conf;", f"load_module {NGINX_MODULE};"
        )
        for port in (6697, 7601):
            listen = f"listen {self.host}:{port} proxy_protocol;"
            shown = shown.replace(f"listen {port};", listen)
        return shown.replace("stream {", "stream {\n  set_real_ip_from 127.0.0.0/8;")

    def words(self, config: Path) -> list[str]:
        folder = self.folder.path
        own = f"daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;"
        return ["-p", str(folder), "-c", str(config), "-e", "stderr", "-g", own]

    def test_nginx(self) -> None:
        """nginx tells it by version 1."""
        self.come_by_both_doors()
