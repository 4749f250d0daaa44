"""The composition: what the configuration says is what the relay does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.build import Relay, build, check
from relaychat.app.config import from_mapping
from relaychat.app.extensions import CannotBuild
from relaychat.app.people import host_of
from relaychat.hub.hooks import Verdict
from relaychat.hub.hub import Alarms
from relaychat.net.listen import Refusal
from relaychat.net.proxied import ProxiedFactory
from relaychat.store.memory import MemoryStore

MEMORY = {"store": {"kind": "memory"}}
DOOR = {"listen": [{"dialect": "native", "endpoint": "tcp:0"}]}
NOBODY = Alarms(lambda text: None, lambda why: None, lambda: None)
ADDRESS = IPv4Address("TCP", "192.0.2.1", 4711)


def no_shouting(user: object, room: object, event: Any) -> Verdict:
    """A hook: capitals are refused."""
    return Verdict.DENY if event.text.isupper() else Verdict.PASS


class Peer:
    """A native peer on a transport in memory."""

    def __init__(self, relay: Relay, reactor: MemoryReactorClock) -> None:
        self._reactor = reactor
        self._transport = StringTransport(peerAddress=ADDRESS)
        self._protocol = relay.doors[0].factory.buildProtocol(ADDRESS)
        self._protocol.makeConnection(self._transport)

    def ask(self, **word: Any) -> list[dict[str, Any]]:
        """Say a native word; everything that comes back by then."""
        self._transport.clear()
        self._protocol.dataReceived(json.dumps(word).encode() + b"\n")
        self._reactor.pump([0.0] * 10)
        return [json.loads(line) for line in self._transport.value().splitlines()]


class BuildCase(SynchronousTestCase):
    """A relay on a reactor in memory."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.told: list[str] = []

    def relay(self, sockets: int = 100, **table: Any) -> Relay:
        """A relay of this configuration, with its log in memory."""
        config = from_mapping({**MEMORY, **DOOR, **table})
        alarms = Alarms(self.told.append, self.told.append, lambda: None)
        relay = build(config, self.reactor, alarms, sockets)
        relay.hub.start()
        self.reactor.pump([0.0] * 10)
        return relay


class BuildTests(BuildCase):
    """What the configuration says reaches those who do it."""

    def test_memory(self) -> None:
        """The store is of the kind that was asked for."""
        self.assertIsInstance(self.relay().store, MemoryStore)

    def test_name(self) -> None:
        """The relay calls itself as it was told."""
        peer = Peer(self.relay(server={"name": "tea.example"}), self.reactor)
        [welcome] = peer.ask(type="hello", nick="ann")
        self.assertEqual(
            (welcome["type"], welcome["server"]), ("welcome", "tea.example")
        )

    def test_no_guests(self) -> None:
        """Where guests are not allowed they don't come in."""
        peer = Peer(self.relay(accounts={"guests": False}), self.reactor)
        [refused] = peer.ask(type="hello", nick="ann")
        self.assertEqual(refused["code"], "guests_not_allowed")

    def test_limits(self) -> None:
        """Limits reach those who hold them."""
        peer = Peer(self.relay(limits={"hub": {"text_bytes": 5}}), self.reactor)
        peer.ask(type="hello", nick="ann")
        peer.ask(type="join", room="#tea")
        [refused] = peer.ask(type="send", room="#tea", text="longer")
        self.assertEqual(refused["code"], "too_long")

    def test_hooks(self) -> None:
        """A hook that the configuration names is asked."""
        hooks = {"before_say": ["tests.app.test_build:no_shouting"]}
        peer = Peer(self.relay(hooks=hooks), self.reactor)
        peer.ask(type="hello", nick="ann")
        peer.ask(type="join", room="#tea")
        [refused] = peer.ask(type="send", room="#tea", text="TEA!")
        self.assertEqual(refused["code"], "denied")
        self.assertEqual(
            [word["type"] for word in peer.ask(type="send", room="#tea", text="tea")],
            ["said", "ok"],
        )

    def test_no_such_hook(self) -> None:
        """A hook that can't be imported is named by its key."""
        for place in ("nowhere:hook", "tests.app.test_build:nothing", "json", ":"):
            with self.assertRaises(CannotBuild) as caught:
                self.relay(hooks={"after_events": [place]})
            why = str(caught.exception)
            self.assertTrue(why.startswith("hooks.after_events: "), why)
            self.assertIn(repr(place), why)

    def test_sockets(self) -> None:
        """No more connections than the process has descriptors for."""
        factory = self.relay(sockets=1).doors[0].factory
        self.assertNotIsInstance(factory.buildProtocol(ADDRESS), Refusal)
        self.assertIsInstance(factory.buildProtocol(ADDRESS), Refusal)

    def test_fewer_sockets(self) -> None:
        """The configuration may allow fewer than the process could have."""
        guard = {"guard": {"sockets": 1}}
        factory = self.relay(sockets=100, limits=guard).doors[0].factory
        factory.buildProtocol(ADDRESS)
        self.assertIsInstance(factory.buildProtocol(ADDRESS), Refusal)


