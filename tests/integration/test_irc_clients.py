"""Programs that people use: WeeChat and irssi, in plain and TLS.

Each joins a room, is asked for its version there, and answers: it can read and speak.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.integration.server import Folder, Peer, Server
from tests.net.pki import fingerprint

CTCP_VERSION = "\x01VERSION\x01"

IRSSI = """
servers = ( {{
  address = "127.0.0.1"; port = "{port}"; chatnet = "relay"; autoconnect = "yes";
  use_tls = "{tls}"; tls_verify = "no"; tls_pinned_cert = "{pin}";
}} );
chatnets = {{ relay = {{ type = "IRC"; nick = "irssi"; }}; }};
channels = ( {{ name = "#tea"; chatnet = "relay"; autojoin = "yes"; }} );
settings = {{ core = {{ real_name = "I"; user_name = "i"; nick = "irssi"; }};
  "irc/core" = {{ cmd_queue_speed = "10msec"; cmds_max_at_once = "100"; }};
}};
"""


class ClientTestCase(SynchronousTestCase):
    """A relay, with ann in the room who waits for the program."""

    def setUp(self) -> None:
        folder = Folder()
        self.addCleanup(folder.clean)
        self.server = Server(folder)
        self.addCleanup(self.server.clean)
        self.home = Path(mkdtemp(prefix="relaychat-client-"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.ann = self.server.plain()
        self.addCleanup(self.ann.close)
        self.ann.ask("welcome", kind="hello", nick="ann")
        self.ann.ask("room", kind="join", room="#tea")

    def run_client(self, *command: str, tty: int | None = None) -> None:
        """Run a program until the test ends, in a folder of its own."""
        if shutil.which(command[0]) is None:
            raise SkipTest(f"{command[0]} is not installed")
        process = subprocess.Popen(
            command,
            stdin=tty if tty is not None else subprocess.DEVNULL,
            stdout=tty if tty is not None else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(self.home), "TERM": "xterm"},
            start_new_session=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def pin(self) -> str:
        """The fingerprint of the relay's certificate."""
        path = self.server.folder.data / "development.pem"
        return fingerprint(path)

    def check_talk(self, nick: str, version: str) -> None:
        """The program comes in, hears a question and answers it; then both leave."""
        ann: Peer = self.ann
        self.assertEqual(ann.until("joined")["sender"], nick)
        ann.say(kind="send", room="#tea", text=CTCP_VERSION)
        said = ann.until("said")
        while said["sender"] != nick:
            said = ann.until("said")
        self.assertEqual(said.get("kind"), "notice")
        self.assertRegex(said["text"], f"^\x01VERSION {version}")


class WeeChatTests(ClientTestCase):
    """WeeChat, without its screen."""

    def start(self, *options: str, door: str) -> None:
        """Have it connect and join."""
        address = f"127.0.0.1/{self.server.doors[door]}"
        added = " ".join([f"/server add relay {address}", *options])
        self.run_client(
            *("weechat-headless", "--dir", str(self.home)),
            *("--run-command", f"{added} -nicks=weechat -autojoin=#tea"),
            *("--run-command", "/connect relay"),
        )

    def word(self) -> str:
        """How this version calls TLS."""
        program = shutil.which("weechat-headless")
        if program is None:
            raise SkipTest("weechat-headless is not installed")
        version = subprocess.check_output([program, "--version"], text=True)
        return "ssl" if int(version.partition(".")[0]) < 4 else "tls"

    def test_plain(self) -> None:
        """In plain."""
        self.start(f"-no{self.word()}", door="irc")
        self.check_talk("weechat", "WeeChat")

    def test_tls(self) -> None:
        """With TLS, and the certificate that the relay shows at its start."""
        pin = self.pin().replace(":", "").lower()
        word = self.word()
        self.start(f"-{word}", f"-{word}_fingerprint={pin}", door="irc, TLS")
        self.check_talk("weechat", "WeeChat")


class IrssiTests(ClientTestCase):
    """irssi, on a terminal that nobody looks at."""

    def start(self, tls: bool) -> None:
        """Have it connect and join."""
        door = "irc, TLS" if tls else "irc"
        text = IRSSI.format(
            port=self.server.doors[door], tls="yes" if tls else "no",
            pin=self.pin() if tls else "",
        )  # fmt: skip
        config = self.home / "config"
        config.write_text(re.sub(r' tls_pinned_cert = "";', "", text))
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        self.run_client("irssi", "--home", str(self.home), tty=theirs)
        os.close(theirs)

    def test_plain(self) -> None:
        """In plain."""
        self.start(tls=False)
        self.check_talk("irssi", "irssi")

    def test_tls(self) -> None:
        """With TLS, and the certificate that the relay shows at its start."""
        self.start(tls=True)
        self.check_talk("irssi", "irssi")
