"""Relays that are found over real networks: namespaces of the kernel, joined by
cables."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.integration.namespaces import Machine, Network, why_not
from tests.integration.server import PATIENCE_S, TWISTD

CONFIG = """
[server]
name = "{name}"
data = "{data}"
[limits.guard]
sockets = 10
[[listen]]
dialect = "native"
endpoint = '{kind}:7601:interface={interface}'
tls = "default"
[[listen]]
dialect = "irc"
endpoint = "tcp:6667:interface=127.0.0.1"
{more}
"""
HOLD = """
import select, socket, sys
held = [socket.create_connection(("127.0.0.1", 6667)) for _ in range(int(sys.argv[1]))]
for number, one in enumerate(held):
    one.sendall(b"NICK guest%d\\r\\nUSER g 0 * :g\\r\\n" % number)
print("held", flush=True)
while True:
    for one in select.select(held, [], [])[0]:
        for line in one.recv(65536).split(b"\\r\\n"):
            if line.startswith(b"PING"):
                one.sendall(b"PONG" + line[4:] + b"\\r\\n")
"""
BROWSE = """
import sys, time
from zeroconf import ServiceBrowser, Zeroconf
found = {}
def changed(zeroconf, service_type, name, state_change):
    info = zeroconf.get_service_info(service_type, name)
    if info is not None:
        found[name] = (info.parsed_addresses(), info.port, info.decoded_properties)
zeroconf = Zeroconf(sys.argv[1:])
ServiceBrowser(zeroconf, "_relaychat._tcp.local.", handlers=[changed])
until = time.monotonic() + 20
while len(found) < 3 and time.monotonic() < until:
    time.sleep(0.05)
zeroconf.close()
for name, (addresses, port, said) in sorted(found.items()):
    print(name, addresses, port, said["name"], said["tls"], len(said["fingerprint"]))
"""

BUS = """<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
 <type>system</type><listen>{}</listen><auth>EXTERNAL</auth>
 <policy context="default">
  <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
  <allow own="*"/><allow user="*"/>
 </policy>
</busconfig>
"""


BY_UDP = ("--json", "--no-mdns", "--wait", "0.6")


def named(lines: str) -> dict[str, dict[str, Any]]:
    """What ``discover --json`` has written, by the relays' names."""
    found = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
    return {one["name"]: one for one in found}


