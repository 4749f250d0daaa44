"""The command, and the client's tap, against the real server."""

from __future__ import annotations

import hashlib
import json
import signal
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.server import (
    PATIENCE_S,
    ROOT,
    TWISTD,
    Folder,
    Peer,
    Server,
    environment,
)

MAIN = (sys.executable, "-c", "from relaychat.client.command import main; main()")
PASSWORD = "a long pass phrase"
ROOM = "#ops"


class ClientCase(SynchronousTestCase):
    """A relay with the account ``ann``, and the command beside it."""

    def setUp(self) -> None:
        self.folder = Folder()
        self.addCleanup(self.folder.clean)
        self.server = self.serve()
        self.account("ann")

    def serve(self) -> Server:
        server = Server(self.folder)
        self.addCleanup(server.clean)
        return server

    def account(self, name: str) -> None:
        self.output("ctl", "account", name, login=False, stdin=f"{PASSWORD}\n")

    def start(
        self, *words: str, login: bool = True, name: str = "", **streams: Any
    ) -> subprocess.Popen[str]:
        """Start the command, logged in as ``ann`` or as a guest of the login name."""
        home = {"RELAYCHAT_STATE": str(self.folder.path / "state"),
                "RELAYCHAT_SERVER": f"unix:{self.folder.data}/native.sock",
                "RELAYCHAT_DATA": str(self.folder.data)}  # fmt: skip
        if login:
            home |= {"RELAYCHAT_NICK": "ann", "RELAYCHAT_PASSWORD": PASSWORD}
        if name:
            home["LOGNAME"] = name
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **streams}
        process = subprocess.Popen(
            [*MAIN, *words],
            cwd=self.folder.path,
            env={**environment(), **home},
            stderr=subprocess.PIPE,
            text=True,
            **streams,
        )
        self.addCleanup(self.reap, process)
        return process

    def reap(self, process: subprocess.Popen[str]) -> None:
        if process.poll() is None:
            process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None and not stream.closed:
                stream.close()
        process.wait()

    def finish(
        self, *words: str, stdin: str = "", login: bool = True, name: str = ""
    ) -> Any:
        """Run the command to its end: exit code, output, notes."""
        process = self.start(*words, login=login, name=name)
        out, notes = process.communicate(stdin, timeout=PATIENCE_S)
        return process.returncode, out, notes

    def output(
        self, *words: str, stdin: str = "", login: bool = True, name: str = ""
    ) -> str:
        """Run the command, which has to succeed; what it wrote."""
        code, out, notes = self.finish(*words, stdin=stdin, login=login, name=name)
        self.assertEqual(code, 0, notes)
        return str(out)

    def texts(self) -> list[str]:
        """All that was said in the room."""
        lines = self.output("history", ROOM, "-n", "0", "--json").splitlines()
        events = [json.loads(line) for line in lines]
        self.assertEqual(
            [one["seq"] for one in events], list(range(1, len(events) + 1))
        )
        return [event["text"] for event in events if event["type"] == "said"]

    def watcher(self) -> Peer:
        """Somebody in the room who reads along."""
        peer = self.server.unix()
        self.addCleanup(peer.close)
        peer.ask("welcome", kind="hello", nick="watcher")
        peer.ask("room", kind="join", room=ROOM)
        return peer

    def see(self, peer: Peer, count: int) -> None:
        """Read until so much was said."""
        for _ in range(count):
            peer.until("said")


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
            (2, ("send", ROOM, "x", "--server", "bogus"), "tcp:HOST:PORT"),
            (2, ("send", ROOM, "x", "--server", "tls:nowhere"), "tls:HOST:PORT"),
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


