"""Programs as bots: what they are given, what they may do, how they end."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.bots.bot import (
    FIRST_DELAY_S,
    LAUNCH,
    LONGEST_DELAY_S,
    Bot,
    name_of,
)
from relaychat.client.bots.deliveries import SENDS, WINDOW, Bucket
from relaychat.client.bots.poison import PoisonLine
from relaychat.client.bots.program import LINE_BYTES, Options
from tests.client.test_api import ClientTestCase


class Process:
    """A bot's program, played by the test."""

    def __init__(self, protocol: Any, environment: dict[str, str]) -> None:
        self.pid = None
        self.protocol = protocol
        self.environment = environment
        self.reading = True
        self.over = False
        self._told: list[dict[str, Any]] = []
        protocol.makeConnection(self)

    def write(self, data: bytes) -> None:
        self._told += [json.loads(line) for line in data.splitlines()]

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True

    def told(self) -> list[str]:
        """The texts that it was given since the last look."""
        told, self._told = self._told, []
        return [word["text"] for word in told if word["type"] == "said"]

    def say(self, *words: dict[str, Any]) -> None:
        lines = b"".join(json.dumps(word).encode() + b"\n" for word in words)
        self.protocol.outReceived(lines)

    def end(self) -> None:
        self.over = True
        self.protocol.processEnded(Failure(ProcessDone(0)))


HELLO = {"type": "hello"}
DONE = {"type": "done"}


def send(text: str) -> dict[str, Any]:
    return {"type": "send", "room": "#tea", "text": text}


