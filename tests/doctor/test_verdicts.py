"""Which findings make which verdict."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from relaychat.doctor.report import Outcome, Report, facts
from relaychat.doctor.verdicts import HINTS, VERDICTS, WELL, diagnose
from tests.doctor.cases import ALL_SILENT, SILENT, alone, report, row, target

REFUSED, UNREACHABLE = Outcome.REFUSED, Outcome.UNREACHABLE
DENIED, UNABLE = Outcome.DENIED, Outcome.UNABLE
NAMES = {"udp_port": "7602"}
LOST = {"udp": SILENT, "tcp": SILENT}


def silent(**more: Any) -> Any:
    return row(**{**ALL_SILENT, **more})


CASES: list[tuple[str, Report]] = [
    (WELL, report()),
    (WELL, report(row(multicast6=UNABLE, mdns=SILENT))),
    (WELL, report(to=target(given=False))),
    ("no_interface", alone()),
    ("no_interface", alone(row(up=False))),
    ("no_route", report(silent(routed=False), to=target(routed=False, **LOST))),
    (
        "wrong_interface",
        report(silent(), row("eth1", routed=False), to=target(**LOST)),
    ),
    (
        "wrong_interface",
        report(
            silent(), silent(name="eth1", routed=False, tcp=Outcome.OK),
            to=target(udp=UNREACHABLE, tcp=UNREACHABLE, neighbour="missing"),
        ),
    ),
    ("other_certificate", report(to=target(certificate="other"))),
    ("firewall_here", report(silent(), to=target(udp=DENIED))),
    ("firewall_here", report(to=target(tcp=DENIED))),
    ("firewall_here", alone(silent(broadcast=DENIED))),
    (
        "isolated",
        report(silent(wireless=True), to=target(neighbour="missing", **LOST),
               gateway="ok"),
    ),
    ("absent", report(silent(), to=target(neighbour="missing", **LOST), gateway="ok")),
    ("not_listening", report(silent(), to=target(udp=REFUSED, tcp=REFUSED))),
    ("no_discovery", report(silent(), to=target(udp=REFUSED))),
    ("all_blocked", report(silent(), to=target(**LOST))),
    ("all_blocked", report(silent(), to=target(udp=REFUSED, tcp=SILENT))),
    ("tcp_blocked", report(to=target(tcp=SILENT))),
    ("tcp_blocked", report(to=target(tcp=REFUSED))),
    ("tls_fails", report(to=target(certificate="failed"))),
    ("udp_blocked", report(silent(), to=target(udp=SILENT))),
    ("other_network", report(silent(on_link=False), to=target(udp=SILENT))),
    ("other_network", report(silent(on_link=False))),
    ("broadcast_multicast_filtered",
     report(row(broadcast=SILENT, multicast4=SILENT, multicast6=SILENT))),
    ("broadcast_filtered", report(row(broadcast=SILENT))),
    ("multicast_filtered", report(row(multicast4=SILENT, multicast6=SILENT))),
    ("multicast_filtered", report(row(multicast4=SILENT))),
    ("multicast_filtered", report(row(multicast4=SILENT, multicast6=UNABLE))),
    ("silence", alone(silent(on_link=False, routed=False))),
]  # fmt: skip


class VerdictTests(SynchronousTestCase):
    def test_page(self) -> None:
        """The page lists all causes, in the order in which they are looked for."""
        page = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text()
        listed = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
        self.assertEqual(listed, list(dict.fromkeys(one.cause for one in VERDICTS)))

    def test_causes(self) -> None:
        """Each finding has its cause."""
        for cause, found in CASES:
            told, _ = diagnose(found, NAMES)
            self.assertEqual(told.cause, cause, facts(found))

    def test_every_rule_is_tried(self) -> None:
        """There is a case for each cause, and no rule is behind one that hides it."""
        found = [facts(case) for _, case in CASES]
        tried = [next(rule for rule in VERDICTS if rule.fits(one)) for one in found]
        self.assertEqual([one.cause for one in VERDICTS if one not in tried], [])

    def test_words(self) -> None:
        """The texts name this network's own names, and whoever is ill gets a cure."""
        for cause, found in CASES:
            told, _ = diagnose(found, NAMES)
            self.assertNotIn("{", told.says + told.cure)
            self.assertEqual(bool(told.cure), cause != WELL)
        told, _ = diagnose(CASES[6][1], NAMES)
        self.assertIn("10.0.0.2 answers on eth1", told.says)
        self.assertIn("sends to it by eth0", told.says)
        self.assertIn("ip route replace 10.0.0.2 dev eth1", told.cure)
        told, _ = diagnose(report(row(multicast4=SILENT)), NAMES)
        self.assertIn("(IPv4)", told.says)
        told, _ = diagnose(CASES[5][1], NAMES)
        self.assertIn("(10.0.0.1/24)", told.says)

    def test_facts_are_words(self) -> None:
        """What rules look for are facts that there are, with words that they have."""
        known: dict[str, set[str]] = {}
        for _, found in [*CASES, ("", alone(row(default=True, tunnel=True)))]:
            for name, word in facts(found).items():
                known.setdefault(name, set()).add(word)
        for rule in (*VERDICTS, *HINTS):
            for name, words in rule.when.items():
                self.assertIn(name, known, rule)
                self.assertTrue(words.split(), rule)

    def hints(self, found: Report) -> list[str]:
        """The causes of the hints."""
        _, hints = diagnose(found, NAMES)
        for hint in hints:
            self.assertNotIn("{", hint.says + hint.cure)
        return [hint.cause for hint in hints]

    def test_hints(self) -> None:
        """What may have to do with it is told beside the verdict."""
        self.assertEqual(self.hints(report()), [])
        missing = target(neighbour="missing", **LOST)
        nobody = silent(on_link=False, routed=False)
        for found, hints in (
            (report(row(default=True, tunnel=True)), ["tunnel"]),
            (report(silent(), to=missing, gateway="ok"), ["isolation"]),
            (report(silent(wireless=True), to=missing, gateway="ok"), []),
            (alone(nobody, gateway="ok"), ["isolation"]),
            (alone(nobody, gateway="silent"), ["no_gateway"]),
            (report(row(mdns=SILENT)), ["mdns"]),
            (report(row(), row("wlan0", up=False, routed=False)), ["down"]),
            (report(row(), row("x", up=False, routed=False, addresses=())), []),
        ):
            self.assertEqual(self.hints(found), hints, facts(found))