class ChatTests(ClientCase):
    def test_conversation(self) -> None:
        """A script of lines is a conversation, answered in its order."""
        script = [
            "before any room", f"/join {ROOM}", "hello", "//slashed", "", "/me waves",
            "/topic tea", "/names", "/rooms", "/who ann", "/nick ann2",
            "/msg ann2 psst", "/nonsense", "/help", "/who nobody",
            f"/part {ROOM} bye", "/quit", "unsaid",
        ]  # fmt: skip
        code, out, notes = self.finish("chat", stdin="\n".join(script))
        self.assertEqual(code, 0)
        for text in (
            "join #room first", "in #ops with 1 member", "#ops <ann> hello",
            "#ops <ann> /slashed", "#ops * ann waves", "set the topic: tea",
            "ann (owner)", "#ops (1) tea", "ann is online, account ann",
            "ann is now ann2", "<ann2> psst", "there is no /nonsense",
            "/quit [REASON]: leave",
        ):  # fmt: skip
            self.assertIn(text, out)
        self.assertIn("no_such_user", notes)
        self.assertNotIn("unsaid", out)

    def test_own_lines_around_a_part(self) -> None:
        """What was said before a part is shown before it, and what is typed after it
        goes nowhere until there is a room again."""
        script = [
            f"/join {ROOM}", "one", "/part", f"/join {ROOM}", "two", "/part so",
            "/join #ops2", "/part", "nowhere", "/part", "/part #never",
        ]  # fmt: skip
        code, out, notes = self.finish("chat", stdin="\n".join(script))
        self.assertEqual((code, notes), (0, ""))
        lines = [line[9:] for line in out.splitlines() if line[:1].isdigit()]
        self.assertEqual(
            lines,
            [
                "#ops <ann> one", "#ops <-- ann left", "#ops <ann> two",
                "#ops <-- ann left (so)", "#ops2 <-- ann left",
            ],
        )  # fmt: skip
        self.assertEqual(out.count("you are in no room; /join #room first"), 2)
        self.assertIn("you are not in #never", out)

    def test_commands_that_lack_a_word(self) -> None:
        """What a command needs is said by its line of the help."""
        for line in ("/join", "/msg", "/msg ann", "/me", "/nick", "/who"):
            out = self.output("chat", stdin=line)
            self.assertIn(f"-- {line.split()[0]} ", out)
            code, _, notes = self.finish("chat", "--json", stdin=line)
            self.assertEqual(code, 0)
            self.assertIn(f"relaychat: {line.split()[0]} ", notes)

    def test_topic(self) -> None:
        """/topic shows the topic, sets it, and removes it when asked to, not before."""
        script = ["/topic", f"/join {ROOM}", "/topic", "/topic tea", "hello", "/quit"]
        self.assertIn("there is no topic", self.output("chat", stdin="\n".join(script)))
        out = self.output("chat", stdin="/topic\n/topic -\n")
        self.assertIn("the topic: tea", out)
        self.assertIn("ann removed the topic", out)

    def test_speaks_where_it_is(self) -> None:
        """Who is in rooms already speaks in the first of them, and elsewhere after a
        join or a part; a room that refuses us changes nothing."""
        self.output("send", ROOM, "hello")
        self.output("send", "#tea", "hello")
        script = ["a", "/join #tea", "b", "/part", "c", "/join ops", "/join @ann", "d"]
        code, out, notes = self.finish("chat", stdin="\n".join(script))
        self.assertEqual(code, 0, notes)
        self.assertIn("bad_name", notes)
        for text in ("#ops <ann> a", "#tea <ann> b", "#ops <ann> c", "@ann <ann> d"):
            self.assertIn(text, out)

    def test_json(self) -> None:
        """With --json each line is an object."""
        out = self.output("chat", ROOM, "--json", stdin="hello\n/rooms\n")
        words = [json.loads(line) for line in out.splitlines()]
        self.assertEqual({"said", "rooms"} - {word["type"] for word in words}, set())

    def test_closed_room(self) -> None:
        """A room that does not let us in is told, and the rest goes on."""
        code, _, notes = self.finish("chat", stdin="/join #\nx\n/rooms\n")
        self.assertEqual(code, 0)
        self.assertIn("bad_name", notes)


