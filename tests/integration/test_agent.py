"""The agent as people run it: the commands go through it, and it may die."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

from relaychat.client.agent.agent import answers
from relaychat.client.state import agent_socket
from tests.integration.client import PASSWORD, ROOM, ClientCase
from tests.integration.server import PATIENCE_S, environment

BENCHMARK = Path(__file__).parent.parent.parent / "benchmarks" / "kill_pipe.py"
TWIST = (sys.executable, "-m", "twisted", "relaychat-client")


class AgentTests(ClientCase):
    def setUp(self) -> None:
        super().setUp()
        self.place = f"unix:{self.folder.data}/native.sock"
        self.socket = agent_socket(self.folder.path / "state", self.place, "ann")

    def agent(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*TWIST, "--server", self.place, "--nick", "ann", ROOM],
            cwd=self.folder.path,
            env={
                **environment(),
                "RELAYCHAT_STATE": str(self.folder.path / "state"),
                "RELAYCHAT_PASSWORD": PASSWORD,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.addCleanup(self.reap, process)
        assert process.stdout is not None
        for line in process.stdout:
            if f"in {ROOM}" in line:
                break
        return process

    def test_commands_go_through_it(self) -> None:
        """The commands find the agent of their server and nick, need no password then,
        and are told otherwise by an option."""
        self.agent()
        self.assertTrue(answers(self.socket))
        self.assertEqual(stat.S_IMODE(os.stat(self.socket).st_mode), 0o600)
        self.output("send", ROOM, "through it", "--nick", "ann", login=False)
        self.output("send", ROOM, "past it", "--no-agent")
        told = self.output("history", ROOM, "--nick", "ann", "--json", login=False)
        events = map(json.loads, told.splitlines())
        texts = [one["text"] for one in events if one["type"] == "said"]
        self.assertEqual(texts, ["through it", "past it"])

    def test_netcat(self) -> None:
        """One line on the socket is enough."""
        self.agent()
        with socket.socket(socket.AF_UNIX) as program:
            program.settimeout(PATIENCE_S)
            program.connect(str(self.socket))
            program.sendall(b'{"type":"send","room":"#ops","text":"hi","id":1}\n')
            answer = json.loads(program.makefile("rb").readline())
        self.assertEqual((answer["type"], answer["id"]), ("ok", 1))

    def test_killed_in_the_middle(self) -> None:
        """``kill -9`` of the agent, of the relay and of the pipe lose and double
        nothing of what goes through them."""
        done = subprocess.run(
            [sys.executable, BENCHMARK, "--agent", "--lines", "3000", "--kills", "1",
             str(BENCHMARK)],
            env=environment(), capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("1 of the agent", done.stdout)