class DoorTests(BuildCase):
    """What stands before a door's sessions."""

    def test_proxies(self) -> None:
        """A door with proxies reads their headers first, whatever is behind it."""
        for more in ({}, {"tls": "default"}):
            door = {"dialect": "irc", "endpoint": "tcp:0", "proxies": ["10.0.0.1"]}
            data = {"data": self.mktemp()}
            relay = self.relay(listen=[{**door, **more}], server=data)
            self.successResultOf(relay.doors[0].endpoint.listen(relay.doors[0].factory))
            factory = self.reactor.tcpServers[-1][1]
            assert isinstance(factory, ProxiedFactory)
            self.assertIsNone(factory.buildProtocol(ADDRESS))

    def test_certificates(self) -> None:
        """Doors of one section share its certificates; each has its own protocols."""
        doors = [
            {"dialect": dialect, "endpoint": f"tcp:{port}", "tls": "default"}
            for port, dialect in enumerate(("irc", "native"))
        ]
        relay = self.relay(listen=doors, server={"data": self.mktemp()})
        self.assertIs(relay.doors[0].tls, relay.doors[1].tls)
        self.assertEqual(len(relay.tls), 1)


class CheckTests(SynchronousTestCase):
    """All that a configuration names, tried without a trace."""

    def check(self, **table: Any) -> list[str]:
        """Check it with a data folder that is not there; what is there then."""
        folder = Path(self.mktemp())
        config = from_mapping({**MEMORY, **DOOR, **table})
        data = replace(config.server, data=str(folder / "data"))
        check(replace(config, server=data), MemoryReactorClock())
        return [str(path) for path in folder.glob("**/*")]

    def test_good(self) -> None:
        """What is good is built, and nothing is written, not even a certificate."""
        tls = {"listen": [{"dialect": "irc", "endpoint": "tcp:0", "tls": "default"}]}
        self.assertEqual(self.check(**tls), [])

    def test_wrong(self) -> None:
        """Dialects, endpoints, certificates and hooks are named by their keys."""
        door = DOOR["listen"][0]
        tls = {"a": {"certificate": "no.pem"}}
        for table, key in (
            ({"listen": [{**door, "dialect": "latin"}]}, "listen[0].dialect: "),
            ({"listen": [{**door, "endpoint": "pigeon:1"}]}, "listen[0].endpoint: "),
            ({"listen": [{**door, "tls": "a"}], "tls": tls}, "tls.a: no.pem: "),
            ({"hooks": {"before_say": ["nowhere:hook"]}}, "hooks.before_say: "),
            (
                {"listen": [{**door, "endpoint": "tcp:65536"}]},
                "listen[0].endpoint: tcp:65536: a port is 0 to 65535",
            ),
            ({"log": {"file": "/nowhere/a.log"}}, "log.file: /nowhere/a.log: No such"),
        ):
            with self.assertRaises(CannotBuild) as caught:
                self.check(**table)
            self.assertTrue(str(caught.exception).startswith(key), caught.exception)

    def test_data_folder(self) -> None:
        """One that is a file, or below a file, is named with the reason, before
        anything is made of it."""
        file = self.mktemp()
        Path(file).write_text("")
        for data in (file, f"{file}/data"):
            config = from_mapping({**MEMORY, **DOOR, "server": {"data": data}})
            told = f"server.data: {Path(file).absolute()}: Not a directory"
            reactor = MemoryReactorClock()
            for begin, rest in ((check, ()), (build, (NOBODY, 1))):
                error = self.assertRaises(CannotBuild, begin, config, reactor, *rest)
                self.assertEqual(str(error), told)


class AddressTests(SynchronousTestCase):
    """Whom failed logins count for."""

    def test_host_of(self) -> None:
        """The port is no part of it."""
        for peer, host in (
            ("192.0.2.1:4711", "192.0.2.1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("unix", "unix"),
        ):
            self.assertEqual(host_of(peer), host)