class TailTests(ClientCase):
    def read(self, tail: subprocess.Popen[str], count: int) -> list[str]:
        """So many messages."""
        assert tail.stdout is not None
        texts: list[str] = []
        while len(texts) < count:
            event = json.loads(tail.stdout.readline())
            if event["type"] == "said":
                texts.append(event["text"])
        return texts

    def test_through_a_restart(self) -> None:
        """It follows through kill -9 of the server, and goes on at its cursor when it
        is started anew."""
        self.output("send", ROOM, "one")
        tail = self.start("tail", ROOM, "--json", "--since", "0", "--cursor", "cursor")
        self.assertEqual(self.read(tail, 1), ["one"])
        self.server.end(signal.SIGKILL)
        self.server = self.serve()
        self.output("send", ROOM, "two")
        self.assertEqual(self.read(tail, 1), ["two"])
        tail.send_signal(signal.SIGINT)
        _, notes = tail.communicate(timeout=PATIENCE_S)
        self.assertEqual(tail.returncode, 130, notes)
        self.assertIn("connected again", notes)
        self.output("send", ROOM, "three")
        tail = self.start("tail", ROOM, "--json", "--since", "0", "--cursor", "cursor")
        self.assertEqual(self.read(tail, 1), ["three"])
        tail.send_signal(signal.SIGTERM)
        self.assertEqual(tail.wait(PATIENCE_S), 143)

    def test_nobody_reads(self) -> None:
        """When its output is closed it ends at once, without a traceback."""
        self.output("send", ROOM, "one")
        tail = self.start("tail", ROOM, "--since", "0")
        assert tail.stdout is not None
        assert tail.stderr is not None
        tail.stdout.readline()
        tail.stdout.close()
        self.assertEqual(tail.wait(PATIENCE_S), 141)
        self.assertEqual(tail.stderr.read(), "")

    def test_put_out(self) -> None:
        """Put out of the room, it says so and ends."""
        self.account("bob")
        self.output("send", ROOM, "one")
        tail = self.start("tail", ROOM, "--nick", "bob", "--json")
        assert tail.stdout is not None
        watcher = self.watcher()
        ann = self.server.unix()
        self.addCleanup(ann.close)
        ann.ask("welcome", kind="hello", nick="ann", password=PASSWORD)
        while "bob" not in str(watcher.ask("members", kind="members", room=ROOM)):
            watcher.until("joined")
        ann.say(kind="kick", room=ROOM, nick="bob")
        self.assertEqual(tail.wait(PATIENCE_S), 1)


