"""The checks find what they look for, and the dialects of the house pass them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from examples.shout import Shout
from relaychat.extend import Dialect, RelayError, commands, events, render, verb
from relaychat.session.control import Control
from relaychat.session.irc.dialect import Irc
from relaychat.session.native import Native
from relaychat.testing.conformance import CHECKS, DoesNotConform, check_dialect

ROOT = Path(__file__).parents[2]
HELLO = b'{"type":"hello","nick":"zed"}\n'
SEND = b'{"type":"send","room":"#tea","text":"hi","cid":1}\n'


class Cracks(Shout):
    """Can't take a word."""

    def iam(self, nick: str) -> commands.Hello:
        """See Shout."""
        return commands.Hello({"zed": "z"}[nick])


class ByPiece:
    """Takes whatever comes at a time for a frame."""

    def feed(self, data: bytes) -> Sequence[bytes | RelayError]:
        """See Framer."""
        return [piece for piece in data.split(b"\n") if piece]


class Hasty(Shout):
    """A line is what comes in one segment."""

    def framer(self) -> ByPiece:
        """See Dialect."""
        return ByPiece()


class Greedy:
    """Waits for the end of a frame of any length."""

    def __init__(self) -> None:
        self.held = b""

    def feed(self, data: bytes) -> Sequence[bytes | RelayError]:
        """See Framer."""
        *frames, self.held = (self.held + data).split(b"\n")
        return frames


class Endless(Shout):
    """Holds all of it."""

    def framer(self) -> Greedy:
        """See Dialect."""
        return Greedy()


class Hoarder(Shout):
    """Remembers each line."""

    def __init__(self, capabilities: frozenset[str] = frozenset()) -> None:
        super().__init__(capabilities)
        self.heard: list[bytes] = []

    def decode(self, frame: bytes) -> Sequence[Any]:
        """See Dialect."""
        self.heard.append(frame * 20)
        return super().decode(frame)


class Silent(Shout):
    """Does not say what was wrong."""

    @render(events.Fault)
    def fault(self, event: events.Fault) -> None:
        """Nothing."""


class Forgetful(Shout):
    """Shows every other message."""

    def encode(self, event: Any) -> bytes:
        """See Dialect."""
        Forgetful.count += 1
        return super().encode(event) if self.count % 2 else b""

    count: ClassVar[int] = 0


class Replaying(Shout):
    """Shows the past in other words."""

    def replay(self, event: Any) -> bytes:
        """See Form."""
        return b"once: " + self.encode(event)


class Sharing(Shout):
    """All sessions have one list."""

    everybody: ClassVar[list[str]] = []

    @verb("IAM <nick>")
    def iam(self, nick: str) -> commands.Hello:
        """See Shout."""
        self.everybody.append(nick)
        return commands.Hello(nick)


class Breaking(Shout):
    """Can't show anything that is said."""

    @render(events.Said)
    def said(self, event: events.Said) -> bytes:
        """Nothing."""
        raise KeyError("x")


class Personal(Shout):
    """Has a last word for those that it knows."""

    @render(events.Goodbye)
    def goodbye(self, event: events.Goodbye) -> str:
        """A line."""
        return f"goodbye, {self.session.name}"


class Choosy(Shout):
    """Can't show what is not ASCII."""

    @render(events.Said)
    def said(self, event: events.Said) -> bytes:
        """A line."""
        return f"{event.sender}: {event.text}\r\n".encode("ascii")


class Forging(Shout):
    """Lets texts make lines."""

    @render(events.TopicSet)
    def topic(self, event: events.TopicSet) -> bytes:
        """Several lines."""
        return f"topic: {event.text}\r\n".encode()


class Trusting(Shout):
    """Believes that its own kind of events is always as it makes them."""

    @render("tea/order")
    def order(self, event: events.Custom) -> str:
        """A line."""
        return f"{event.value['cups']} cups"


PLANTED: dict[str, list[type[Dialect]]] = {
    "fuzz": [Cracks, Hasty],
    "hello": [Cracks],
    "limits": [Endless],
    "memory": [Hoarder],
    "usage": [Silent],
    "order": [Forgetful],
    "backpressure": [Replaying],
    "apart": [Sharing],
    "renderers": [Choosy, Forging, Personal, Trusting],
}


class PlantedTests(SynchronousTestCase):
    """Each check finds what was planted for it."""

    def test_all_checks(self) -> None:
        """None is without."""
        self.assertEqual(list(PLANTED), list(CHECKS))

    def test_found(self) -> None:
        """It is found, whichever the seed; the report has the check's name."""
        for check, dialects in PLANTED.items():
            for dialect in dialects:
                for seed in range(3):
                    with self.assertRaises(DoesNotConform, msg=dialect) as caught:
                        check_dialect(dialect, seed, only=[check])
                    self.assertIn(f"FAIL  {check}", str(caught.exception))

    def test_where(self) -> None:
        """What a renderer raised is told before the event, however long that is, with
        the line of the dialect's own file."""
        with self.assertRaises(DoesNotConform) as caught:
            check_dialect(Breaking, only=["renderers"])
        self.assertRegex(
            str(caught.exception),
            r"Said could not be shown: KeyError: 'x' \(test_conformance.py, line \d+\)",
        )


class HouseTests(SynchronousTestCase):
    """The dialects that come with the relay, and the first example."""

    def test_shout(self) -> None:
        """The protocol in one file."""
        check_dialect(Shout)

    def test_irc(self) -> None:
        """IRC."""
        check_dialect(Irc, examples=[b"NICK zed\r\n", b"USER z 0 * :Zed\r\n"])

    def test_native(self) -> None:
        """The native words."""
        check_dialect(Native, examples=[HELLO, SEND])

    def test_control(self) -> None:
        """The owner's."""
        check_dialect(Control, examples=[b'{"type":"status"}\n'])


class CommandTests(SynchronousTestCase):
    """``relaychat test-dialect``."""

    def run_it(self, *arguments: str) -> tuple[int, str]:
        """The exit code, and what was written."""
        ended = subprocess.run(
            [sys.executable, "-m", "relaychat", "test-dialect", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            cwd=ROOT,
        )
        return ended.returncode, ended.stdout + ended.stderr

    def test_good(self) -> None:
        """All checks, and a conversation."""
        script = Path(self.mktemp())
        script.write_text("ann> IAM ann\nann> WHAT\nann< ! unknown_command: ...\n")
        code, told = self.run_it("examples.shout:Shout", "--script", str(script))
        self.assertEqual(code, 0, told)
        self.assertIn("shout, seed 0\n  ok    fuzz", told)
        self.assertIn(f"  ok    {script}\n", told)

    def test_bad(self) -> None:
        """What failed, and how to see it again."""
        name = "tests.testing.test_conformance:Silent"
        code, told = self.run_it(name, "--only", "usage", "--seed", "3")
        self.assertEqual(code, 1)
        self.assertIn("IAM without its arguments is not answered", told)
        again = f"again: relaychat test-dialect {name} --seed 3 --only usage\n"
        self.assertIn(again, told)

    def test_wrong(self) -> None:
        """No dialect, no such check."""
        self.assertEqual(self.run_it("pigeon")[0], 2)
        self.assertEqual(self.run_it("irc", "--only", "luck")[0], 2)
