"""The real server: ``twistd relaychat`` with its sockets, its database and its end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from relaychat.app.process import IN_DOUBT
from tests.integration.server import (
    PATIENCE_S,
    TWISTD,
    Folder,
    Peer,
    Server,
    environment,
)

DEVICE = "00112233445566778899aabbccddeeff"
IDLE_KIB = 60 * 1024
"""What an idle server may take (resident)."""


class ServerTestCase(SynchronousTestCase):
    """Tests with relays of their own."""

    def folder(self, more: str = "") -> Folder:
        """A folder that goes with the test."""
        folder = Folder(more)
        self.addCleanup(folder.clean)
        return folder

    def server(self, folder: Folder | None = None, *before: str, **how: bool) -> Server:
        """A relay that goes with the test."""
        server = Server(folder or self.folder(), *before, **how)
        self.addCleanup(server.clean)
        return server

    def come(self, peer: Peer, nick: str, **more: str) -> Peer:
        """Say hello, and wait for the welcome."""
        self.addCleanup(peer.close)
        peer.ask("welcome", kind="hello", nick=nick, **more)
        return peer


class TalkTests(ServerTestCase):
    """Everybody stands in the same rooms."""

    def test_every_door_leads_into_the_same_room(self) -> None:
        """TCP, TLS, a UNIX socket and IRC hear the same words."""
        server = self.server()
        peers = [
            self.come(server.plain(), "ann"),
            self.come(server.tls(), "bob"),
            self.come(server.unix(), "cat"),
        ]
        for peer in peers:
            peer.ask("room", kind="join", room="#tea")
        dan = server.irc()
        self.addCleanup(dan.close)
        dan.write("NICK dan\r\nUSER dan 0 * :Dan\r\nJOIN #tea")
        while " 366 " not in dan.line():
            pass
        dan.write("PRIVMSG #tea :two lumps, please")
        for peer in peers:
            said = peer.until("said")
            self.assertEqual(
                (said["sender"], said["text"]), ("dan", "two lumps, please")
            )
        peers[0].say(kind="send", room="#tea", text="milk?")
        while "milk?" not in (line := dan.line()):
            self.assertNotEqual(line, "")
        self.assertTrue(line.startswith(":ann!"), line)

    def test_account_from_the_control_socket(self) -> None:
        """An account is made on the control socket, and logged in to from outside."""
        server = self.server()
        control = server.unix("control.sock")
        self.addCleanup(control.close)
        control.ask("ok", kind="account", name="ann", password="tea for two")
        error = server.plain()
        self.addCleanup(error.close)
        refused = error.ask("error", kind="hello", nick="ann", password="coffee")
        self.assertEqual(refused["code"], "login_failed")
        self.come(server.plain(), "ann", password="tea for two")


class EndTests(ServerTestCase):
    """How a relay ends, and what is left of it."""

    def test_kill_9(self) -> None:
        """What was acknowledged before a kill -9 is there after it, once."""
        folder = self.folder()
        first = self.server(folder)
        ann = self.come(first.plain(), "ann", device=DEVICE)
        epoch = ann.ask("room", kind="join", room="#tea")["epoch"]
        done = ann.ask("ok", kind="send", room="#tea", text="one", cid=1)
        self.assertEqual(first.end(signal.SIGKILL), -signal.SIGKILL)

        second = self.server(folder)
        again = self.come(second.plain(), "ann", device=DEVICE)
        again.ask("resumed", kind="resume", rooms={"#tea": {"epoch": epoch, "seq": 0}})
        resent = again.ask("ok", kind="send", room="#tea", text="one", cid=1)
        self.assertEqual((resent["seq"], resent["duplicate"]), (done["seq"], True))
        page = again.ask("history", kind="history", room="#tea")
        texts = [entry.get("text") for entry in page["events"]]
        self.assertEqual(texts.count("one"), 1)

    def test_second_server_on_the_same_data(self) -> None:
        """A second server refuses to start, in one line, and the first goes on."""
        folder = self.folder()
        first = self.server(folder)
        second = self.server(folder, up=False)
        self.assertEqual(second.end(), 1)
        self.assertIn("can't start:", second.log())
        self.assertIn(
            f"in use by another server (process {first.process.pid})", second.log()
        )
        self.assertNotIn("Traceback", second.log())
        self.come(first.plain(), "ann")

    def test_signals(self) -> None:
        """SIGTERM and SIGINT end it cleanly; whoever is there hears why."""
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.server()
            ann = self.come(server.plain(), "ann")
            self.assertEqual(server.end(number), 0)
            self.assertIn(b"shutting_down", ann.rest())
            self.assertIn("stopped", server.log())
            self.assertFalse((server.folder.data / "native.sock").exists())

    def test_stop_by_control(self) -> None:
        """``stop`` on the control socket is answered, and ends it."""
        server = self.server()
        control = server.unix("control.sock")
        self.addCleanup(control.close)
        control.ask("ok", kind="stop")
        self.assertEqual(server.end(), 0)

    def test_failed_fsync(self) -> None:
        """When the disk fails, nothing is acknowledged any more, and the process ends
        with a code of its own; the log decides at the next start."""
        if shutil.which("strace") is None:
            raise SkipTest("strace is not installed")
        folder = self.folder()
        failing = "inject=fdatasync,fsync:error=EIO:when=60+"
        tracing = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", failing)
        server = self.server(folder, *tracing, measured=True)
        ann = self.come(server.plain(), "ann", device=DEVICE)
        ann.ask("room", kind="join", room="#tea")
        acknowledged = 0
        try:
            for cid in range(1, 200):
                ann.ask("ok", kind="send", room="#tea", text=f"line {cid}", cid=cid)
                acknowledged = cid
        except (AssertionError, OSError):
            pass
        self.assertEqual(server.end(), IN_DOUBT)
        self.assertIn("stopping at once", server.log())
        self.assertGreater(acknowledged, 0)

        healed = self.server(folder)
        ann = self.come(healed.plain(), "ann", device=DEVICE)
        kept = []
        for cid in range(1, acknowledged + 2):
            done = ann.ask("ok", kind="send", room="#tea", text=f"line {cid}", cid=cid)
            kept.append(done.get("duplicate", False))
        self.assertTrue(all(kept[:acknowledged]), kept)


class StartTests(ServerTestCase):
    """What is said when a relay can't start, and what it takes when it can."""

    def _ended(self, *arguments: str, folder: Folder) -> tuple[int, str]:
        ended = subprocess.run(
            [*TWISTD, "--nodaemon", "--pidfile=", "relaychat", *arguments],
            cwd=folder.path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        return ended.returncode, ended.stdout + ended.stderr

    def test_wrong_configuration(self) -> None:
        """A wrong key is one line and exit code 1."""
        folder = self.folder()
        folder.config.write_text("[server]\nnames = 1\n")
        code, told = self._ended("--config", "relay.toml", folder=folder)
        self.assertEqual(code, 1)
        self.assertEqual(
            told,
            "relaychat: relay.toml: server.names: there is no such key "
            "(did you mean name?)\n",
        )

    def test_port_in_use(self) -> None:
        """A door that can't be opened is one line and exit code 1."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            folder = self.folder()
            folder.config.write_text(
                f'[[listen]]\ndialect = "irc"\nendpoint = "tcp:{port}"\n'
            )
            code, told = self._ended("--config", "relay.toml", folder=folder)
        self.assertEqual(code, 1)
        self.assertIn("can't start: relay.toml: listen[0].endpoint: ", told)
        self.assertNotIn("Traceback", told)

    def test_unknown_dialect(self) -> None:
        """A dialect that nobody announces is named by its key."""
        folder = self.folder()
        folder.config.write_text('[[listen]]\ndialect = "morse"\nendpoint = "tcp:0"\n')
        code, told = self._ended("--config", "relay.toml", folder=folder)
        self.assertEqual(code, 1)
        self.assertIn(
            "can't start: relay.toml: listen[0].dialect: no dialect is called", told
        )

    def test_no_certificate(self) -> None:
        """A certificate that is not there is named by its key."""
        folder = self.folder('[tls.default]\ncertificate = "my.pem"')
        code, told = self._ended("--config", "relay.toml", folder=folder)
        self.assertEqual(code, 1)
        self.assertIn("can't start: relay.toml: tls.default: ", told)
        code, told = self._ended("--config", "relay.toml", "--check", folder=folder)
        self.assertEqual(code, 1)
        self.assertIn("relaychat: relay.toml: tls.default: ", told)

    def test_check(self) -> None:
        """A good configuration is called so; modules that it names may lie beside it,
        and nothing is left behind."""
        folder = self.folder('[hooks]\nbefore_say = ["house:quiet"]')
        (folder.path / "house.py").write_text("def quiet(*about):\n    return None\n")
        told = self._ended("--config", str(folder.config), "--check", folder=folder)
        self.assertEqual(told, (0, "relaychat: the configuration is good\n"))
        self.assertFalse(folder.data.exists())

    def test_no_log(self) -> None:
        """A log that can't be written is named by its key."""
        folder = self.folder('[log]\nfile = "no/where.log"')
        code, told = self._ended("--config", "relay.toml", folder=folder)
        self.assertEqual(code, 1)
        self.assertIn("relay.toml: log.file: no/where.log: No such file", told)

    def test_certificate_stays(self) -> None:
        """The development certificate is made once, for its owner's eyes only. Who has
        read the welcome can end the relay at once, and cleanly."""
        folder = self.folder()
        self.assertEqual(self.server(folder).end(signal.SIGTERM), 0)
        path = folder.data / "development.pem"
        made = path.read_bytes()
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.server(folder).end(signal.SIGTERM), 0)
        self.assertEqual(path.read_bytes(), made)

    def test_json_log(self) -> None:
        """With ``format = "json"`` every line of the log file is an object."""
        folder = self.folder('[log]\nformat = "json"\nfile = "relay.log"')
        code, _ = self._until_stopped(folder)
        self.assertEqual(code, 0)
        lines = (folder.path / "relay.log").read_text().splitlines()
        self.assertTrue(any("SIGTERM" in str(json.loads(line)) for line in lines))

    def _until_stopped(self, folder: Folder) -> tuple[int, str]:
        """Run a relay in the background, see it up, and stop it."""
        pid_file = folder.path / "relay.pid"
        started = subprocess.run(
            [
                *TWISTD,
                *(f"--pidfile={pid_file}", "relaychat", "--config", "relay.toml"),
            ],
            cwd=folder.path,
            env=environment(),
            timeout=PATIENCE_S,
            capture_output=True,
            text=True,
        )
        if started.returncode:
            return started.returncode, started.stdout + started.stderr
        with socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(PATIENCE_S)
            raw.connect(str(folder.data / "native.sock"))
            os.kill(int(pid_file.read_text()), signal.SIGTERM)
            while raw.recv(4096):
                pass
        return 0, ""

    def test_memory(self) -> None:
        """An idle server is small."""
        server = self.server(measured=True)
        status = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
        resident = next(line for line in status if line.startswith("VmRSS"))
        self.assertLess(int(resident.split()[1]), IDLE_KIB)
