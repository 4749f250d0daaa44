"""``relaychat init``: a private authority, and the relay's certificate by it."""

from __future__ import annotations

import socket
import tomllib
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from click.testing import CliRunner, Result
from OpenSSL import SSL
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app import init
from relaychat.app.command import main
from relaychat.app.config import from_mapping
from relaychat.client.cli.run import LOCAL, REFUSED, USAGE
from relaychat.client.trust import Signed
from relaychat.net.tls import Certificate as Served
from relaychat.net.tls import Pair, ServerConnections, load
from tests.net.pki import server_of, shake_hands


class InitTests(SynchronousTestCase):
    """Four files, and what is told of them."""

    def setUp(self) -> None:
        folder = Path(mkdtemp())
        self.addCleanup(rmtree, folder)
        self.folder = folder / "tls"

    def init(self, *words: str) -> Result:
        """Run the command."""
        return CliRunner().invoke(main, ["init", "--folder", str(self.folder), *words])

    def served(self) -> Served:
        """What a relay makes of it."""
        return load(Pair(self.folder / "server.pem", self.folder / "server.key"))

    def meet(self, host: str) -> None:
        """A client that trusts the authority comes to the relay by a name."""
        authority = Certificate.loadPEM((self.folder / "ca.pem").read_bytes())
        context = self.served().context
        client = Signed(
            host, trustRootFromCertificates([authority])
        ).clientConnectionForTLS(None)
        client.set_connect_state()
        shake_hands(server_of(ServerConnections(lambda: context)), client)

    def test_made(self) -> None:
        """A client that is given the authority trusts the relay under all names."""
        self.assertEqual(
            self.init("--name", "chat.test", "--name", "192.0.2.1").exit_code, 0
        )
        for host in ("chat.test", "192.0.2.1", "localhost", "127.0.0.1", "::1"):
            self.meet(host)

    def test_files(self) -> None:
        """They are for their owner alone."""
        self.init()
        self.assertEqual(self.folder.stat().st_mode & 0o777, 0o700)
        files = sorted(self.folder.iterdir())
        self.assertEqual(
            [file.name for file in files],
            ["ca.key", "ca.pem", "server.key", "server.pem"],
        )
        for file in files:
            self.assertEqual(file.stat().st_mode & 0o777, 0o600)

    def test_told(self) -> None:
        """The configuration is there to be copied, and the fingerprint is right."""
        told = self.init("--name", "chat.test").output
        lines = told.splitlines()
        at = lines.index("[tls.default]")
        config = from_mapping(tomllib.loads("\n".join(lines[at : at + 3])))
        self.assertEqual(
            config.tls["default"].certificate, str(self.folder / "server.pem")
        )
        self.assertEqual(config.tls["default"].key, str(self.folder / "server.key"))
        self.assertIn(f"SHA-256 {self.served().fingerprint}", lines)
        self.assertIn("--server tls:chat.test:7601 --ca", told)

    def test_own_names(self) -> None:
        """Without a name it is for this machine, by names and addresses."""
        self.patch(socket, "getfqdn", lambda: "relay.tea.test")
        self.patch(socket, "gethostname", lambda: "relay")
        self.patch(init, "FAR_AWAY", ((socket.AF_INET, "127.0.0.1"),))
        self.init()
        self.assertEqual(self.served().names, ("relay.tea.test", "relay", "localhost"))

    def test_no_network(self) -> None:
        """A machine without a way to others has no address that they see."""
        self.patch(init, "FAR_AWAY", ((socket.AF_INET6, "ff02::1%nowhere"),))
        self.assertEqual(self.init().exit_code, 0)

    def test_never_overwrites(self) -> None:
        """What is there stays, unless it is asked for."""
        self.init()
        before = (self.folder / "ca.pem").read_bytes()
        again = self.init()
        self.assertEqual(again.exit_code, REFUSED)
        self.assertIn("ca.pem", again.output)
        self.assertEqual((self.folder / "ca.pem").read_bytes(), before)
        self.assertEqual(self.init("--force").exit_code, 0)
        self.assertNotEqual((self.folder / "ca.pem").read_bytes(), before)

    def test_renewed(self) -> None:
        """A new certificate for the same names, by the same authority."""
        self.init("--name", "chat.test")
        authority, old = (self.folder / "ca.pem").read_bytes(), self.served()
        renewed = self.init("--renew")
        self.assertEqual(renewed.exit_code, 0)
        self.assertIn("trust --forget tls:chat.test:7601", renewed.output)
        self.assertNotIn("\nor by", renewed.output)
        new = self.served()
        self.assertNotEqual(new.fingerprint, old.fingerprint)
        self.assertEqual(new.names, old.names)
        self.assertEqual((self.folder / "ca.pem").read_bytes(), authority)
        self.meet("chat.test")
        self.assertEqual(self.init("--renew", "--name", "tea.test").exit_code, 0)
        self.meet("tea.test")
        self.assertRaises(SSL.Error, self.meet, "chat.test")

    def test_wrong(self) -> None:
        """No authority to renew by, no host name, no folder: one line each."""
        for words, code, text in (
            (("--renew",), LOCAL, "ca.pem: No such file"),
            (("--name", "a" * 64), USAGE, "a: no host name, and no address"),
            (("--name", "tls:chat.test"), USAGE, "tls:chat.test: no host name"),
        ):
            done = self.init(*words)
            self.assertEqual(done.exit_code, code)
            self.assertIn(text, done.output)
        self.init()
        (self.folder / "ca.key").write_text("junk")
        done = self.init("--renew")
        self.assertEqual(done.exit_code, USAGE)
        self.assertIn("not a certificate and its key", done.output)