class PipeTests(ClientCase):
    lines = [f"line {number}" for number in range(6000)]

    def test_file_and_kill(self) -> None:
        """Killed in the middle and started again on the same file, every line is in the
        log once, and another run adds nothing."""
        path = self.folder.path / "input"
        path.write_text("".join(f"{line}\n" for line in self.lines))
        self.output("send", ROOM, "begin")
        watcher = self.watcher()
        pipe = self.start("pipe", ROOM, "--from", "input")
        self.see(watcher, 500)
        pipe.kill()
        pipe.wait()
        code, _, notes = self.finish("pipe", ROOM, "--from", "input")
        self.assertEqual(code, 0)
        self.assertIn("going on behind message", notes)
        self.assertEqual(self.texts(), ["begin", *self.lines])
        self.output("pipe", ROOM, "--from", "input")
        self.assertEqual(self.texts(), ["begin", *self.lines])

    def test_changed_file(self) -> None:
        """A file that is not what it was is refused, and sent anew when told so."""
        path = self.folder.path / "input"
        path.write_text("".join(f"{line}\n" for line in self.lines))
        self.output("send", ROOM, "begin")
        watcher = self.watcher()
        pipe = self.start("pipe", ROOM, "--from", "input")
        self.see(watcher, 3000)
        pipe.kill()
        pipe.wait()
        path.write_text("short\n")
        code, _, notes = self.finish("pipe", ROOM, "--from", "input")
        self.assertEqual(code, 4)
        self.assertIn("--fresh", notes)
        self.output("pipe", ROOM, "--from", "input", "--fresh")
        self.assertEqual(self.texts()[-1], "short")

    def test_file_that_was_sent(self) -> None:
        """Run again, a file that was sent to its end is not sent twice: what was added
        is, and all of it if one says so, or if it is another file."""
        path = self.folder.path / "input"
        path.write_text("one\ntwo\n")
        pipe = ("pipe", ROOM, "--from", "input")
        self.output(*pipe)
        code, _, notes = self.finish(*pipe)
        self.assertEqual((code, self.texts()), (0, ["one", "two"]))
        self.assertIn("2 messages of this file were sent before", notes)
        path.write_text("one\ntwo\nthree\n")
        self.output(*pipe)
        self.assertEqual(self.texts(), ["one", "two", "three"])
        self.output(*pipe, "--fresh")
        self.assertEqual(self.texts()[3:], ["one", "two", "three"])
        path.write_text("other\n")
        self.output(*pipe)
        self.assertEqual(self.texts()[6:], ["other"])

    def test_file_for_another_room(self) -> None:
        """What one room has got another one has not; nor has a room of the same name
        that was closed meanwhile."""
        (self.folder.path / "input").write_text("one\n")
        watcher = self.server.unix()
        self.addCleanup(watcher.close)
        watcher.ask("welcome", kind="hello", nick="watcher")
        for room in ("#tea", "#milk", "#tea"):
            watcher.ask("room", kind="join", room=room)
            code, _, notes = self.finish(
                "pipe", room, "--from", "input", "--nick", "guest", login=False
            )
            self.assertEqual((code, watcher.until("said")["text"]), (0, "one"), notes)
            watcher.ask("ok", kind="part", room=room)

    def test_live_and_kill(self) -> None:
        """Lines of a live stdin that were spooled are sent by the next run, first."""
        self.output("send", ROOM, "begin")
        watcher = self.watcher()
        pipe = self.start("pipe", ROOM)
        assert pipe.stdin is not None
        pipe.stdin.write("one\n")
        pipe.stdin.flush()
        self.see(watcher, 1)
        self.server.end(signal.SIGKILL)
        pipe.stdin.write("two\nthree\n")
        pipe.stdin.flush()
        self.spooled("three")
        pipe.kill()
        pipe.wait()
        self.server = self.serve()
        self.output("pipe", ROOM, stdin="four\n")
        self.assertEqual(self.texts(), ["begin", "one", "two", "three", "four"])

    def spooled(self, text: str) -> None:
        """Return when this line is in the spool, and with it all before."""
        (path,) = self.folder.path.glob("state/*/ann/pipe-0.db")
        while True:
            with closing(sqlite3.connect(path)) as db:
                found = db.execute("SELECT 1 FROM spool WHERE text = ?", (text,))
                if found.fetchone():
                    return

    def test_replayed(self) -> None:
        """A stdin that is the same at each run goes on behind what the log holds."""
        self.output("send", ROOM, "begin")
        watcher = self.watcher()
        pipe = self.start("pipe", ROOM, "--replay")
        assert pipe.stdin is not None
        pipe.stdin.write("one\ntwo\n")
        pipe.stdin.flush()
        self.see(watcher, 2)
        pipe.kill()
        pipe.wait()
        self.output("pipe", ROOM, "--replay", stdin="one\ntwo\nthree\n")
        self.assertEqual(self.texts(), ["begin", "one", "two", "three"])

    def test_any_bytes(self) -> None:
        """Empty, long, broken and control bytes arrive as far as a message can hold
        them, also from a file on stdin."""
        path = self.folder.path / "input"
        long = "ä" * 40_000
        path.write_bytes(b"\n\xff\r\na\x00b\x1b\n" + long.encode() + b"\nend")
        with path.open() as stdin:
            pipe = self.start("pipe", ROOM, stdin=stdin)
            self.assertEqual(pipe.wait(PATIENCE_S), 0)
        first, second, third, *pieces, last = self.texts()
        self.assertEqual((first, second, third), (" ", "\\xff", "a\\x00b\x1b"))
        self.assertEqual(("".join(pieces), last), (long, "end"))

    def test_refused_messages(self) -> None:
        """A room that is closed to us ends it; --keep-going leaves out what is
        refused."""
        code, _, notes = self.finish("pipe", "#", stdin="x\n")
        self.assertEqual(code, 1)
        self.assertIn("bad_name", notes)
        code, _, notes = self.finish("pipe", "@nobody", stdin="x\ny\n")
        self.assertEqual(code, 1)
        self.assertIn("message 1: ", notes)
        code, _, notes = self.finish(
            "pipe", "@nobody", "--keep-going", "--fresh", stdin="x\ny\n"
        )
        self.assertEqual(code, 1)
        self.assertIn("2 messages were refused", notes)


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
            tap.send_signal(signal.SIGINT)
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
            "import sys, relaychat.client.command;"
            "sys.stdout.write(str('twisted' in sys.modules))"
        )
        told = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
        )
        self.assertEqual(told.stdout, "False")
