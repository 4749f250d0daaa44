"""A whole relay in memory: hub, store and sessions, on a simulated clock.

What a test says to a peer is answered by the time the call returns::

    ann, wire = self.connect("ann", "#tea")
    ann.dataReceived(b'{"type":"send","room":"#tea","text":"hello"}\\n')
    wire.value()
"""

from __future__ import annotations

import traceback
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from relaychat.auth.login import Device, device_key
from relaychat.hub.hooks import Hooks
from relaychat.hub.hub import Alarms, Hub
from relaychat.hub.limits import Limits as HubLimits
from relaychat.hub.turn import Counts, House
from relaychat.model.admission import Admission
from relaychat.model.commands import AddAccount, Command, Hello, Join
from relaychat.model.errors import LoginFailed
from relaychat.model.events import Done
from relaychat.model.names import fold
from relaychat.model.words import Word
from relaychat.session.dialect import Dialect
from relaychat.session.host import Errand, Host
from relaychat.session.limits import Limits
from relaychat.session.native import Native
from relaychat.session.session import Session
from relaychat.store.memory import MemoryStore
from relaychat.testing.link import MemoryLink
from relaychat.testing.world import SimulatedWorld

SERVER = "relay.test"


class Relay:
    """The relay. ``bugs`` is what it reported; ``doubts`` why it would have stopped."""

    def __init__(
        self,
        store: MemoryStore | None = None,
        limits: Limits | None = None,
        hub_limits: HubLimits | None = None,
    ) -> None:
        self.world = SimulatedWorld()
        self.store = store or MemoryStore()
        self.limits = limits or Limits()
        self.accounts: dict[str, tuple[str, str]] = {}
        """Name and password, by the folded name."""
        self.bugs: list[str] = []
        self.doubts: list[str] = []
        self.stopped = 0
        self.window_s = 0
        self.stays = False
        house = House(
            SERVER, self.world, hub_limits or HubLimits(), Hooks(self.report), Counts()
        )
        alarms = Alarms(self.report, self.doubts.append, self._stop)
        self.hub = Hub(house, self.store, alarms)
        self.hub.start()
        self.run()

    def run(self) -> None:
        """Let everything happen that needs no time."""
        self.world.advance(0)

    def report(self, text: str) -> None:
        """Remember a bug, with the exception under way."""
        self.bugs.append(f"{text}\n{traceback.format_exc()}")

    def host(self, dialect: type[Dialect]) -> Host:
        """What sessions of this dialect share."""
        errands: dict[type[Command], Errand] = {AddAccount: self._add_account}
        return Host(
            dialect,
            self.hub,
            self.world,
            self.admit,
            self.report,
            self.limits,
            errands,
            SERVER,
        )

    def admit(self, hello: Hello, session: Session) -> Deferred[Admission]:
        """Log in: guests as they come, accounts by their password, UNIX peers of the
        control dialect by their user id, which is 0."""
        if session.dialect == "control":
            if session.link.uid != 0:
                return fail(LoginFailed("not your server"))
            return succeed(Admission(control=True))
        account = None
        if hello.password is not None:
            name, password = self.accounts.get(fold(hello.nick), ("", ""))
            if not name or password != hello.password:
                return fail(LoginFailed())
            account = name
        return Deferred.fromCoroutine(self._admission(hello, account))

    async def _admission(self, hello: Hello, account: str | None) -> Admission:
        stays = self.stays and account is not None
        if hello.device is None:
            return Admission(account, window_s=self.window_s, stays=stays)
        key = device_key(hello.device)
        body = await self.store.record("device", key)
        known = (
            Device(0, "") if body is None else msgspec.json.decode(body, type=Device)
        )
        high = await self.store.high(known.number) if known.number else 0
        return Admission(
            account, key, known.number, known.owner, high, self.window_s, stays
        )

    def _add_account(self, command: AddAccount, session: Session) -> Deferred[Word]:
        self.accounts[fold(command.name)] = (command.name, command.password)
        return succeed(Done(id=command.id))

    def _stop(self) -> None:
        self.stopped += 1


class Speaker:
    """The peer's end: what it says is heard, and answered as far as no time passes."""

    def __init__(self, relay: Relay, session: Session, link: MemoryLink) -> None:
        self.session = session
        self._relay = relay
        self._link = link

    def dataReceived(self, data: bytes) -> None:
        """These bytes reach the relay; as with a socket, not while it does not read."""
        self.session.receive(data)
        self._relay.run()

    def say(self, *commands: Command) -> None:
        """Commands without their bytes, for dialects that are not under test."""
        self.session.ask(*commands)
        self._relay.run()

    def connectionLost(self, reason: str = "connection lost") -> None:
        """The connection breaks."""
        self.session.lost(reason)
        self._relay.run()


class RelayTestCase(SynchronousTestCase):
    """Tests against a relay of their own. ``dialect`` is what ``connect`` speaks."""

    dialect: type[Dialect] = Native
    limits: Limits | None = None

    def setUp(self) -> None:
        """Start the relay."""
        self.relay = Relay(limits=self.limits)
        self.world = self.relay.world
        self.addCleanup(self.no_bugs)

    def no_bugs(self) -> None:
        """Whatever a test did, nothing was reported as a bug of the relay's."""
        self.assertEqual(self.relay.bugs, [])
        self.assertEqual(self.relay.doubts, [])

    def open(
        self, dialect: type[Dialect] | None = None, **link: Any
    ) -> tuple[Speaker, MemoryLink]:
        """A connection that has not said hello."""
        wire = MemoryLink(**link)
        session = Session(self.relay.host(dialect or self.dialect), wire)
        wire.on_drained = session.drained
        session.open()
        self.relay.run()
        return Speaker(self.relay, session, wire), wire

    def connect(
        self,
        nick: str,
        *rooms: str,
        dialect: type[Dialect] | None = None,
        **link: bool | int | str,
    ) -> tuple[Speaker, MemoryLink]:
        """A connection of somebody who is in these rooms, and whose wire is clear."""
        speaker, wire = self.open(dialect, **link)
        speaker.say(Hello(nick), *[Join(room) for room in rooms])
        wire.clear()
        return speaker, wire
