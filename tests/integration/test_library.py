"""The client library in a process of its own that is killed, beside a relay that is
killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import defaultdict

from tests.integration.client import PASSWORD, ROOM, ClientCase
from tests.integration.server import environment

PROGRAM = """
import sys
from itertools import islice
from twisted.internet import reactor
from twisted.internet.task import LoopingCall
from relaychat.client.api import Client
from relaychat.model.commands import Say
server, room, run, count = sys.argv[1:]
client = Client(reactor, server, "ann", password="%s", name="killed")
texts = iter(range(int(count)))
def talk():
    if len(client.unsent) > 500:
        return
    numbers = list(islice(texts, 20))
    client.send_all([Say(room, f"{run} {n}") for n in numbers])
    for n in numbers:
        print(run, n, flush=True)
    if not numbers and not client.unsent:
        print("all", flush=True)
        reactor.stop()
def joined(room):
    LoopingCall(talk).start(0.01)
client.connect()
client.join(room).addCallback(joined)
reactor.run()
"""


class LibraryTests(ClientCase):
    def program(self, run: str, count: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM % PASSWORD,
             f"unix:{self.folder.data}/native.sock", ROOM, run, str(count)],
            env={**environment(measured=True),
                 "RELAYCHAT_STATE": str(self.folder.path / "state")},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.addCleanup(self.reap, process)
        return process

    def read(self, process: subprocess.Popen[str], upto: int) -> list[str]:
        """What it says it has sent, until there is so much of it."""
        assert process.stdout is not None
        return [process.stdout.readline().strip() for _ in range(upto)]

    def test_both_are_killed(self) -> None:
        """What ``send`` returned from is in the log once and in order, through kills of
        the program and of the relay; and nobody sees anything twice."""
        sent: list[str] = []
        for run in ("a", "b"):
            process = self.program(run, 100_000)
            sent += self.read(process, 400)
            process.send_signal(signal.SIGKILL)
            process.wait()
        process = self.program("c", 100_000)
        sent += self.read(process, 100)
        self.server.end(signal.SIGKILL)
        sent += self.read(process, 300)
        process.kill()
        process.wait()
        self.server = self.serve()
        last = self.program("d", 40)
        sent += self.read(last, 40)
        out, errors = last.communicate(timeout=60)
        self.assertEqual((out, errors), ("all\n", ""))
        history = self.output("history", ROOM, "-n", "0", "--json", "--no-agent")
        events = map(json.loads, history.splitlines())
        said = [one["text"] for one in events if one["type"] == "said"]
        runs: dict[str, list[int]] = defaultdict(list)
        for text in said:
            run, number = text.split()
            runs[run].append(int(number))
        self.assertEqual([text[0] for text in said], sorted(text[0] for text in said))
        for run, numbers in runs.items():
            self.assertEqual(numbers, list(range(len(numbers))), run)
        self.assertLessEqual(set(sent), set(said))
