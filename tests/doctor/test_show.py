"""A report as people and programs read it."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from relaychat.doctor.report import Outcome, Report
from relaychat.doctor.show import as_json, page
from relaychat.doctor.verdicts import diagnose
from tests.doctor.cases import SILENT, alone, report, row, target

PAGE = """\
                broadcast multicast mcast v6  mDNS      UDP       TCP
> eth0          yes       silent    silent    silent    yes       refused
    10.0.0.1/24, fe80::1/64
  wlan0         down
    10.1.0.1/24
  docker0       down, no address

To tea, 10.0.0.2:
> this machine sends by eth0
  UDP: yes; TCP to 10.0.0.2:7601: refused
  others: cup (10.0.0.3)

cause  TCP is blocked: 10.0.0.2 answers by UDP, and 10.0.0.2:7601 can't be
       connected to.
cure   Allow that TCP port in the firewall of 10.0.0.2, and see that the relay
       listens there.

also   mDNS has no answer: the relay does not announce itself (it needs the
       package zeroconf), or UDP port 5353 is filtered.
       It is needed only for programs that browse for services.

also   wlan0 has an address, and nothing at the other end.
       See to the cable or the Wi-Fi, if it should have.
"""


class ShowTests(SynchronousTestCase):
    def shown(self, found: Report) -> str:
        """The page of a report. No line of it is wider than a terminal."""
        text = page(found, *diagnose(found, {"udp_port": "7602"}))
        self.assertLess(max(map(len, text.splitlines())), 80)
        return text

    def test_page(self) -> None:
        """A matrix, what it is about, cause and cure."""
        found = report(
            row(multicast4=SILENT, multicast6=SILENT, mdns=SILENT,
                tcp=Outcome.REFUSED),
            row("wlan0", up=False, routed=False, addresses=("10.1.0.1/24",)),
            row("docker0", up=False, routed=False, addresses=()),
            to=target(tcp=Outcome.REFUSED, certificate="untold"),
            others=["cup (10.0.0.3)"],
        )  # fmt: skip
        self.assertEqual(self.shown(found), PAGE)

    def test_well(self) -> None:
        """When all is well, it says so, and what the certificate is worth."""
        text = self.shown(report())
        self.assertIn("with the certificate that it announces", text)
        self.assertTrue(
            text.endswith("All is well between this machine and 10.0.0.2.\n")
        )

    def test_nothing(self) -> None:
        """Without interfaces, and without anybody, there is a page as well."""
        self.assertIn("no interface but loopback", self.shown(alone()))
        self.assertIn("Nobody answers", self.shown(alone(row(routed=False))))

    def test_hostile_names(self) -> None:
        """What others call themselves does not reach the terminal as it is."""
        text = self.shown(report(to=target(name="a\x1b[2Jb"), others=["c\x07 (x)"]))
        self.assertIn("To a[2Jb, 10.0.0.2:", text)
        self.assertNotIn("\x07", text)

    def test_json(self) -> None:
        """Programs get all of it, in one object on one line."""
        found = report()
        text = as_json(found, *diagnose(found, {"udp_port": "7602"}))
        self.assertEqual(text.count("\n"), 1)
        told = json.loads(text)
        self.assertEqual(told["verdict"]["cause"], "all_well")
        self.assertEqual(told["interfaces"][0]["probes"]["tcp"], "ok")
        self.assertEqual(told["target"]["certificate"], "same")
