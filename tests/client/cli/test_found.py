"""What ``relaychat discover`` shows."""

from __future__ import annotations

import json
from math import inf

from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.cli.found import json_of, text_of
from relaychat.client.lan.findings import Findings, Found
from relaychat.wire.discovery import Answer, Door, Load, Room

PIN = "ab" * 32
ANSWER = Answer(
    name="tea.example",
    instance="0123456789abcdef",
    at=1_009_000,
    doors=(
        Door("native", "192.168.1.5", 7601, True, PIN),
        Door("irc", "192.168.1.5", 6697, True, PIN),
        Door("irc", "192.168.1.5", 6667),
    ),
    load=Load(3, 16_000, 82_000_000_000),
    rooms=(Room("#tea", 3), Room("#ops", 2)),
    more=4,
)


def heard() -> Found:
    findings = Findings(lambda found: None)
    findings.heard(ANSWER, "eth0", 0.002, 1_000_000)
    return findings.all()[0]


class ShownTests(SynchronousTestCase):
    maxDiff = None

    def test_text(self) -> None:
        """People see how full it is, how to come in, what it claims, its rooms, and
        that its clock is off."""
        self.assertEqual(
            text_of(heard()),
            "tea.example: 3 of 16,000 connections, 2.0 ms, 82.0 GB free, by eth0\n"
            "    relaychat chat --server tls:192.168.1.5:7601\n"
            f"    announces SHA-256 {':'.join(['AB'] * 32)}\n"
            "    irc 192.168.1.5 6697 TLS; irc 192.168.1.5 6667\n"
            "    #tea (3), #ops (2), and 4 more\n"
            "    its clock is 9 s ahead of ours\n",
        )

    def test_announced_only(self) -> None:
        """Of what is only announced no more is claimed to be known."""
        one = Found("tea", "0" * 16, by={"mdns": None})
        self.assertEqual(text_of(one), "tea: by mdns\n")
        shown = json.loads(json_of(one))
        self.assertEqual((shown["latency_ms"], shown["sessions"]), (None, None))
        self.assertEqual(one.latency_s, inf)

    def test_json(self) -> None:
        """Programs get one object a line, with everything, written as by all other
        commands: without spaces."""
        line = json_of(heard())
        self.assertEqual(line.count("\n"), 1)
        self.assertIn('"members":3', line)
        shown = json.loads(line)
        self.assertEqual(shown["server"], "tls:192.168.1.5:7601")
        self.assertEqual(shown["skew_ms"], 9001)
        self.assertEqual(shown["doors"][2]["port"], 6667)
        self.assertEqual(shown["rooms"][0], {"room": "#tea", "members": 3})
        self.assertEqual(shown["by"], ["eth0"])
