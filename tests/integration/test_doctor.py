"""``relaychat doctor lan`` on networks of our own, each of them broken in one way."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.integration.namespaces import Machine, Network, why_not
from tests.integration.server import PATIENCE_S, TWISTD, Folder

PEER, RELAY, ROUTER = "10.77.0.2", "10.77.0.3", "10.77.0.254"
DOCTOR = (sys.executable, "-m", "relaychat", "doctor", "lan")
DOOR = """
[[listen]]
dialect = "native"
endpoint = "tcp:7601:interface=0.0.0.0"
tls = "default"
[discovery]
mdns = false
"""

FILTERS = {
    "multicast": "meta pkttype multicast udp dport 7602 drop",
    "broadcast": "meta pkttype broadcast udp dport 7602 drop",
    "both": "meta pkttype { multicast, broadcast } udp dport 7602 drop",
    "udp": "udp dport 7602 drop",
    "tcp": "tcp dport 7601 drop",
    "all": "meta l4proto { tcp, udp } drop",
}
"""What the switch does not let through, of what comes from a machine."""
BRIDGE = """table bridge doctor {{
 chain forward {{
  type filter hook forward priority 0
  {}
 }}
}}
"""
HOST = """table inet doctor {{
 chain output {{
  type filter hook output priority 0
  {}
 }}
}}
"""
CAUSES = {
    "multicast": "multicast_filtered",
    "broadcast": "broadcast_filtered",
    "both": "broadcast_multicast_filtered",
    "udp": "udp_blocked",
    "tcp": "tcp_blocked",
    "all": "all_blocked",
}


class DoctorTests(SynchronousTestCase):
    """A LAN with a switch, a router, a relay, and the doctor's other end; and machines
    from which something is in the way."""

    if why_not():
        skip = why_not()
    elif shutil.which("nft") is None:
        skip = "no nft (nftables) here"

    def setUp(self) -> None:
        self.network = Network()
        self.addCleanup(self.network.clean)
        self.at: dict[str, Machine] = {}
        self.waiting: dict[str, subprocess.Popen[str]] = {}

    def machine(self, name: str) -> Machine:
        made = self.at[name] = self.network.machine(name)
        return made

    def build(self) -> None:
        """Machines at a switch; those with a filter have the addresses from 10 on."""
        ends = [
            (self.machine("peer"), f"{PEER}/24"),
            (self.machine("relay"), f"{RELAY}/24"),
            (self.machine("router"), f"{ROUTER}/24"),
            (self.machine("well"), "10.77.0.4/24"),
            (self.machine("found"), "10.77.0.8/24"),
            (self.machine("off"), "10.78.0.5/24"),
            (self.machine("apart"), "10.77.0.6/24"),
            (self.machine("denied"), "10.77.0.7/24"),
        ]
        ends += [
            (self.machine(name), f"10.77.0.{number}/24")
            for number, name in enumerate(FILTERS, 10)
        ]
        # Two interfaces with one network: the first one is taken, the second is right.
        two, elsewhere = self.machine("two"), self.machine("elsewhere")
        self.network.cable(two, elsewhere, "10.77.0.30/24", "10.77.0.39/24")
        ends.append((two, "10.77.0.31/24"))
        # Behind the router.
        far, router = self.machine("far"), self.at["router"]
        self.network.cable(far, router, "10.79.0.2/24", "10.79.0.1/24")
        self.machine("alone")
        names = self.network.switch(*ends)
        self.names = {end[0].name: name for end, name in zip(ends, names, strict=True)}
        self.serve()  # While the rest is built.
        far.ip("route", "add", "default", "via", "10.79.0.1")
        for one in ("peer", "relay", "apart"):
            self.at[one].ip("route", "add", "default", "via", ROUTER)
        router.write("/proc/sys/net/ipv4/ip_forward", "1")
        self.filter(self.network.machines[-1])
        for machine in self.at.values():
            self.settle(machine)

    def filter(self, switch: Machine) -> None:
        """Have the switch let through less. Stations that are kept apart reach the
        router, and not each other."""
        rules = "\n".join(
            f'iifname "{self.port(name)}" {rule}' for name, rule in FILTERS.items()
        )
        self.nft(switch, BRIDGE.format(rules))
        self.nft(self.at["denied"], HOST.format("udp dport 7602 drop"))
        for name in ("apart", "relay"):
            switch.ip("link", "set", self.port(name), "type", "bridge_slave",
                      "isolated", "on")  # fmt: skip

    def port(self, name: str) -> str:
        """The switch's end of a machine's cable."""
        return self.names[self.at[name].name][:-1] + "b"

    def nft(self, machine: Machine, rules: str) -> None:
        """Set rules, in the form of a file."""
        done = subprocess.run(
            machine.command("nft", "-f", "-"), input=rules, text=True,
            capture_output=True, timeout=PATIENCE_S,
        )  # fmt: skip
        if "not supported" in done.stderr:
            raise SkipTest(f"the kernel can't filter so: {done.stderr.strip()}")
        self.assertEqual(done.returncode, 0, done.stderr)

    def settle(self, machine: Machine) -> None:
        """Wait until the kernel has seen that the cables are plugged in."""
        end = time.monotonic() + PATIENCE_S
        while "LOWER_UP" not in machine.ip("link") or "state DOWN" in machine.ip(
            "link"
        ):
            if machine is self.at["alone"] or time.monotonic() > end:
                return
            time.sleep(0.02)

    def serve(self) -> None:
        """Start the relay, and the doctor's other end. Both follow what becomes of
        their interfaces."""
        folder = Folder()
        self.addCleanup(folder.clean)
        folder.config.write_text(f'[server]\ndata = "data"\n{DOOR}')
        self.relay = self.at["relay"].start(
            *TWISTD, "--nodaemon", "--pidfile=", "--rundir", str(folder.path),
            "relaychat", "--config", str(folder.config),
        )  # fmt: skip
        self.peer = self.at["peer"].start(*DOCTOR, "--listen")

    def until(self, process: subprocess.Popen[str], text: str) -> None:
        """Read what a process prints, up to a line with a text."""
        assert process.stdout is not None
        told = []
        for line in process.stdout:
            told.append(line)
            if text in line:
                return
        raise AssertionError("".join(told))

    def examine(self, name: str, *words: str) -> None:
        """Have the doctor look, at the same time as all others."""
        self.waiting[name] = self.at[name].start(*DOCTOR, "--json", *words)

    def found(self, name: str) -> Any:
        """What it has found: exit code and report."""
        process = self.waiting[name]
        out, _ = process.communicate(timeout=PATIENCE_S)
        report = json.loads(out.splitlines()[-1])
        well = report["verdict"]["cause"] == "all_well"
        self.assertEqual(process.returncode, 0 if well else 1, out)
        return report

    def test_causes(self) -> None:
        """Each cause is named, with its cure."""
        self.build()
        self.until(self.peer, "answering on")
        self.until(self.relay, '"type":"send"')
        for name in FILTERS:
            self.examine(name, PEER)
        for name in ("off", "two", "denied", "far", "alone"):
            self.examine(name, PEER)
        self.examine("well", RELAY)
        self.examine("apart", RELAY)
        self.examine("elsewhere")
        self.examine("found")
        expected = {
            **CAUSES,
            "off": "no_route",
            "two": "wrong_interface",
            "denied": "firewall_here",
            "far": "other_network",
            "alone": "no_interface",
            "well": "all_well",
            "apart": "absent",
            "elsewhere": "silence",
            "found": "all_well",
        }
        reports = {name: self.found(name) for name in expected}
        causes = {name: report["verdict"]["cause"] for name, report in reports.items()}
        self.assertEqual(causes, expected, json.dumps(reports, indent=1))
        self.check_words(reports)
        told = self.at["peer"].stop(self.peer)
        self.assertIn(f"10.77.0.10 asks by {self.names[self.at['peer'].name]}", told)

    def check_words(self, reports: Any) -> None:
        """What the reports say beside the cause."""
        two = reports["two"]["verdict"]
        first, second = reports["two"]["interfaces"]
        self.assertIn(f"answers on {second['name']}", two["says"])
        self.assertIn(f"sends to it by {first['name']}", two["says"])
        self.assertIn(f"replace {PEER} dev {second['name']}", two["cure"])
        hints = [hint["cause"] for hint in reports["apart"]["hints"]]
        self.assertEqual(hints, ["isolation"])
        target = reports["well"]["target"]
        self.assertEqual((target["certificate"], target["announced"]), ("same", True))
        self.assertIn("IPv4, IPv6", reports["multicast"]["verdict"]["says"])
        found, others = reports["found"]["target"], reports["found"]["others"]
        self.assertFalse(found["given"])
        self.assertIn(found["address"], (PEER, RELAY))
        self.assertTrue(any(PEER in one or RELAY in one for one in others), others)
