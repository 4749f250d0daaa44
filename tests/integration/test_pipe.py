"""``relaychat pipe`` and ``tail`` against the real server, over any interruption."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from contextlib import closing

from tests.integration.client import PASSWORD, ROOM, ClientCase
from tests.integration.server import (
    PATIENCE_S,
)


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
        tail = self.start("tail", ROOM, "--json", "--after", "0", "--cursor", "cursor")
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
        tail = self.start("tail", ROOM, "--json", "--after", "0", "--cursor", "cursor")
        self.assertEqual(self.read(tail, 1), ["three"])
        tail.send_signal(signal.SIGTERM)
        self.assertEqual(tail.wait(PATIENCE_S), 143)

    def test_nobody_reads(self) -> None:
        """When its output is closed it ends at once, without a traceback."""
        self.output("send", ROOM, "one")
        tail = self.start("tail", ROOM, "--after", "0")
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
        pipe = self.start("pipe", ROOM, "--from", "input", killed=True)
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
        pipe = self.start("pipe", ROOM, "--from", "input", killed=True)
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
        pipe = self.start("pipe", ROOM, killed=True)
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
        pipe = self.start("pipe", ROOM, "--replay", killed=True)
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
