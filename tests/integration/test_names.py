"""Names in real name servers: the examples of ``docs/names.md``, and relays that are
found by them."""

from __future__ import annotations

import io
import json
import subprocess
import sys

from relaychat.app.certificate import make_authority, make_server
from relaychat.client.cli.lookup import lookup_job
from relaychat.client.cli.run import REFUSED, UNREACHABLE, Trouble
from relaychat.net.tls import colons
from tests.client.cli.test_pinning import Output
from tests.integration.client import MAIN
from tests.integration.nameservers import NameServerCase, free_port
from tests.integration.server import PATIENCE_S, ROOT, Folder, Server, environment
from tests.net.pki import NOW

EXAMPLES = ROOT / "examples" / "names"
FINGERPRINT = "fingerprint=" + ":".join(["AB:CD:EF:01:23:45:67:89"] * 4)
RELAYS = {
    ("_relaychat._tcp.example.org", "SRV", "10 60 7601 relay1.example.org"),
    ("_relaychat._tcp.example.org", "SRV", "20 0 7601 relay2.example.org"),
    ("_ircs._tcp.example.org", "SRV", "0 0 6697 relay1.example.org"),
}


class CommandCase(NameServerCase):
    """The command beside a name server."""

    port = 0

    def run_command(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        asked = {"RELAYCHAT_NAME_SERVER": f"127.0.0.1:{self.port}", **more}
        return subprocess.run(
            [*MAIN, *words], env={**environment(), **asked}, capture_output=True,
            text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip


class ExampleTests(CommandCase):
    """What the page says to publish is found, by the servers that it names."""

    def test_page(self) -> None:
        """The page shows these files."""
        page = (ROOT / "docs" / "names.md").read_text()
        for file in sorted(EXAMPLES.iterdir()):
            self.assertIn(f"```\n{file.read_text()}```", page)

    async def lookup(self, *asked: str | None) -> set[tuple[str, ...]]:
        """Look up a name and a type, as the command does: the fields of each line but
        the time."""
        from twisted.internet import reactor

        name, kind = (*asked, None)[:2]
        out = Output()
        self.patch(sys, "stdout", out)
        self.patch(sys, "stderr", io.StringIO())
        server = f"127.0.0.1:{self.port}"
        await lookup_job(str(name), kind, server, as_json=False)(reactor)
        cells = [line.split(maxsplit=3) for line in out.text().splitlines()]
        return {(one, kind, data) for one, _, kind, data in cells}

    async def fails(self, *asked: str) -> str:
        """What a look-up that fails says."""
        try:
            found = await self.lookup(*asked)
        except Trouble as failed:
            self.assertEqual(failed.code, REFUSED)
            return str(failed)
        raise AssertionError(found)

    async def check(self) -> None:
        """Look for all that both examples hold."""
        self.assertEqual(
            await self.lookup("example.org"),
            RELAYS | {("_relaychat._tcp.example.org", "TXT", f'"{FINGERPRINT}"')},
        )
        self.assertEqual(await self.lookup("example.org", "SRV"), RELAYS)
        self.assertEqual(
            await self.lookup("irc.example.org"),
            {("irc.example.org", "CNAME", "relay1.example.org"),
             ("relay1.example.org", "A", "192.0.2.10"),
             ("relay1.example.org", "AAAA", "2001:db8::10")},
        )  # fmt: skip
        back = ("10.2.0.192.in-addr.arpa", "PTR", "relay1.example.org  (and back)")
        self.assertEqual(await self.lookup("192.0.2.10"), {back})
        self.assertIn("no such name", await self.fails("nobody.example.org"))
        self.assertIn("refuses", await self.fails("example.com"))

    async def test_dnsmasq(self) -> None:
        """dnsmasq, by lines of its configuration."""
        self.port = self.dnsmasq((EXAMPLES / "dnsmasq.conf").read_text())
        await self.check()
        text = await self.fails("relay1.example.org", "MX")
        self.assertIn("no MX record", text)

    async def test_bind(self) -> None:
        """BIND, by zone files; it has more types than dnsmasq."""
        self.port = self.bind(
            **{"example.org": EXAMPLES / "example.org.zone",
               "2.0.192.in-addr.arpa": EXAMPLES / "2.0.192.in-addr.arpa.zone"},
        )  # fmt: skip
        await self.check()
        (found,) = await self.lookup("192.0.2.11")
        self.assertIn("BUT NOT BACK", found[2])
        mail = ("example.org", "MX", "10 mail.example.org")
        servers = ("example.org", "NS", "ns.example.org")
        self.assertEqual(await self.lookup("example.org", "MX"), {mail})
        self.assertEqual(await self.lookup("example.org", "NS"), {servers})
        self.assertLess({mail, servers}, await self.lookup("example.org", "ANY"))

    def test_quiet(self) -> None:
        """A domain that says that it has no relay is believed."""
        self.port = self.dnsmasq((EXAMPLES / "dnsmasq.conf").read_text())
        done = self.run_command("chat", "--server", "quiet.example.org")
        self.assertEqual(done.returncode, UNREACHABLE)
        self.assertIn("quiet.example.org says that it has no relay", done.stderr)
        done = self.run_command("trust", "quiet.example.org", "--yes")
        self.assertEqual(done.returncode, UNREACHABLE)
        done = self.run_command("lookup", "quiet.example.org", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual((found["type"], found["host"]), ("SRV", "."))


class RelayTests(CommandCase):
    """Relays that are found by their domain."""

    def setUp(self) -> None:
        self.folder = Folder('[tls.default]\ncertificate = "s.pem"\nkey = "s.key"\n')
        self.addCleanup(self.folder.clean)
        authority = make_authority("Tea", NOW)
        self.ca = self.folder.path / "ca.pem"
        self.ca.write_bytes(authority.certificate_pem())
        made = make_server("tea.test", ("tea.test",), NOW, authority)
        (self.folder.path / "s.pem").write_bytes(made.certificate_pem())
        (self.folder.path / "s.key").write_bytes(made.key_pem())
        self.fingerprint = colons(made.fingerprint)
        self.relay = Server(self.folder)
        self.addCleanup(self.relay.clean)

    def publish(self, domain: str, *more: str) -> None:
        """A domain whose first relay refuses, and whose second is ours."""
        service = f"_relaychat._tcp.{domain}"
        open_door = self.relay.doors["native, TLS"]
        self.port = self.dnsmasq(
            "\n".join(
                (f"srv-host={service},localhost,{free_port()},10",
                 f"srv-host={service},localhost,{open_door},20",
                 *(f"txt-record={service},{text}" for text in more))
            )
        )  # fmt: skip

    def send(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Send a message to the domain."""
        state = str(self.folder.path / "state")
        return self.run_command(
            "send", "#tea", "hello", "--nick", "ann", "--state", state, *words
        )

    def test_fail_over(self) -> None:
        """The second target is taken; its certificate has to be the domain's."""
        self.publish("tea.test")
        done = self.send("--server", "tea.test", "--ca", str(self.ca))
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.send("--server", "relaychat://tea.test/", "--ca", str(self.ca))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_other_domain(self) -> None:
        """That a domain's records lead to a relay does not make it the domain's."""
        self.publish("other.test")
        done = self.send("--server", "other.test", "--ca", str(self.ca))
        self.assertEqual(done.returncode, UNREACHABLE)
        self.assertIn("is not for other.test", done.stderr)

    def test_first_use(self) -> None:
        """A published fingerprint has to be the certificate's, where nothing else is
        known of it. It is no reason to trust, and no match for a pin."""
        self.publish("tea.test", "fingerprint=" + "AB" * 32)
        refused = self.send("--server", "tea.test", "--trust-new")
        self.assertEqual(refused.returncode, UNREACHABLE)
        self.assertIn("not one that tea.test publishes", refused.stderr)
        state = ("--state", str(self.folder.path / "state"))
        refused = self.run_command("trust", "tea.test", "--yes", *state)
        self.assertEqual(refused.returncode, REFUSED)
        self.assertIn("another fingerprint in the DNS", refused.stderr)
        told = ("trust", "tea.test", "--fingerprint", self.fingerprint, *state)
        self.assertEqual(self.run_command(*told).returncode, 0)
        self.assertEqual(self.send("--server", "tea.test").returncode, 0)
        self.assertIn("tls:tea.test ", self.run_command("trust", *state).stdout)

    def test_published(self) -> None:
        """One of several is enough; without --trust-new it helps nothing."""
        self.publish(
            "tea.test", "fingerprint=" + "AB" * 32, f"fingerprint={self.fingerprint}"
        )
        refused = self.send("--server", "tea.test")
        self.assertEqual(refused.returncode, UNREACHABLE)
        self.assertIn("signed by nobody", refused.stderr)
        done = self.send("--server", "tea.test", "--trust-new")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("tea.test is trusted from now on", done.stderr)
