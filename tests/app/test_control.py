"""Who may use the control socket."""

from __future__ import annotations

import json
import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.control import Calls, Reloading, admit_owner
from relaychat.app.extensions import CannotBuild
from relaychat.extend import Hook, control
from relaychat.model.admission import Admission
from relaychat.model.commands import Call, Hello, ListCalls, Reload
from relaychat.model.errors import BadSyntax, Forbidden
from relaychat.model.events import Reloaded
from relaychat.net.certificates import Source
from relaychat.session.control import Control
from relaychat.session.native import Native
from relaychat.session.session import Session
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import Relay
from tests.net.pki import make
from tests.net.test_certificates import CertificatesCase


class OwnerTests(SynchronousTestCase):
    """The kernel's word decides."""

    def session(self, uid: int | None) -> Session:
        """A session of a process of this user."""
        return Session(Relay().host(Control), MemoryLink(uid=uid))

    def test_owner_and_root(self) -> None:
        """The relay's own user administrates it, and root."""
        for uid in {os.geteuid(), 0}:
            admission = self.successResultOf(admit_owner(Hello("x"), self.session(uid)))
            self.assertEqual(admission, Admission(control=True))

    def test_others(self) -> None:
        """Nobody else does, nor anybody whose user is not known."""
        for uid in (os.geteuid() + 1, None):
            asked = admit_owner(Hello("x"), self.session(uid))
            self.failureResultOf(asked, Forbidden)


class ReloadTests(CertificatesCase):
    """What is read anew when somebody asks for it."""

    def test_reload(self) -> None:
        """What has changed, what is broken, or nothing; with the id that was asked."""
        self.put("a", make("a.test"))
        served = self.serve(Source(folder=self.folder))
        session = Session(Relay().host(Control), MemoryLink(uid=0))
        reloading = Reloading([served])

        def asked() -> object:
            return self.successResultOf(reloading.run(Reload(id=7), session))

        self.assertEqual(asked(), Reloaded(id=7))
        new = self.put("a", make("a.test"))
        told = reloading.now()
        self.assertIn(new.fingerprint, " ".join(told.changed))
        (self.folder / "a.key").write_text("half")
        told = reloading.now()
        self.assertEqual(told.changed, ())
        self.assertIn("a.key: not a certificate and its key", " ".join(told.problems))


class Kettle(Hook):
    """Has a command of every kind."""

    name = "kettle"

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.boiling: Deferred[str] = Deferred()

    @control("fill [<cups>]")
    def fill(self, cups: str = "4") -> dict[str, int]:
        """Water into it."""
        if not cups.isdigit():
            raise BadSyntax("cups are counted")
        return {"cups": int(cups)}

    @control("boil <what...>")
    def boil(self, what: str) -> Deferred[str]:
        """It takes its time."""
        return self.boiling.addCallback(lambda how: f"{what} is {how}")

    @control("break")
    async def breaks(self) -> object:
        """Does what nobody can read."""
        return object()


class OtherKettle(Kettle):
    """Brings the same commands."""


class CallTests(SynchronousTestCase):
    """Commands of extensions."""

    def setUp(self) -> None:
        """A session on the control socket of a relay with a kettle."""
        self.relay = Relay()
        self.kettle = Kettle(self.relay.world)
        calls = Calls([self.kettle])
        self.relay.office.errands.update({Call: calls.run, ListCalls: calls.list})
        self.speaker, self.wire = self.relay.open(Control, uid=0)

    def call(self, *words: str) -> dict[str, Any]:
        """What comes of it."""
        return self.ask({"type": "call", "words": words})

    def ask(self, word: dict[str, Any]) -> dict[str, Any]:
        """The answer to a native word; nothing if there is none yet."""
        self.wire.clear()
        self.speaker.dataReceived(json.dumps(word).encode() + b"\n")
        lines = self.wire.value().splitlines()
        return dict(json.loads(lines[-1])) if lines else {}

    def test_values(self) -> None:
        """With and without arguments; refused in words."""
        self.assertEqual(self.call("fill"), {"type": "called", "value": {"cups": 4}})
        self.assertEqual(self.call("fill", "2")["value"], {"cups": 2})
        self.assertEqual(self.call("fill", "x")["text"], "cups are counted")
        for words in (("fill", "1", "2"), ("boil",)):
            self.assertIn(f"usage: {words[0]} ", self.call(*words)["text"])
        self.assertEqual(self.call("sing")["code"], "unknown_command")

    def test_later(self) -> None:
        """An answer may take its time."""
        self.assertEqual(self.call("boil", "the", "tea"), {})
        self.kettle.boiling.callback("ready")
        self.assertIn(b'"value":"the tea is ready"', self.wire.value())

    def test_list(self) -> None:
        """All of them, with what they do."""
        calls = self.ask({"type": "calls"})["calls"]
        self.assertEqual([one["syntax"] for one in calls],
                         ["boil <what...>", "break", "fill [<cups>]"])  # fmt: skip
        self.assertEqual(calls[2]["about"], "Water into it.")

    def test_bug(self) -> None:
        """What is no JSON is a bug, and does not come to anybody's ears."""
        self.assertEqual(self.call("break")["code"], "internal")
        self.assertIn("Call failed", self.relay.bugs[0])

    def test_owner_only(self) -> None:
        """Nobody else can call it, administrators neither."""
        relay = self.relay
        relay.account("ann", rank=True)
        relay.office.errands.clear()
        speaker, wire = relay.open(Native)
        for line in (
            b'{"type":"hello","nick":"ann","password":"pw"}\n',
            b'{"type":"call","words":["fill"]}\n',
        ):
            speaker.dataReceived(line)
        self.assertIn(b'"code":"unknown_command"', wire.value())

    def test_twice(self) -> None:
        """Two hooks can't bring the same command."""
        world = self.relay.world
        error = self.assertRaises(CannotBuild, Calls, [self.kettle, OtherKettle(world)])
        self.assertIn("two hooks bring fill to ctl", str(error))
