"""The command ``relaychat`` in a folder of its own, beside a real relay."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.server import (
    PATIENCE_S,
    Folder,
    Peer,
    Server,
    environment,
)

MAIN = (sys.executable, "-c", "from relaychat.app.command import main; main()")
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
        self,
        *words: str,
        login: bool = True,
        name: str = "",
        killed: bool = False,
        **streams: Any,
    ) -> subprocess.Popen[str]:
        """Start the command, logged in as ``ann`` or as a guest of the login name;
        unobserved, if it will be killed."""
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
            env={**environment(measured=killed), **home},
            stderr=subprocess.PIPE,
            text=True,
            **streams,
        )
        self.addCleanup(self.reap, process)
        return process

    def reap(self, process: subprocess.Popen[str]) -> None:
        if process.poll() is None:
            process.terminate()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None and not stream.closed:
                stream.close()
        process.wait(PATIENCE_S)

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
