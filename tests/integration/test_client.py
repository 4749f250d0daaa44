"""The command, and the client's tap, against the real server."""

from __future__ import annotations

import hashlib
import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.client import PASSWORD, ROOM, ClientCase
from tests.integration.server import (
    PATIENCE_S,
    ROOT,
    TWISTD,
    environment,
)


class OnceTests(ClientCase):
    def test_send_and_history(self) -> None:
        """What is sent is in the history, for people and for programs."""
        told = json.loads(self.output("send", ROOM, "hello", "--json"))
        self.assertEqual((told["type"], told["seq"]), ("ok", 2))
        self.output("send", ROOM, "waves", "--action")
        self.output("send", "@ann", "to myself")
        self.assertIn("* ann waves", self.output("history", ROOM))
        self.assertEqual(self.texts(), ["hello", "waves"])
        page = self.output("history", ROOM, "-n", "1", "--json")
        self.assertEqual(json.loads(page)["text"], "waves")
        page = self.output("history", ROOM, "--after", "1", "-n", "1", "--json")
        self.assertEqual(json.loads(page)["text"], "hello")
        self.assertEqual(self.output("history", ROOM, "--since", "2999-01-01"), "")
        self.assertIn("hello", self.output("history", ROOM, "--since", "2h"))
        self.assertEqual(self.output("history", ROOM, "--until", "2h"), "")

    def test_history_leaves_no_trace(self) -> None:
        """To read a log makes no room and no member: who is not in the room is refused,
        unless they say that they want to go in."""
        code, _, notes = self.finish("history", "#nosuch", "--join")
        self.assertEqual(code, 1)
        self.assertIn("no_such_room", notes)
        self.output("send", ROOM, "hello")
        self.output("history", ROOM)
        guest = ("history", ROOM, "--nick", "guest")
        code, out, notes = self.finish(*guest, login=False)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("--join", notes)
        rooms = self.output("ctl", "rooms", "--json").splitlines()
        self.assertEqual([json.loads(room)["seq"] for room in rooms], [2])
        self.assertIn("<ann> hello", self.output(*guest, "--join", login=False))

    def test_long_history(self) -> None:
        """A history of many pages is one, read from either end."""
        lines = [str(number) for number in range(1200)]
        self.output("pipe", ROOM, stdin="\n".join(lines))
        self.assertEqual(self.texts(), lines)
        latest = self.output("history", ROOM, "-n", "700", "--json").splitlines()
        self.assertEqual([json.loads(one)["text"] for one in latest], lines[-700:])

    def test_control(self) -> None:
        """The control socket tells of the server, makes accounts and stops it."""
        self.output("send", ROOM, "hello")
        self.assertIn("uptime_s", self.output("ctl", "status"))
        self.assertEqual(
            json.loads(self.output("ctl", "status", "--json"))["type"], "status"
        )
        self.assertIn(ROOM, self.output("ctl", "rooms"))
        rooms = [json.loads(self.output("ctl", "rooms", "--json"))]
        self.assertEqual([room["room"] for room in rooms], [ROOM])
        self.watcher()
        self.assertIn("watcher", self.output("ctl", "sessions"))
        self.assertIn('"watcher"', self.output("ctl", "sessions", "--json"))
        code, out, notes = self.finish("ctl", "invite")
        self.assertEqual((code, len(out.split())), (0, 1))
        self.assertIn("registration is closed here, with a ticket too", notes)
        code, _, notes = self.finish("ctl", "account", "bad name", stdin="x\n")
        self.assertEqual(code, 1, notes)
        self.output("ctl", "stop")
        self.assertEqual(self.server.end(), 0)
        code, _, notes = self.finish("ctl", "status")
        self.assertEqual(code, 3)
        self.assertIn("does the server run?", notes)

    def test_exit_codes(self) -> None:
        """Each kind of trouble has its exit code, and one line that says what it is."""
        cases: list[tuple[int, Sequence[str], str]] = [
            (1, ("send", ROOM, "x", "--password-file", "wrong"), "login_failed"),
            (1, ("send", "@nobody", "x"), "no_such_user"),
            (1, ("send", "#", "x"), "bad_name"),
            (2, ("send",), "Usage"),
            (2, ("history", ROOM, "--since", "yesterday"), "a time is written"),
            (3, ("send", ROOM, "x", "--server", "unix:no", "--timeout", "1"), "no a"),
            (4, ("tail", ROOM, "--cursor", "wrong"), "wrong"),
            (2, ("send", ROOM, "x", "--server", "bogus:x:y"), "tcp:HOST:PORT"),
            (2, ("send", ROOM, "x", "--server", "tls:nowhere:x"), "tls:HOST:PORT"),
            (2, ("send", ROOM, "x", "--server", "tls:h:1", "--ca", "none"), "none"),
            (2, ("send", ROOM, "x", "--server", "tls:h:1", "--fingerprint", "A"), "64"),
            (2, ("send", ROOM, "x", "--password-file", "none"), "none"),
            (2, ("send", ROOM, "x", "--fingerprint", "00"), "no TLS"),
            (4, ("pipe", ROOM, "--from", "none"), "none"),
            (4, ("pipe", ROOM, "--from", "."), "directory"),
            (4, ("send", ROOM, "x", "--state", "wrong"), "wrong"),
        ]  # fmt: skip
        (self.folder.path / "wrong").write_text("not it")
        for expected, words, text in cases:
            code, _, notes = self.finish(*words)
            self.assertEqual((code, words), (expected, words), notes)
            self.assertIn(text, notes)
            self.assertNotIn("Traceback", notes)

    def test_a_room_of_guests(self) -> None:
        """A guest who speaks to nobody is told that the room ends with it; where
        somebody stays there is nothing to tell."""
        code, _, notes = self.finish("send", "#nope", "hi", login=False, name="gast")
        self.assertEqual(code, 0)
        self.assertIn("#nope: only you, a guest, are in it", notes)
        self.output("send", ROOM, "hi")
        _, _, notes = self.finish("send", ROOM, "hi", login=False, name="gast")
        self.assertNotIn("only you", notes)

    def test_guests_find_a_nick(self) -> None:
        """A guest who named no nick takes another one; a named one is not changed."""
        peer = self.server.unix()
        self.addCleanup(peer.close)
        peer.ask("welcome", kind="hello", nick="somebody")
        out = self.output("chat", login=False, name="somebody")
        self.assertIn("you are somebody2", out)
        code, _, notes = self.finish(
            "send", ROOM, "x", "--nick", "somebody", "--timeout", "5", login=False
        )
        self.assertEqual(code, 1)
        self.assertIn("nick_in_use", notes)
        self.assertIn("--login", notes)


