"""Events as lines, harmless to a terminal."""

import json

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.cli.show import (
    clean,
    clock_time,
    full_line,
    json_line,
    line,
    where,
)
from relaychat.model import events
from relaychat.model.policy import PolicyChange
from relaychat.model.words import Word

AT = 1_700_000_000_000


def said(text: str, **more: object) -> events.Said:
    return msgspec.convert(
        {"type": "said", "room": "#ops", "seq": 1, "at": AT, "sender": "ann",
         "text": text, **more},
        events.Said,
    )  # fmt: skip


class SafetyTests(SynchronousTestCase):
    def test_no_escapes(self) -> None:
        """What a terminal would obey, or would turn around, is taken out."""
        self.assertEqual(clean("\x1b[2J\x07red\x9b1m"), "[2Jred1m")
        self.assertEqual(clean("a\u202egnp.exe\u2066\u200f\u2028b"), "agnp.exeb")

    def test_one_event_one_line(self) -> None:
        """Further lines of a message can't be taken for other messages."""
        self.assertEqual(clean("a\n<bob> b\tc"), "a\n    <bob> b    c")

    def test_json_keeps_the_value(self) -> None:
        """In JSON the same characters are written as escapes, and the value is the
        same."""
        text = "a\u202eb\x9bc\x7f"
        shown = json_line(msgspec.json.encode({"text": text}))
        self.assertTrue(shown.isascii())
        self.assertEqual(json.loads(shown), {"text": text})


class LinesTests(SynchronousTestCase):
    def check(self, event: Word, expected: str) -> None:
        self.assertEqual(line(event), expected)

    def test_messages(self) -> None:
        """Texts, notices, actions, and what was removed."""
        self.check(said("hi"), "<ann> hi")
        self.check(said("hi", kind="notice"), "-ann- hi")
        self.check(said("waves", kind="action"), "* ann waves")
        self.check(said("", redacted=True), "<ann> [removed]")
        head = ("#ops", 2, AT, "bob")
        self.check(events.Edited(*head, 1, "ho"), "-- bob edited 1: ho")
        self.check(events.Redacted(*head, 1, "rude"), "-- bob removed 1 (rude)")
        self.check(events.Reacted(*head, 1, "+1"), "-- bob reacted +1 (to 1)")
        self.check(
            events.Reacted(*head, 1, "+1", removed=True), "-- bob took back +1 (to 1)"
        )

    def test_custom(self) -> None:
        """What nobody knows the meaning of is shown as JSON, and not endlessly."""
        head = ("#ops", 2, AT, "bob", "tea/order")
        self.check(events.Custom(*head, {"cups": 2}), '-- bob, tea/order: {"cups": 2}')
        self.check(
            events.Custom(*head, None, redacted=True), "-- bob, tea/order: (removed)"
        )
        long = f'-- bob, tea/order: "{"x" * 199}...'
        self.check(events.Custom(*head, "x" * 300), long)

    def test_rooms(self) -> None:
        """Who comes and goes, and what changes."""
        head = ("#ops", 2, AT, "bob")
        self.check(events.Joined(*head), "--> bob joined")
        self.check(events.Left(*head, "tea"), "<-- bob left (tea)")
        self.check(events.Kicked(*head, "eve"), "<-- bob put eve out")
        self.check(events.Renamed(*head, "rob"), "-- bob is now rob")
        self.check(events.TopicSet(*head, "tea"), "-- bob set the topic: tea")
        self.check(events.RoleSet(*head, "ann", "voice"), "-- bob made ann voice")
        self.check(
            events.PolicySet(*head, PolicyChange()), "-- bob changed the room's policy"
        )
        self.check(events.BanSet(*head, "eve"), "-- bob set the ban eve")
        self.check(
            events.BanSet(*head, "eve", removed=True, exception=True),
            "-- bob lifted the exception eve",
        )
        self.check(events.Invited(*head, "ann"), "-- bob invited ann")

    def test_others(self) -> None:
        """People, gaps, and what is not for us."""
        self.check(events.UserAway("bob", "tea"), "-- bob is away: tea")
        self.check(events.UserAway("bob"), "-- bob is back")
        self.check(events.UserPresence("bob", False), "-- bob is offline")
        self.check(events.UserPresence("bob", True), "-- bob is online")
        self.check(events.Invitation("#ops", "bob"), "-- bob invites you to #ops")
        self.check(events.Withheld("#ops", 1, 4), "-- 1 to 4 are not for you")
        self.check(
            events.Gap("#ops", 1, 4, "retention", "e"),
            "-- 1 to 4 can't be had (retention)",
        )
        anew = "-- the log began anew, or was restored from a copy"
        self.check(
            events.Gap("#ops", 3, 4, "reset", "e"),
            f"{anew}; 3 to 4 of it were not shown here",
        )
        self.check(events.Gap("#ops", 5, 4, "reset", "e"), anew)
        self.assertIsNone(full_line(events.Typing("#ops", "bob")))

    def test_every_log_event_has_a_line(self) -> None:
        """None of a log is passed over in silence."""
        from relaychat.client.cli.show import _LINES

        for kind in events.AnyLogEvent.__args__:
            self.assertIn(kind, _LINES)

    def test_full_line(self) -> None:
        """With time, and the room where one may follow several."""
        stamp = clock_time(AT)
        self.assertEqual(full_line(said("hi")), f"{stamp} <ann> hi")
        self.assertEqual(full_line(said("hi"), room=True), f"{stamp} #ops <ann> hi")
        dated = full_line(said("hi"), date=True) or ""
        self.assertRegex(dated, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d <ann> hi$")

    def test_direct_rooms_are_people(self) -> None:
        """A direct room is shown as the other one."""
        self.assertEqual(where(said("hi", room="@k1,k2", to="bob")), "@bob")
        gap = events.Gap("@ann,Bob", 1, 4, "reset", "e")
        self.assertEqual(where(gap, {"@ann,bob": "Bob"}), "@Bob")
        away = events.UserAway("bob")
        self.assertEqual(full_line(away, room=True), "-- bob is back")
