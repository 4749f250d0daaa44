"""The control dialect: whoever the kernel vouches for asks about the server."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred

from relaychat.model.accounts import AddAccount
from relaychat.model.errors import BadName
from relaychat.model.words import Word
from relaychat.session.control import Control
from relaychat.session.host import Host
from relaychat.session.native import Native
from relaychat.session.session import Session
from relaychat.session.states import State
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import Relay, RelayTestCase


class ControlTests(RelayTestCase):
    """Lines in, lines out, as user 0 of the socket."""

    dialect = Control

    def setUp(self) -> None:
        """Somebody who may."""
        super().setUp()
        self.root, self.wire = self.open(uid=0)

    def told(self, wire: MemoryLink) -> list[dict[str, Any]]:
        """All that was told since, as objects."""
        words = [json.loads(line) for line in wire.value().splitlines()]
        wire.clear()
        return words

    def ask(self, **command: Any) -> dict[str, Any]:
        """The one answer to this."""
        self.told(self.wire)
        self.root.dataReceived(json.dumps(command).encode() + b"\n")
        (answer,) = self.told(self.wire)
        return answer

    def test_welcome_without_hello(self) -> None:
        """The credentials are the hello: a session begins with the welcome."""
        (welcome,) = self.told(self.wire)
        self.assertEqual(welcome["type"], "welcome")
        self.assertTrue(self.root.session.control)
        answer = self.ask(type="hello", nick="x", id=1)
        self.assertEqual(answer["code"], "unknown_command")

    def test_strangers(self) -> None:
        """Another user of the machine is told no, and everything else is too early."""
        eve, wire = self.open(uid=1000)
        eve.dataReceived(b'{"type":"stop"}\n')
        codes = [word["code"] for word in self.told(wire)]
        self.assertEqual(codes, ["login_failed", "out_of_order"])
        self.assertEqual(self.relay.stopped, 0)

    def test_status(self) -> None:
        """Counts of the whole server."""
        self.connect_people()
        status = self.ask(type="status", id=1)
        self.assertEqual((status["server"], status["id"]), ("relay.test", 1))
        self.assertEqual(
            [status[key] for key in ("sessions", "users", "rooms")], [3, 2, 1]
        )

    def connect_people(self) -> None:
        """Two guests in a room."""
        for nick in ("ann", "bob"):
            self.connect(nick, "#tea", dialect=Native)

    def test_sessions_and_rooms(self) -> None:
        """Who is there, and where."""
        self.connect_people()
        sessions = self.ask(type="sessions")["sessions"]
        self.assertEqual(
            [(one["nick"], one["dialect"], one.get("rooms")) for one in sessions],
            [("", "control", None), ("ann", "native", 1), ("bob", "native", 1)],
        )
        (room,) = self.ask(type="rooms")["rooms"]
        self.assertEqual((room["room"], room["members"]), ("#tea", 2))

    def test_stop(self) -> None:
        """The server is asked to stop."""
        self.assertEqual(self.ask(type="stop", id=1), {"type": "ok", "id": 1})
        self.assertEqual(self.relay.stopped, 1)

    def test_account(self) -> None:
        """An account is made."""
        answer = self.ask(type="account", name="Ann", password="pw", id=1)
        self.assertEqual(answer, {"type": "ok", "id": 1})
        ann, _ = self.open(Native)
        ann.dataReceived(b'{"type":"hello","nick":"ann","password":"pw"}\n')
        self.assertEqual(ann.session.account, "Ann")

    def test_nobody_in_the_rooms(self) -> None:
        """What belongs to people is not known here, and says so with its id."""
        answer = self.ask(type="join", room="#tea", id="j")
        self.assertEqual(
            answer,
            {
                "type": "error",
                "code": "unknown_command",
                "text": "not on the control socket",
                "command": "join",
                "id": "j",
            },
        )
        self.assertEqual(self.ask(type="fly")["code"], "unknown_command")
        self.assertEqual(self.ask(type="ping", token="t")["token"], "t")

    def test_bye(self) -> None:
        """It ends like any session."""
        self.assertEqual(self.ask(type="bye")["type"], "bye")
        self.assertTrue(self.wire.closed)


class ErrandTests(RelayTestCase):
    """A command that is not carried out in the hub keeps its place all the same."""

    def setUp(self) -> None:
        """Accounts take their time."""
        super().setUp()
        self.accounts: list[Deferred[Word]] = []
        self.cancelled: list[Deferred[Word]] = []
        self.patch(self.relay, "host", self.slow_host)
        self.root, self.wire = self.open(Control, uid=0)
        self.wire.clear()

    def slow_host(self, dialect: type[Control]) -> Host:
        """A host whose accounts are decided by the test."""
        host = Relay.host(self.relay, dialect)
        return host._replace(errands={AddAccount: self.add})

    def add(self, command: AddAccount, session: Session) -> Deferred[Word]:
        """See ``session.Errand``."""
        self.accounts.append(Deferred(self.cancelled.append))
        return self.accounts[-1]

    def test_order(self) -> None:
        """What is behind it waits, whatever comes of it."""
        self.root.dataReceived(
            b'{"type":"account","name":"a","password":"p","id":1}\n'
            b'{"type":"ping","id":2}\n{"type":"status","id":3}\n'
        )
        self.assertEqual(self.wire.value(), b"")
        self.accounts[0].errback(BadName())
        self.relay.run()
        told = [json.loads(line) for line in self.wire.value().splitlines()]
        self.assertEqual([word["id"] for word in told], [1, 2, 3])
        self.assertEqual(told[0]["code"], "bad_name")

    def test_bug(self) -> None:
        """A bug is reported, and answered without a word of it."""
        self.root.dataReceived(b'{"type":"account","name":"a","password":"p","id":1}\n')
        self.accounts[0].errback(KeyError("secret"))
        self.assertIn(b'"code":"internal"', self.wire.value())
        self.assertIn("AddAccount failed", self.relay.bugs.pop())

    def test_peer_goes(self) -> None:
        """It is cancelled with its session."""
        self.root.dataReceived(b'{"type":"account","name":"a","password":"p"}\n')
        self.root.connectionLost()
        self.assertEqual(self.cancelled, self.accounts)
        self.assertEqual(self.root.session.state, State.CLOSED)
