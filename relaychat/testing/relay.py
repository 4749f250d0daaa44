"""A whole relay in memory: hub, store and sessions, on a simulated clock.

What a test says to a peer is answered by the time the call returns::

    ann, wire = self.connect("ann", "#tea")
    ann.dataReceived(b'{"type":"send","room":"#tea","text":"hello"}\\n')
    wire.value()
"""

from __future__ import annotations

import traceback
from typing import Any, TypeVar

from msgspec.structs import replace
from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.config import Accounts, Config, Settings
from relaychat.app.control import Calls
from relaychat.app.extensions import with_settings as with_settings
from relaychat.app.people import office
from relaychat.auth.accounts import Account
from relaychat.auth.passwords import Passwords
from relaychat.hub.hooks import Hook, Hooks
from relaychat.hub.house import Counts, House
from relaychat.hub.hub import Alarms, Hub
from relaychat.hub.limits import Limits as HubLimits
from relaychat.model.admission import Admission, Challenged, Found
from relaychat.model.commands import Call, Command, Hello, Join
from relaychat.model.errors import LoginFailed
from relaychat.model.events import Called
from relaychat.session.control import Control
from relaychat.session.dialect import Dialect
from relaychat.session.host import Host
from relaychat.session.irc.dialect import Irc
from relaychat.session.limits import Limits
from relaychat.session.native import Native
from relaychat.session.session import Session
from relaychat.store.memory import MemoryStore
from relaychat.testing.conversation import Conversation
from relaychat.testing.hashing import CHEAP, AtOnce
from relaychat.testing.link import MemoryLink
from relaychat.testing.world import SimulatedWorld

SERVER = "relay.test"
H = TypeVar("H", bound=Hook)


class Relay:
    """The relay. ``bugs`` is what it reported; ``doubts`` why it would have stopped."""

    def __init__(
        self,
        store: MemoryStore | None = None,
        limits: Limits | None = None,
        hub_limits: HubLimits | None = None,
        accounts: Accounts | None = None,
        checkers: tuple[Any, ...] = (),
    ) -> None:
        self.world = SimulatedWorld()
        self.store = store or MemoryStore()
        self.limits = limits or Limits()
        self.bugs: list[str] = []
        self.doubts: list[str] = []
        self.stopped = 0
        self.window_s = 0
        self.stays = False
        self.whole: list[Hook] = []
        """The hooks in use that are classes."""
        house = House(
            SERVER, self.world, hub_limits or HubLimits(), Hooks(self.report), Counts()
        )
        alarms = Alarms(self.report, self.doubts.append, self._stop)
        self.hub = Hub(house, self.store, alarms)
        self.office = office(
            Config(accounts=accounts or Accounts()),
            self.world,
            self.store,
            Passwords(self.world, AtOnce(), CHEAP),
            self.hub,
            self.doubts.append,
            checkers,
        )
        self.hub.start()
        gone_on = Deferred.fromCoroutine(self.office.go_on())
        gone_on.addErrback(lambda why: self.report(f"accounts: {why}"))
        self.run()

    def run(self) -> None:
        """Let everything happen that needs no time."""
        self.world.advance(0)

    def report(self, text: str) -> None:
        """Remember a bug, with the exception under way."""
        self.bugs.append(f"{text}\n{traceback.format_exc()}")

    def host(self, dialect: type[Dialect]) -> Host:
        """What sessions of this dialect share."""
        return Host(
            dialect,
            self.hub,
            self.world,
            self.admit,
            self.report,
            self.limits,
            self.office.errands,
            SERVER,
        )

    def open(self, dialect: type[Dialect], **link: Any) -> tuple[Speaker, MemoryLink]:
        """A connection that has not said hello; ``link`` is what it is like."""
        wire = MemoryLink(**link)
        session = Session(self.host(dialect), wire)
        wire.on_drained = session.drained
        session.open()
        self.run()
        return Speaker(self, session, wire), wire

    def use(self, hook: type[H], settings: Settings | None = None) -> H:
        """Have a hook of this class, with these settings or the defaults."""
        made: H = (with_settings(hook, settings) if settings else hook)(self.world)
        self.hub.house.hooks.add(made)
        self.whole.append(made)
        return made

    def ctl(self, *words: str) -> Deferred[Any]:
        """What ``relaychat ctl`` is told by the hooks in use; fails as it is
        refused."""
        session = Session(self.host(Control), MemoryLink(uid=0))
        called: Deferred[Any] = Calls(self.whole).run(Call(words), session)
        return called.addCallback(_value)

    def account(self, name: str, password: str = "pw", rank: bool = False) -> None:
        """See to it that there is such an account; ``rank``: an administrator's."""
        done = Deferred.fromCoroutine(self._account(name, password, rank))
        done.addErrback(lambda why: self.report(f"no account: {why}"))
        assert done.called, "the store takes its time"

    async def _account(self, name: str, password: str, rank: bool) -> None:
        if await self.office.accounts.find(name) is None:
            account = Account(name, administrator=rank)
            await self.office.accounts.register(account, password)

    def admit(self, hello: Hello, session: Session) -> Deferred[Found]:
        """Log in; UNIX peers of the control dialect by their user id, which is 0."""
        if session.dialect == "control":
            if session.link.uid != 0:
                return fail(LoginFailed("not your server"))
            return succeed(Admission(control=True))
        return self.office.admit(hello, session).addCallback(self._placed)

    def _placed(self, found: Found) -> Found:
        """With this relay's idea of who stays."""
        if isinstance(found, Challenged):
            go_on = found.go_on
            return replace(
                found, go_on=lambda final: go_on(final).addCallback(self._placed)
            )
        stays = self.stays and found.account is not None
        return replace(found, window_s=self.window_s, stays=stays)

    def _stop(self) -> None:
        self.stopped += 1


def _value(called: Called) -> Any:
    return called.value


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
        self.session.take(*commands)
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

    def converse(self, script: str, *dialects: type[Dialect]) -> None:
        """Run a conversation (``relaychat.testing.conversation``), in ``dialect`` or,
        where it says so, in one of these or a built-in one."""
        every: tuple[type[Dialect], ...] = (Native, Irc, *dialects)
        known = {one.name: one for one in every}
        Conversation(self.relay, self.dialect, known).run(script)

    def use(self, hook: type[H], settings: Settings | None = None) -> H:
        """Have a hook of this class, with these settings or the defaults."""
        return self.relay.use(hook, settings)

    def ctl(self, *words: str) -> Any:
        """What ``relaychat ctl`` is told by the hooks in use. Raises the RelayError
        with which it is refused."""
        told: list[Any] = []
        self.relay.ctl(*words).addBoth(told.append)
        self.relay.run()
        assert told, "there is no answer yet"
        if isinstance(told[0], Failure):
            told[0].raiseException()
        return told[0]

    def open(
        self, dialect: type[Dialect] | None = None, **link: Any
    ) -> tuple[Speaker, MemoryLink]:
        """A connection that has not said hello."""
        return self.relay.open(dialect or self.dialect, **link)

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
