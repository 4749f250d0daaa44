"""``relaychat chat`` against the real server: scripts of lines."""

from __future__ import annotations

import json
import signal

from tests.integration.client import ROOM, ClientCase


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

    def test_restored(self) -> None:
        """After a restore the rooms are read anew: what was shown before, and what was
        said while nobody knew of the new epoch. Direct rooms are named by the other."""
        copy = str(self.folder.path / "copy.db")
        self.account("bob")
        self.output("send", ROOM, "kept")
        self.output("send", "@bob", "psst")
        self.output("backup", copy, login=False)
        chat = self.start("chat", ROOM)
        assert chat.stdout is not None and chat.stdin is not None
        while f"in {ROOM} with" not in chat.stdout.readline():
            pass
        self.assertEqual(self.server.end(signal.SIGTERM), 0)
        self.output("restore", copy, login=False)
        self.server = self.serve()
        shown: list[str] = []
        while not (" <ann> psst" in "".join(shown) and " <ann> kept" in "".join(shown)):
            shown.append(chat.stdout.readline())
            self.assertTrue(shown[-1], shown)
        for place in (ROOM, "@bob"):
            line = f"-- {place} began anew, or was restored from a copy: its latest"
            self.assertIn(line, "".join(shown))
        out, _ = chat.communicate("/quit\n")
        self.assertNotIn("@ann,", "".join(shown) + out)
        self.assertEqual(chat.returncode, 0)
