"""TLS of a real relay: its certificates, and what tools say of it."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from relaychat.app.certificate import Issued, make_authority, make_server
from relaychat.net.tls import colons
from tests.integration.server import ROOT, Folder, Peer, Server, connect, environment
from tests.net.pki import NOW

CLIENTS = 200
OWN = """
[tls.default]
certificate = "server.pem"
key = "server.key"
"""


class TlsCase(SynchronousTestCase):
    """A relay with a certificate by an authority of its own."""

    def setUp(self) -> None:
        self.folder = Folder(OWN)
        self.addCleanup(self.folder.clean)
        self.authority = make_authority("Tea", NOW)
        self.ca = self.folder.path / "ca.pem"
        self.ca.write_bytes(self.authority.certificate_pem())
        self.trust = ssl.create_default_context(cafile=str(self.ca))

    def renew(self) -> Issued:
        """Another certificate, written as other programs do: one file at a time."""
        names = ("localhost", "127.0.0.1")
        made = make_server("localhost", names, NOW, self.authority)
        (self.folder.path / "server.key").write_bytes(made.key_pem())
        (self.folder.path / "server.pem").write_bytes(made.certificate_pem())
        return made

    def serve(self) -> Server:
        """Start the relay."""
        server = Server(self.folder)
        self.addCleanup(server.clean)
        return server

    def come(self, server: Server) -> tuple[Peer, bytes | None]:
        """A client, and the certificate that it was shown."""
        raw = connect(server.doors["native, TLS"])
        secure = self.trust.wrap_socket(raw, server_hostname="localhost")
        peer = Peer(secure)
        self.addCleanup(peer.close)
        return peer, secure.getpeercert(binary_form=True)


class RenewalTests(TlsCase):
    """A certificate that is renewed under way."""

    def test_under_many_clients(self) -> None:
        """Nobody is dropped, and who comes from then on is shown the new one."""
        old = self.renew()
        server = self.serve()
        clients = [self.come(server)[0] for _ in range(CLIENTS)]
        for number, client in enumerate(clients):
            client.say(kind="hello", nick=f"guest{number}")
            client.say(kind="join", room="#tea")
        for client in clients:
            client.until("room")
        new = self.renew()
        control = server.unix("control.sock")
        self.addCleanup(control.close)
        told = control.ask("reloaded", kind="reload")
        self.assertIn(colons(new.fingerprint), " ".join(told["changed"]))
        clients[0].say(kind="send", room="#tea", text="still there?")
        for client in clients:
            self.assertEqual(client.until("said")["text"], "still there?")
        _, shown = self.come(server)
        self.assertEqual(shown, der(new))
        self.assertNotEqual(shown, der(old))

    def test_broken(self) -> None:
        """A broken renewal is told to who asked for it, and changes nothing."""
        old = self.renew()
        server = self.serve()
        (self.folder.path / "server.pem").write_text("half")
        done = subprocess.run(
            [sys.executable, "-m", "relaychat", "ctl", "--data", "data", "reload"],
            cwd=self.folder.path, env=environment(), capture_output=True, text=True,
            timeout=60,
        )  # fmt: skip
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("server.pem and", done.stderr)
        self.assertEqual(self.come(server)[1], der(old))


def der(made: Issued) -> bytes:
    """A certificate as it is sent."""
    return ssl.PEM_cert_to_DER_cert(made.certificate_pem().decode())


class ProfileTests(TlsCase):
    """What others' tools find."""

    def test_sslyze(self) -> None:
        """sslyze: Mozilla's intermediate profile is met, and no known hole is open."""
        sslyze = find("sslyze")
        self.renew()
        server = self.serve()
        where = f"localhost:{server.doors['native, TLS']}"
        done = subprocess.run(
            [sslyze, "--mozilla_config=intermediate", f"--certinfo_ca_file={self.ca}",
             where],
            capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"{where}: OK - Compliant.", done.stdout)
        self.assertNotIn("VULNERABLE", done.stdout)


class HandshakeTests(SynchronousTestCase):
    """The short form of ``benchmarks/handshakes.py``."""

    def test_nothing_is_left(self) -> None:
        """Handshakes that end anywhere leave nothing behind."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "benchmarks" / "handshakes.py"),
             "--count", "700"],
            env=environment(measured=True), capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(" 0 connections left", done.stdout)


def find(program: str) -> str:
    """A program of the test set-up's, or of the system's."""
    beside = Path(sys.prefix, "sslyze", "bin", program)
    found = str(beside) if beside.exists() else shutil.which(program)
    if found is None:
        raise SkipTest(f"{program} is not installed")
    return found