class BotTests(ClientTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.processes: list[Process] = []
        self.bob = self.up("bob", "#tea")
        self.heard_by_bob = self.heard(self.bob)
        self.bot = self.start()

    @property
    def program(self) -> Process:
        return self.processes[-1]

    # The bot's reactor.

    def seconds(self) -> float:
        return self.place.clock.seconds()

    def callLater(self, delay: float, call: Any, *arguments: Any) -> Any:
        return self.place.clock.callLater(delay, call, *arguments)

    def spawnProcess(
        self, protocol: Any, path: str, words: list[str], env: dict[str, str]
    ) -> None:
        self.processes.append(Process(protocol, env))

    def start(self, **options: Any) -> Bot:
        client = self.client("ann", "bot", by_hand=True)
        bot = Bot(self, client, ["prog"], Options(rooms=("#tea",), **options))
        self.running = Deferred.fromCoroutine(bot.run())
        self.place.run()
        return bot

    def said(self, *texts: str) -> None:
        for text in texts:
            self.bob.send("#tea", text)
        self.place.run()

    def over(self, why: str) -> None:
        """It was ended, for this reason."""
        self.assertIn(why, self.program.protocol._why)
        self.program.end()
        self.place.run()

    def test_given_and_done(self) -> None:
        """It is given what others say, once it said hello, and what it says is sent."""
        self.said("one")
        self.assertEqual(self.program.told(), [])
        self.program.say(HELLO)
        self.place.run()
        self.said("two")
        self.assertEqual(self.program.told(), ["one", "two"])
        self.program.say(send("to one"), DONE, DONE, send("by itself"))
        self.place.run()
        self.assertEqual([text for _, text in self.heard_by_bob],
                         ["one", "two", "to one", "by itself"])  # fmt: skip
        self.assertEqual(self.program.told(), [])

    def test_comes_again(self) -> None:
        """Without its ``done`` a line comes again, and what was sent for it is not."""
        self.program.say(HELLO)
        self.said("one", "two")
        self.program.say(DONE, send("half an answer"))
        self.program.end()
        self.place.advance(FIRST_DELAY_S)
        self.program.say(HELLO)
        self.place.run()
        self.assertEqual(self.program.told(), ["two"])
        self.program.say(send("a whole answer"), DONE)
        self.place.run()
        self.assertEqual(self.heard_by_bob[-1], ("ann", "a whole answer"))
        self.assertEqual(len(self.heard_by_bob), 3)

    def test_both_or_neither(self) -> None:
        """``kill -9`` of the supervisor at any point leaves an answer and its line
        done, or neither."""
        self.program.say(HELLO)
        self.said("one", "two")
        self.program.say(send("answer"), DONE)
        self.crash(self.bot.client)
        self.bot = self.start()
        self.place.advance(1)
        self.program.say(HELLO)
        self.place.run()
        self.assertEqual(self.program.told(), ["two"])
        self.assertEqual([text for _, text in self.heard_by_bob],
                         ["one", "two", "answer"])  # fmt: skip

    def test_window(self) -> None:
        """A slow bot is given a few lines ahead, and the rest from the log."""
        self.program.say(HELLO)
        self.place.run()
        texts = [str(n) for n in range(100)]
        self.said(*texts)
        told = self.program.told()
        self.assertLessEqual(len(told), WINDOW)
        for _ in texts:
            if not self.bot.program or self.bot.program.deliveries.idle:
                break
            self.program.say(DONE)
            self.place.advance(1)
            told += self.program.told()
        self.assertEqual(told, texts)

    def up_again(self) -> list[str]:
        """It is started again and says hello; what it is given."""
        for _ in range(int(LONGEST_DELAY_S) + 1):
            if not self.program.over:
                break
            self.place.advance(1)
        self.program.say(HELLO)
        self.place.run()
        return self.program.told()

    def die(self, times: int) -> None:
        """It is given lines, and dies before it is done with the oldest."""
        for _ in range(times):
            self.up_again()
            self.program.end()

    def test_set_aside(self) -> None:
        """A line that it died on so often is set aside as it was given, and it goes on
        with the next; what it was done with in between is not counted."""
        self.said("poison", "two", "three")
        self.die(9)
        path = self.bot.poison.path
        self.assertFalse(path.exists())
        self.die(1)
        self.assertEqual(json.loads(path.read_text())["text"], "poison")
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.die(9)
        self.assertEqual(self.up_again(), ["two"])
        self.program.say(DONE)
        self.program.end()
        self.die(2)
        self.assertEqual(len(path.read_text().splitlines()), 1)
        self.assertEqual(self.up_again(), ["three"])
        self.program.say(DONE)
        self.program.end()
        self.assertEqual(self.bot.poison.deaths, 0)

    def test_one_at_a_time(self) -> None:
        """Once it died with lines left it is given one at a time, so the one that it
        dies on is known, though it may be given others ahead."""
        self.said("one", "poison", "three")
        for _ in range(30):
            told = self.up_again()
            while told and "poison" not in told:
                self.program.say(DONE)
                self.place.run()
                told = self.program.told()
            if not told:
                break
            self.program.end()
        aside = self.bot.poison.path.read_text().splitlines()
        self.assertEqual([json.loads(line)["text"] for line in aside], ["poison"])

    def test_never_set_aside(self) -> None:
        """If it is told so, a line comes for ever; and so it does if the file can't be
        written."""
        self.bot.poison = PoisonLine(self.bot.poison.path, 0)
        self.said("poison")
        self.die(30)
        self.assertFalse(self.bot.poison.path.exists())
        self.bot.poison = PoisonLine(self.bot.poison.path.parent / "no" / "such", 2)
        self.die(5)
        self.assertEqual(self.up_again(), ["poison"])

    def test_no_hello(self) -> None:
        """A program that does not come up in time is ended, and started again."""
        self.place.advance(10)
        self.over("no hello")
        self.place.advance(FIRST_DELAY_S)
        self.assertEqual(len(self.processes), 2)

    def test_back_off(self) -> None:
        """The delay doubles until it is done with something."""
        for delay_s in (1, 2, 4):
            self.program.end()
            self.place.advance(delay_s - 0.5)
            count = len(self.processes)
            self.place.advance(0.5)
            self.assertEqual(len(self.processes), count + 1)

    def test_not_done_in_time(self) -> None:
        """A bot that hangs is ended."""
        self.program.say(HELLO)
        self.said("one")
        self.place.advance(301)
        self.over("no done")

    def test_wrong_words(self) -> None:
        """A bot that does not keep to the rules is ended: long lines, nonsense, a
        ``done`` for nothing, no hello, more than belongs to one line."""
        for words, why in (
            ([{"x": "y" * LINE_BYTES}], "a line of more"),
            ([HELLO, {"type": "what"}], "what"),
            ([HELLO, DONE], "without being given"),
            ([send("x")], "first word"),
        ):
            self.program.say(*words)
            self.over(why)
            self.place.advance(100)
        self.program.protocol._bucket = Bucket(1e6, 1e6, 0)
        self.program.say(HELLO)
        self.said("one")
        self.program.say(*[send("x")] * (SENDS + 1))
        self.over(f"more than {SENDS}")

    def test_rate(self) -> None:
        """A bot that says too much is not read for a while, and nothing is lost."""
        self.program.say(HELLO, *[send(str(n)) for n in range(300)])
        self.place.run()
        self.assertFalse(self.program.reading)
        self.assertEqual(len(self.heard_by_bob), 199)
        for _ in range(110):
            self.place.advance(0.05)
        self.assertTrue(self.program.reading)
        self.assertEqual(len(self.heard_by_bob), 300)

    def test_environment(self) -> None:
        """It inherits nothing that could be a secret."""
        self.assertLessEqual(
            set(self.program.environment), {"PATH", "LANG", "LC_ALL", "TZ"}
        )

    def test_name(self) -> None:
        """It is called by its script, so two scripts of one interpreter are two."""
        script = Path(self.mktemp()).with_name("dice.py")
        script.touch()
        self.assertEqual(name_of(["/bin/python3", "-u", str(script)]), "dice.py")
        self.assertEqual(name_of(["./prog", "--fast", "nothing.txt"]), "prog")

    def test_how_it_ended(self) -> None:
        """By itself, with a code, by a signal: in words."""
        for error, words in (
            (ProcessDone(0), "it ended;"),
            (ProcessTerminated(3, None), "it ended with exit code 3;"),
            (ProcessTerminated(None, 9), "it was ended by SIGKILL;"),
            (ProcessTerminated(None, 40), "it was ended by signal 40;"),
        ):
            told = StringIO()
            self.patch(sys, "stderr", told)
            self.program.protocol.processEnded(Failure(error))
            self.place.advance(60)
            self.assertIn(words, told.getvalue())

    def test_close(self) -> None:
        """It is ended with us."""
        self.running.cancel()
        self.failureResultOf(self.running, CancelledError)
        closed = Deferred.fromCoroutine(self.bot.close())
        self.assertNoResult(closed)
        self.program.end()
        self.place.run()
        self.successResultOf(closed)


class LaunchTests(SynchronousTestCase):
    def launch(self, memory: int, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-S", LAUNCH, str(memory), *words],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def test_group(self) -> None:
        """It leads a process group of its own."""
        code = "import os; print(os.getpgid(0) == os.getpid(), os.getsid(0) != 0)"
        self.assertEqual(
            self.launch(0, sys.executable, "-c", code).stdout, "True True\n"
        )

    def test_memory(self) -> None:
        """It can't take more memory than it may."""
        done = self.launch(200, sys.executable, "-c", "x = bytearray(300 << 20)")
        self.assertIn("MemoryError", done.stderr)

    def test_no_such_program(self) -> None:
        """What is not there is told."""
        done = self.launch(0, "/no/such/program")
        self.assertEqual(done.returncode, 127)
        self.assertIn("No such file", done.stderr)
