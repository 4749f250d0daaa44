"""Timers of dialects."""

from __future__ import annotations

from relaychat.extend import Dialect, commands, errors, events, render, verb
from relaychat.session.dialect import Asked
from relaychat.session.timers import TIMERS
from relaychat.testing.relay import RelayTestCase


class Egg(Dialect):
    """Reminds."""

    name = "egg"

    @verb("IAM <nick>")
    def iam(self, nick: str) -> Asked:
        """Say hello."""
        return commands.Hello(nick)

    @verb("BOIL <seconds> [<what>]", early=True)
    def boil(self, seconds: str, what: str = "done") -> Asked:
        """Say so in so many seconds."""
        self.timer = self.later(float(seconds), lambda: self.due(what))
        return None

    @verb("STOP", early=True)
    def stop(self) -> Asked:
        """Forget the last one."""
        self.timer.cancel()
        return None

    def due(self, what: str) -> Asked:
        """What becomes of it."""
        match what:
            case "tell":
                return commands.Say("@ann", "boiled")
            case "refuse":
                raise errors.Forbidden("raw")
            case "break":
                raise KeyError(what)
        return [what, "boiled"]

    @render(events.Said)
    def said(self, event: events.Said) -> str:
        """A line."""
        return f"{event.sender}: {event.text}"

    @render(events.Fault)
    def fault(self, event: events.Fault) -> str:
        """A line."""
        return f"! {event.code} {event.text}"


class TimerTests(RelayTestCase):
    """They come in their time, or not at all."""

    dialect = Egg

    def test_in_time(self) -> None:
        """What a call returns is carried out as if a verb had: answers, commands."""
        self.converse(
            """
            ann> BOIL 5
            -- 4.9 s
            -- 0.2 s
            ann< done
            ann< boiled
            ann> IAM ann
            ann> BOIL 3 tell
            -- 3 s
            ann< ann: boiled
            """
        )

    def test_errors(self) -> None:
        """A refusal is told, and a bug is reported, not told."""
        ann, wire = self.connect("ann")
        ann.dataReceived(b"BOIL 1 refuse\nBOIL 2 break\n")
        self.world.advance(2)
        self.assertEqual(wire.value(), b"! forbidden raw\r\n")
        [bug] = self.relay.bugs
        self.assertIn("a timer's call failed", bug)
        self.relay.bugs.clear()

    def test_cancelled(self) -> None:
        """By the dialect, once or twice, and by the end of the session."""
        ann, wire = self.connect("ann")
        ann.dataReceived(b"BOIL 1\nSTOP\nSTOP\nBOIL 2\n")
        ann.connectionLost()
        self.world.advance(3)
        self.assertEqual(wire.value(), b"")
        assert isinstance(ann.session.speech, Egg)
        ann.session.speech.boil("1")
        self.world.advance(3)
        self.assertEqual(wire.value(), b"")

    def test_so_many(self) -> None:
        """A session has so many at a time; those that are over make room."""
        ann, wire = self.connect("ann")
        ann.dataReceived(b"BOIL 1 tell\n" * (TIMERS + 1))
        self.assertEqual(
            wire.value(), b"! too_many this session has as many timers as it can\r\n"
        )
        self.world.advance(1)
        wire.clear()
        ann.dataReceived(b"BOIL 1 tell\n")
        self.world.advance(1)
        self.assertIn(b"boiled", wire.value())
