"""The scripts under examples/ that use the blocking client, beside a real relay."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.integration.client import PASSWORD, ROOM, ClientCase
from tests.integration.server import PATIENCE_S, environment

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
PRINT_FAILURES = """
import sys
from relaychat.client import blocking
from relaychat.client.api import CannotConnect
from relaychat.client.sending import RefusedByServer
from relaychat.model import commands, events
server, room = sys.argv[1:]
try:
    blocking.connect(server, "ann", password="wrong")
except CannotConnect as error:
    print("cannot connect" if "login_failed" in str(error) else error)
with blocking.connect(server, "ann", password="%s") as chat:
    try:
        chat.send("#nowhere", "x")
    except RefusedByServer as error:
        print("refused", error.fault.code in ("no_such_room", "not_in_room"))
    chat.join(room)
    chat.post(room, "posted")
    print(chat.wait(events.Said, room, own=True).text)
    try:
        chat.wait(events.Said, timeout_s=0.01)
    except TimeoutError as error:
        print(error)
    print([one.name for one in chat.rooms], chat.nick)
    print(type(chat.ask(commands.ListRooms())).__name__)
    print([type(one).__name__ for one in chat.history(room, after=1)])
"""

IN_THE_SHELL = """
import sys
from relaychat.client import blocking
try:
    blocking.connect("unix:/nowhere", "ann", timeout_s=0.3)
except TimeoutError as error:
    print(error)
chat = blocking.connect(sys.argv[1], "zoe")
print(chat)
try:
    chat.wait("said")
except TypeError as error:
    print(error)
chat.close()
chat.close()
print(chat)
try:
    chat.send("#tea", "x")
except RuntimeError as error:
    print(error)
"""


class ScriptTests(ClientCase):
    def script(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *words],
            env={
                **environment(),
                "RELAYCHAT_STATE": str(self.folder.path / "state"),
                "RELAYCHAT_PASSWORD": PASSWORD,
                "RELAYCHAT_NICK": "ann",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.reap, process)
        return process

    def place(self) -> str:
        return f"unix:{self.folder.data}/native.sock"

    def test_in_the_shell(self) -> None:
        """What one sees who tries it out: why there is no answer, what a client is,
        what was wrong with a call."""
        script = self.script("-c", IN_THE_SHELL, self.place())
        out, errors = script.communicate(timeout=PATIENCE_S)
        self.assertEqual(errors, "")
        self.assertEqual(
            out.splitlines(),
            [
                "no answer within 0.3 s: No such file or directory",
                f"<zoe at {self.place()}: connected>",
                "'said' is no class of events; events.Said is one",
                f"<zoe at {self.place()}: closed>",
                "this client is closed",
            ],
        )

    def test_notify(self) -> None:
        """A script tells a room something, and knows where it is in the log."""
        script = self.script(
            str(EXAMPLES / "notify.py"), self.place(), ROOM, "the backup is done"
        )
        out, errors = script.communicate(timeout=PATIENCE_S)
        self.assertEqual(errors, "")
        self.assertRegex(out, "^seq [0-9]+\n$")
        told = self.output("history", ROOM, "--json")
        self.assertEqual(json.loads(told.splitlines()[-1])["kind"], "notice")

    def test_hello(self) -> None:
        """A program on Twisted says hello, and knows that it was kept."""
        script = self.script(str(EXAMPLES / "hello.py"), self.place())
        out, errors = script.communicate(timeout=PATIENCE_S)
        self.assertEqual(errors, "")
        self.assertRegex(out, "(?m)^1 here, seq [0-9]+$")

    def test_ask(self) -> None:
        """A script asks, somebody answers, and it has the answer."""
        script = self.script(str(EXAMPLES / "ask.py"), self.place(), ROOM, "may I?")
        reader = self.start("tail", ROOM, "--json", "--after", "0", login=False)
        assert reader.stdout is not None
        for line in reader.stdout:
            if json.loads(line).get("text") == "may I?":
                self.output("send", ROOM, "yes", login=False, name="bob")
                break
        out, errors = script.communicate(timeout=PATIENCE_S)
        self.assertEqual((out, errors), ("bob: yes\n", ""))

    def test_failures(self) -> None:
        """What goes wrong is raised where it was asked for."""
        script = self.script("-c", PRINT_FAILURES % PASSWORD, self.place(), ROOM)
        out, errors = script.communicate(timeout=PATIENCE_S)
        self.assertEqual(errors, "")
        self.assertEqual(
            out.splitlines(),
            ["cannot connect", "refused True", "posted", "no Said within 0.01 s",
             "['#ops'] ann", "RoomList", "['Said']"],
        )  # fmt: skip