class NetworkCase(SynchronousTestCase):
    """Machines, and a folder for their data."""

    if why_not():
        skip = why_not()

    def setUp(self) -> None:
        self.folder = Path(mkdtemp(prefix="relaychat-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.network = Network()
        self.addCleanup(self.network.clean)
        self.client = self.network.machine("client")

    def start(
        self,
        machine: Machine,
        name: str,
        interface: str = "0.0.0.0",
        more: str = "",
        kind: str = "tcp",
    ) -> subprocess.Popen[str]:
        """Start a relay on a machine."""
        file = self.folder / f"{name}.toml"
        file.write_text(
            CONFIG.format(
                name=name,
                data=self.folder / name,
                kind=kind,
                interface=interface,
                more=more,
            )
        )
        return machine.start(
            *TWISTD, "--nodaemon", "--pidfile=", "relaychat", "--config", str(file)
        )

    def up(self, process: subprocess.Popen[str]) -> None:
        """Wait until a relay is up."""
        assert process.stdout is not None
        told = []
        for line in process.stdout:
            told.append(line)
            if '"type":"send"' in line:
                return
        self.fail("".join(told))

    def ask(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Search on the client's machine."""
        return self.client.python("-m", "relaychat", "discover", *options)

    def found(self, *options: str) -> dict[str, dict[str, Any]]:
        """What is found there by UDP, by name."""
        return named(self.ask(*BY_UDP, *options).stdout)


class ThreeRelaysTests(NetworkCase):
    """A machine with three networks of different sizes, and a relay in each."""

    def setUp(self) -> None:
        super().setUp()
        self.relays = {name: self.network.machine(name) for name in "abc"}
        self.names = [
            self.network.cable(self.client, self.relays[name], near, far)[0]
            for name, near, far in (
                ("a", "192.168.7.2/24", "192.168.7.1/24"),
                ("b", "172.16.0.2/16", "172.16.200.1/16"),
                ("c", "10.0.0.9/30", "10.0.0.10/30"),
            )
        ]
        self._behind_a_router()
        started = [
            self.start(machine, f"relay-{name}.example", more=more)
            for (name, machine), more in zip(
                self.relays.items(),
                ("[discovery]\nnetworks = ['10.50.0.0/24']", "", ""),
                strict=True,
            )
        ]
        for process in started:
            self.up(process)
        for name, count in (("a", 8), ("b", 5)):
            self._hold(self.relays[name], count)

    def _behind_a_router(self) -> None:
        """The client and two of the relays have a second way to each other, over a
        router."""
        router = self.network.machine("router")
        self.network.cable(self.client, router, "10.50.0.2/24", "10.50.0.1/24")
        router.write("/proc/sys/net/ipv4/ip_forward", "1")
        self.client.ip("route", "add", "10.60.0.0/16", "via", "10.50.0.1")
        for number, name in ((0, "a"), (1, "b")):
            relay, net = self.relays[name], f"10.60.{number}"
            self.network.cable(relay, router, f"{net}.2/24", f"{net}.1/24")
            relay.ip("route", "add", "10.50.0.0/24", "via", f"{net}.1")

    def _hold(self, machine: Machine, count: int) -> None:
        """Keep a relay busy with so many connections."""
        holder = machine.start(sys.executable, "-c", HOLD, str(count))
        assert holder.stdout is not None
        self.assertEqual(holder.stdout.readline(), "held\n")

    def test_the_right_one_is_found(self) -> None:
        """All three are found, each by its own network and at its address there; the
        one with most room is the best, and chat goes to it."""
        found = self.found()
        self.assertEqual(
            {name: (one["server"], one["by"]) for name, one in found.items()},
            {
                "relay-a.example": ("tls:192.168.7.1:7601", [self.names[0]]),
                "relay-b.example": ("tls:172.16.200.1:7601", [self.names[1]]),
                "relay-c.example": ("tls:10.0.0.10:7601", [self.names[2]]),
            },
        )
        sessions = {name: one["sessions"] for name, one in found.items()}
        self.assertEqual(sorted(sessions.values()), [0, 5, 8])
        for one in found.values():
            self.assertEqual([door["dialect"] for door in one["doors"]], ["native"])
            self.assertEqual(one["capacity"], 10)
            self.assertLess(abs(one["skew_ms"]), 1000)

        self._at_the_same_time()

    def _at_the_same_time(self) -> None:
        """What needs nothing of each other is done at once, since most of it waits."""
        networks = ("192.168.7.2", "172.16.0.2", "10.0.0.9")
        browser = self.client.start(sys.executable, "-c", BROWSE, *networks)
        refused = self._chat("refused")
        secret = self._chat("secret", "--trust-new", password="x")
        trusted = self._chat("trusted", "--trust-new")
        asked = ("--ask", "10.60.0.2", "--ask", "10.60.1.2")
        unicast = self._start("discover", *BY_UDP, "--interface", "lo", *asked)

        self._by_mdns(self.client.end(browser))
        text = self.client.end(refused)
        self.assertEqual(refused.returncode, 3, text)
        self.assertIn("tls:10.0.0.10:7601: the certificate is self", text)
        self.assertIn("announces the certificate", text)
        text = self.client.end(secret)
        self.assertEqual(secret.returncode, 2, text)
        self.assertIn("no password", text)
        text = self.client.end(trusted)
        self.assertEqual(trusted.returncode, 0, text)
        self.assertIn("ann on relay-c.example", text)
        self._by_unicast(named(self.client.end(unicast)))

    def _start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        return self.client.start(sys.executable, "-m", "relaychat", *words, env=env)

    def _chat(
        self, state: str, *more: str, password: str = ""
    ) -> subprocess.Popen[str]:
        """A guest is taken there; the certificate counts as it always does."""
        words = ("chat", "#tea", "--discover", "--nick", "ann", *more)
        env = {"RELAYCHAT_PASSWORD": password} if password else {}
        return self._start(*words, "--state", str(self.folder / state), **env)

    def _by_mdns(self, seen: str) -> None:
        """An mDNS browser that knows nothing of us sees the three announced."""
        lines = seen.splitlines()
        self.assertEqual(len(lines), 3, seen)
        self.assertIn("relay-b-example._relaychat._tcp.local.", lines[1])
        self.assertIn("'172.16.200.1'", lines[1])
        self.assertTrue(lines[1].endswith(" 7601 relay-b.example 1 64"), lines[1])

    def _by_unicast(self, found: dict[str, dict[str, Any]]) -> None:
        """Across a router a relay answers if its configuration names the network, and
        only then."""
        self.assertEqual(list(found), ["relay-a.example"])
        self.assertEqual(found["relay-a.example"]["server"], "tls:10.60.0.2:7601")
        self.assertEqual(found["relay-a.example"]["by"], ["10.60.0.2"])


class LinkTests(NetworkCase):
    """One relay, and what becomes of its link."""

    def setUp(self) -> None:
        super().setUp()
        self.relay = self.network.machine("relay")
        _, self.far = self.network.cable(
            self.client, self.relay, "10.0.0.1/20", "10.0.0.2/20"
        )

    def _until_at(self, server: str) -> None:
        """Search until the relay is found there."""
        until = time.monotonic() + PATIENCE_S
        while True:
            found = self.found("--wait", "0.3").get("tea.example", {}).get("server")
            if found == server:
                return
            self.assertLess(time.monotonic(), until, found)

    def test_come_and_go(self) -> None:
        """A relay is found again by an interface that went and came back with another
        address: its groups are joined anew. On a link without any addresses but IPv6's
        own, it is found and come in by all the same."""
        self.up(self.start(self.relay, "tea.example", "\\:\\:", kind="tcp6"))
        self._until_at("tls:10.0.0.2:7601")
        self.relay.ip("address", "flush", "dev", self.far)
        self.relay.ip("link", "set", self.far, "down")
        self.relay.ip("link", "set", self.far, "up")
        self.relay.ip("address", "add", "10.0.1.7/20", "dev", self.far)
        self._until_at("tls:10.0.1.7:7601")
        for machine, interface in ((self.client, "v0a"), (self.relay, self.far)):
            machine.ip("-4", "address", "flush", "dev", interface)
        best = self.ask("--best", "--no-mdns", "--wait", "0.6").stdout
        self.assertRegex(best, r"^tls:\[fe80::[0-9a-f:]+%v0a\]:7601\n$")
        state = str(self.folder / "state")
        chat = ("chat", "#tea", "--discover", "--trust-new", "--state", state)
        talked = self.client.run(sys.executable, "-m", "relaychat", *chat)
        self.assertIn(" on tea.example", talked.stdout, talked.stderr)

    def test_avahi(self) -> None:
        """Avahi, which is another implementation of mDNS, sees the relay announced."""
        for program in ("avahi-browse", "avahi-daemon", "dbus-daemon"):
            if shutil.which(program) is None:
                raise SkipTest(f"no {program} here")
        bus = f"unix:path={self.folder}/bus"
        (self.folder / "bus.conf").write_text(BUS.format(bus))
        address = {"DBUS_SYSTEM_BUS_ADDRESS": bus}
        conf = f"--config-file={self.folder}/bus.conf"
        self.client.start("dbus-daemon", conf, "--nofork")
        self._wait_for(self.folder / "bus")
        alone = ("--no-drop-root", "--no-chroot", "--no-rlimits")
        self.client.start("avahi-daemon", *alone, env=address)
        self.up(self.start(self.relay, "tea.example"))
        until = time.monotonic() + PATIENCE_S
        seen, words = "", ("-rptk", "_relaychat._tcp")
        while '"name=tea.example"' not in seen and time.monotonic() < until:
            seen = self.client.run("avahi-browse", *words, env=address).stdout
        self.assertIn(";tea-example;_relaychat._tcp;local;relaychat-", seen)
        self.assertIn(".local;10.0.0.2;7601;", seen)

    def _wait_for(self, file: Path) -> None:
        until = time.monotonic() + PATIENCE_S
        while not file.exists():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)

    def test_nobody(self) -> None:
        """A relay of its own machine answers no other one; and who finds nobody is told
        where was asked, and what could not be."""
        self.up(self.start(self.relay, "tea.example", interface="127.0.0.1"))
        self.client.ip("route", "add", "prohibit", "239.255.0.0/16")
        done = self.ask("--wait", "0.8")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("no relay has answered", done.stderr)
        self.assertIn("broadcast to 10.0.15.255", done.stderr)
        self.assertIn("relaychat doctor lan", done.stderr)
        self.client.ip("link", "set", "v0a", "down")
        done = self.ask("--wait", "0.1")
        self.assertIn("No network interface is up", done.stderr)
