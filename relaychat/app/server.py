"""The service of ``twistd relaychat``: what is started and stopped, in which order.

Start: the store with the hub on it, then the doors, so that nobody comes in before the
log was read. Stop: the doors, then everybody is told and their last words are kept,
then the store. A commit in doubt ends the process at once.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized
from twisted.python.failure import Failure

from relaychat.app import first, logs, process
from relaychat.app.build import Relay, build
from relaychat.app.config import Config, Log
from relaychat.app.control import Reloading
from relaychat.app.discovery import Discoverable
from relaychat.app.extensions import CannotBuild
from relaychat.app.reasons import reason_of
from relaychat.app.supervisor import Supervisor
from relaychat.app.welcome import welcome
from relaychat.hub.hub import Alarms
from relaychat.model.errors import RelayError
from relaychat.store.api import StoreBroken, StoreLocked

GOODBYE_S = 5.0
"""How long peers have to hear that the relay stops. Supervisors wait ten or more."""
LOOK_S = 0.02
"""How often it is looked whether all have gone."""

EXPECTED = (
    CannotBuild,
    StoreLocked,
    StoreBroken,
    CannotListenError,
    OSError,
    ValueError,
)
"""What keeps a relay from starting and is no bug: told in one line."""


class RelayService(Service):
    """A relay as a service of Twisted."""

    name = "relaychat"
    _log = Logger()

    def __init__(
        self, config: Config, reactor: Any, supervisor: Supervisor, file: str = ""
    ) -> None:
        """``file``: where the configuration is from, for what is said of it."""
        self._config = config
        self._file = file
        self._reactor = reactor
        self._supervisor = supervisor
        self._relay: Relay | None = None
        self._discoverable: Discoverable | None = None
        self._ports: list[IListeningPort] = []
        self._starting: Deferred[None] | None = None
        self._beginning: Deferred[None] | None = None
        self._failed = False

    def setServiceParent(self, parent: Any) -> None:
        """Join an application, and have it log as the configuration says."""
        log = self._config.log
        if log != Log() and isinstance(parent, Componentized):
            try:
                file = logs.target(log)
            except OSError as error:
                why = f"log.file: {log.file}: {error.strerror}"
                sys.exit(f"relaychat: {self._of(why)}")
            parent.setComponent(ILogObserver, logs.observer(log, file))
        super().setServiceParent(parent)

    def startService(self) -> None:
        """Build, open, listen. What goes wrong ends the process with code 1."""
        super().startService()
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(self._not_started)
        if self._failed:
            raise SystemExit(1)

    def stopService(self) -> Deferred[None]:
        """Close the doors, let everybody go, close the log."""
        super().stopService()
        return Deferred.fromCoroutine(self._close())

    # -- start ---------------------------------------------------------------------

    async def _start(self) -> None:
        config, reactor = self._config, self._reactor
        process.steady(reactor)
        alarms = Alarms(error=self._error, in_doubt=self._in_doubt, stop=self._stop)
        relay = build(config, reactor, alarms, process.settle())
        relay.hub.start()
        self._relay = relay
        relay.threads.start()
        for one in relay.tls:
            one.start()
        for index, door in enumerate(relay.doors):
            try:
                self._ports.append(await door.endpoint.listen(door.factory))
            except (CannotListenError, OSError) as error:
                why = reason_of(error)
                raise CannotBuild(f"listen[{index}].endpoint: {why}") from None
        hosts = [port.getHost() for port in self._ports]
        self._discoverable = Discoverable(config, relay, hosts)
        self._discoverable.start(reactor)
        reactor.callWhenRunning(self._up, relay, hosts)
        self._beginning = Deferred.fromCoroutine(self._begin(relay))
        self._beginning.addErrback(self._not_begun)

    def _up(self, relay: Relay, hosts: list[Any]) -> None:
        """The reactor runs, and signals are heard: not before that is anybody told,
        since who is told may send one."""
        process.on_signals(self._heard, self._reactor)
        process.on_hangup(Reloading(relay.tls).now, self._reactor)
        self._log.info("{text}", text=welcome(self._config, relay.doors, hosts))
        self._supervisor.ready(self._reactor)

    async def _begin(self, relay: Relay) -> None:
        """What is done about accounts once the doors are open."""
        try:
            await relay.people.go_on()
            data, out = self._config.server.data, first.terminal()
            told = await first.first_administrator(
                relay.people.accounts, relay.people.world, data, out
            )
        except (RelayError, StoreBroken) as error:
            told = f"the accounts could not be looked after: {error}"
        if told:
            self._log.info("{text}", text=told)

    def _not_begun(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("looking after the accounts failed", failure)

    def _not_started(self, failure: Failure) -> None:
        self._failed = True
        if isinstance(failure.value, EXPECTED):
            why = self._of(reason_of(failure.value, self._config.server.data))
            self._log.critical("can't start: {why}", why=why)
        else:
            self._log.failure("can't start", failure)
        if self._reactor.running:
            process.leave(self._reactor, 1)

    def _of(self, why: str) -> str:
        """With the file that it is about, if there is one."""
        return f"{self._file}: {why}" if self._file else why

    # -- what the hub and the system say -------------------------------------------

    def _error(self, text: str) -> None:
        if sys.exc_info()[0] is None:
            self._log.error("{text}", text=text)
        else:
            self._log.failure("{text}", text=text)

    def _in_doubt(self, why: str) -> None:
        self._log.critical(
            "stopping at once: nobody knows whether the last messages are kept ({why})."
            " Start again: the log decides, and clients resend what it lacks",
            why=why,
        )
        process.end_now(process.IN_DOUBT)

    def _stop(self) -> None:
        self._log.info("asked to stop")
        process.leave(self._reactor, 0)

    def _heard(self, signal: str) -> None:
        self._log.info("{signal}: stopping", signal=signal)
        process.leave(self._reactor, 0)

    # -- stop ----------------------------------------------------------------------

    async def _close(self) -> None:
        self._supervisor.stopping()
        for under_way in (self._starting, self._beginning):
            if under_way is not None:
                under_way.cancel()
        if self._discoverable is not None:
            await self._discoverable.stop()
        for port in self._ports:
            await maybeDeferred(port.stopListening)
        relay = self._relay
        if relay is None:
            return
        for one in relay.tls:
            one.stop()
        relay.hub.close()
        until = self._reactor.seconds() + GOODBYE_S
        while relay.hub.state.peers and self._reactor.seconds() < until:
            await deferLater(self._reactor, LOOK_S, lambda: None)
        await relay.store.close()
        relay.threads.stop()
        self._log.info("stopped")
