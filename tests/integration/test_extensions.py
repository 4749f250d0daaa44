"""A real relay with extensions of all kinds, as an operator puts them in."""

from __future__ import annotations

import shutil
import ssl

from tests.integration.client import PASSWORD, ClientCase
from tests.integration.server import ROOT, Folder, Peer, Server, connect

MORE = """
[hooks]
use = ["counting:Counting"]
[extension.counting]
shown = 1
[[listen]]
dialect = "teapot:Teapot"
endpoint = "tcp:0:interface=127.0.0.1:backlog=70"
[extension.teapot]
seconds = 0
[[listen]]
factory = "notebook:Notebook"
endpoint = "tcp:0:interface=127.0.0.1:backlog=71"
tls = "default"
[[listen]]
factory = "notebook:Notebook"
endpoint = "unix:{data}/notes.sock"
proxies = ["unix"]
"""
FILES = ("counting.py", "notebook.py", "teapot.py")


class ExtensionsTests(ClientCase):
    """The examples, beside the configuration that names them."""

    def serve(self) -> Server:
        """With the extensions."""
        self.folder = Folder(MORE)
        self.addCleanup(self.folder.clean)
        for name in FILES:
            shutil.copy(ROOT / "examples" / name, self.folder.path)
        return super().serve()

    def test_all(self) -> None:
        """A dialect with a setting and a timer; a hook with a command on ctl; a factory
        with accounts behind TLS, and behind a proxy; all of it in the status."""
        ann = Peer(connect(self.server.doors["teapot:Teapot"]))
        for line in ("IAM guest", "JOIN #tea", "STEEP #tea"):
            ann.write(line)
        self.assertEqual(ann.line(), "#tea guest makes tea: 0 s")
        self.assertEqual(ann.line(), "#tea guest: the tea is ready")
        self.assertEqual(self.ctl("talkers"), "guest 1\n")
        self.assertIn("talkers [<count>]  Who has said most", self.ctl("--help"))

        trust = ssl.create_default_context(cafile=self.server._authority())
        plain = connect(self.server.doors["notebook:Notebook, TLS"])
        notes = Peer(trust.wrap_socket(plain, server_hostname="localhost"))
        proxied = self.server.unix("notes.sock")
        proxied.write("PROXY TCP4 192.0.2.7 192.0.2.1 4711 7900")
        for peer in (notes, proxied):
            peer.write(f"LOGIN ann {PASSWORD}")
            self.assertEqual(peer.line(), "welcome, ann")
        status = self.ctl("status")
        rows = [line.split() for line in status.splitlines() if "notebook" in line]
        self.assertEqual([row[1:3] for row in rows], [["1", "1"]] * 2)
        for peer in (ann, notes, proxied):
            peer.close()

    def ctl(self, *words: str) -> str:
        """What ``relaychat ctl`` prints."""
        return self.output("ctl", *words, login=False)
