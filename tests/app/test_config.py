"""The configuration file."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.config import LISTEN, Config, ConfigError, from_mapping, read
from relaychat.net.listen import endpoint

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"foo": 1}, "foo: there is no such key"),
    ({"server": {"nam": 1}}, "server.nam: there is no such key (did you mean name?)"),
    ({"lisen": []}, "lisen: there is no such key (did you mean listen?)"),
    (
        {"listen": [{"dialect": "irc", "endpont": "tcp:1"}]},
        "listen[0].endpont: there is no such key (did you mean endpoint?)",
    ),
    (
        {"limits": {"guard": {"per_adress": 1}}},
        "limits.guard.per_adress: there is no such key (did you mean per_address?)",
    ),
    (
        {"tls": {"a": {"certificat": ""}}},
        "tls.a.certificat: there is no such key (did you mean certificate?)",
    ),
    ({"server": {"name": 1}}, "server.name: expected a string, got an integer"),
    ({"server": 3}, "server: expected a table, got an integer"),
    (
        {"server": {"name": "-"}},
        "server.name: expected a host name of at most 63 characters",
    ),
    (
        {"server": {"name": "tea\n"}},
        "server.name: expected a host name of at most 63 characters",
    ),
    (
        {"discovery": {"networks": ["10.0.0.1/8"]}},
        "discovery.networks: 10.0.0.1/8 has host bits set",
    ),
    (
        {"limits": {"discovery": {"all_per_s": 0}}},
        "limits.discovery.all_per_s: expected more than 0, got 0",
    ),
    ({"store": {"kind": "oracle"}}, "store.kind: expected memory or sqlite"),
    ({"listen": [{"dialect": "irc"}]}, "listen[0].endpoint: is needed"),
    (
        {"listen": [{"dialect": "irc", "endpoint": "6667"}]},
        "listen[0].endpoint: expected an endpoint like tcp:7600",
    ),
    (
        {"listen": [{"dialect": "irc", "endpoint": "tcp:1", "tls": "x"}]},
        "listen[0].tls: there is no section [tls.x]",
    ),
    (
        {"listen": [{"dialect": "irc", "endpoint": "tcp:1"}] * 2},
        "listen[1].endpoint: tcp:1 is there already",
    ),
    (
        {"listen": []},
        "listen: a relay without a door has no use; leave it out for the defaults",
    ),
    (
        {"listen": [{"dialect": "irc", "endpoint": "tcp:1", "proxies": ["a.test"]}]},
        "listen[0].proxies: 'a.test' does not appear to be an IPv4 or IPv6 network",
    ),
    ({"tls": 1}, "tls: sections are called [tls.NAME]"),
    ({"tls": {"a": 3}}, "tls.a: expected a table, got an integer"),
    ({"tls": {"a": {"cert": "x"}}}, "tls.a.cert: there is no such key"),
    ({"tls": {"a": {"key": "x"}}}, "tls.a.certificate: is needed beside a key"),
    (
        {"tls": {"a": {"certificate": "x", "folder": "y"}}},
        "tls.a.folder: stands in the place of a certificate",
    ),
    (
        {"tls": {"a": {"default": "x"}}},
        "tls.a.default: is one of several, so it needs a folder",
    ),
    (
        {"accounts": {"window_s": -1}},
        "accounts.window_s: expected an integer, 0 or more",
    ),
    (
        {"limits": {"hub": {"text_bytes": 0}}},
        "limits.hub.text_bytes: expected more than 0, got 0",
    ),
    (
        {"limits": {"session": {"register_s": float("nan")}}},
        "limits.session.register_s: expected more than 0, got nan",
    ),
    (
        {"limits": {"guard": {"per_address": -1}}},
        "limits.guard.per_address: expected 0 or more, got -1",
    ),
    (
        {"limits": {"session": {"guest_rate": {"per_s": "a", "burst": 3}}}},
        "limits.session.guest_rate.per_s: expected a number, got a string",
    ),
]


class MappingTests(SynchronousTestCase):
    """What TOML holds becomes a configuration, or one error."""

    def test_nothing(self) -> None:
        """Everything has a default."""
        self.assertEqual(from_mapping({}), Config())

    def test_wrong(self) -> None:
        """What is wrong is named by its key."""
        for table, words in WRONG:
            with self.assertRaises(ConfigError) as caught:
                from_mapping(table)
            self.assertEqual(str(caught.exception), words)

    def test_flood_limits_are_lifted(self) -> None:
        """Rates may be infinite and the guards 0."""
        rate = {"per_s": float("inf"), "burst": 1_000_000}
        limits = from_mapping(
            {
                "limits": {
                    "guard": {"per_address": 0, "new_per_address": 0},
                    "session": {"guest_rate": rate, "account_rate": rate},
                }
            }
        ).limits
        self.assertEqual(limits.session.guest_rate.per_s, float("inf"))
        self.assertEqual(limits.guard.per_address, 0)

    def test_listeners_replace_the_default_ones(self) -> None:
        """A relay that is told its doors has no others."""
        config = from_mapping({"listen": [{"dialect": "irc", "endpoint": "tcp:1"}]})
        self.assertEqual([one.endpoint for one in config.listen], ["tcp:1"])

    def test_development_certificate_stays(self) -> None:
        """Naming one certificate leaves the default one there."""
        config = from_mapping({"tls": {"mine": {"certificate": "a.pem"}}})
        self.assertEqual(sorted(config.tls), ["default", "mine"])

    def test_default_doors_are_on_this_machine(self) -> None:
        """Nobody listens to the world without being told."""
        for listen in LISTEN:
            self.assertTrue(
                "interface=127.0.0.1" in listen.endpoint
                or listen.endpoint.startswith("unix:"),
                listen.endpoint,
            )


class FileTests(SynchronousTestCase):
    """The file and its folder."""

    def setUp(self) -> None:
        self.folder = Path(mkdtemp())
        self.addCleanup(rmtree, self.folder)
        self.file = self.folder / "relay.toml"

    def _refused(self, text: bytes) -> str:
        self.file.write_bytes(text)
        with self.assertRaises(ConfigError) as caught:
            read(str(self.file))
        return str(caught.exception)

    def test_error_names_the_file(self) -> None:
        """The one line says which file, and what in it."""
        words = self._refused(b"[server]\nnames = 1\n")
        told = "server.names: there is no such key (did you mean name?)"
        self.assertEqual(words, f"{self.file}: {told}")

    def test_no_toml(self) -> None:
        """Text that is no TOML is refused with its line."""
        self.assertIn("(at line 1", self._refused(b"server = \n"))
        self.assertIn(str(self.file), self._refused(b"\xff"))

    def test_no_file(self) -> None:
        """A file that is not there is an error, not the defaults."""
        with self.assertRaises(ConfigError) as caught:
            read("/nowhere/relay.toml")
        self.assertIn("No such file", str(caught.exception))

    def test_paths(self) -> None:
        """Paths start from the file; the database and sockets from the data folder."""
        self.file.write_text(
            '[server]\ndata = "state"\n[log]\nfile = "relay.log"\n'
            '[tls.default]\ncertificate = "my.pem"\n'
        )
        config = read(str(self.file))
        self.assertEqual(config.server.data, str(self.folder / "state"))
        self.assertEqual(config.store.file, str(self.folder / "state/relaychat.db"))
        self.assertEqual(config.log.file, str(self.folder / "relay.log"))
        self.assertEqual(config.tls["default"].certificate, str(self.folder / "my.pem"))
        self.assertEqual(config.tls["default"].key, "")
        self.assertIn(
            f"unix:{self.folder / 'state'}/control.sock:mode=600",
            [one.endpoint for one in config.listen],
        )

    def test_data_option(self) -> None:
        """The option beats the file, and starts from where one stands."""
        self.file.write_text('[server]\ndata = "state"\n')
        self.assertEqual(read(str(self.file), "elsewhere").server.data, "elsewhere")

    def test_colon_in_the_data_folder(self) -> None:
        """A folder may hold what endpoint strings take for punctuation."""
        listen = read("", "/tmp/a:b=c").listen[-1]
        self.assertEqual(listen.endpoint, r"unix:/tmp/a\:b\=c/control.sock:mode=600")
        made = endpoint(MemoryReactorClock(), listen.endpoint)
        self.assertIsNotNone(made)