class TlsTests(ClientCase):
    def test_authority_and_pin(self) -> None:
        """TLS is checked: by an authority, by a fingerprint, or it is refused."""
        where = f"tls:localhost:{self.server.doors['native, TLS']}"
        pem = self.folder.data / "development.pem"
        certificate = pem.read_text()
        certificate = certificate[certificate.index("-----BEGIN CERTIFICATE") :]
        der = ssl.PEM_cert_to_DER_cert(certificate[: certificate.index("-----END")]
                                       + "-----END CERTIFICATE-----\n")  # fmt: skip
        pin = hashlib.sha256(der).hexdigest()
        send = ("send", ROOM, "x", "--server", where)
        self.output(*send, "--ca", str(pem))
        self.output(*send, "--fingerprint", pin.upper())
        for options, text in (
            ((), "self-signed"),
            (("--fingerprint", "0" * 64), "pin"),
        ):
            code, _, notes = self.finish(*send, *options)
            self.assertEqual(code, 3, notes)
            self.assertIn(text, notes)
            self.assertNotIn("trying again", notes)


class FollowTests(ClientCase):
    def test_example_follows_through_a_restart(self) -> None:
        """examples/follow.py shows every entry once, over kill -9 of the server."""
        self.output("send", ROOM, "one")
        follow = subprocess.Popen(
            [sys.executable, str(ROOT / "examples" / "follow.py"),
             str(self.folder.data / "native.sock"), ROOM, "ann"],
            env={**environment(), "RELAYCHAT_PASSWORD": PASSWORD},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.addCleanup(self.reap, follow)
        assert follow.stdout is not None
        while self.output("ctl", "sessions").count("ann") < 1:
            self.assertIsNone(follow.poll())
        self.output("send", ROOM, "two")
        self.server.end(signal.SIGKILL)
        self.server = self.serve()
        self.output("send", ROOM, "three")
        shown = [json.loads(follow.stdout.readline()) for _ in range(2)]
        self.assertEqual([one["text"] for one in shown], ["two", "three"])


class TapTests(ClientCase):
    def test_listens(self) -> None:
        """The client's tap follows rooms and logs what happens in them, and stops
        cleanly."""
        self.output("send", ROOM, "one")
        tap = subprocess.Popen(
            [*TWISTD, "--nodaemon", "--pidfile=", "relaychat-client", "--nick", "ear",
             "--server", f"unix:{self.folder.data}/native.sock",
             "--state", str(self.folder.path / "state"), ROOM],
            cwd=self.folder.path, env=environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            self.until(tap, "up as ear")
            self.until(tap, "in #ops")
            self.output("send", ROOM, "two")
            self.until(tap, "<ann> two")
            # Twisted leaves SIGINT alone where it is ignored, as in a job behind "&".
            tap.send_signal(signal.SIGTERM)
            rest, _ = tap.communicate(timeout=PATIENCE_S)
            self.assertIn("Server Shut Down", rest)
        finally:
            self.reap(tap)

    def until(self, tap: subprocess.Popen[str], text: str) -> None:
        assert tap.stdout is not None
        for line in tap.stdout:
            if text in line:
                return
        self.fail(f"no {text!r}")


class HelpTests(SynchronousTestCase):
    def test_help_is_quick(self) -> None:
        """Help needs neither Twisted nor a server."""
        code = (
            "import sys, relaychat.client.cli.command;"
            "sys.stdout.write(str('twisted' in sys.modules))"
        )
        told = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
        )
        self.assertEqual(told.stdout, "False")
