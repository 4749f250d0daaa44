"""What is announced by mDNS, and that it is taken back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from relaychat.net.interfaces import Interface
from relaychat.net.mdns import Announced, Announcer, announced
from relaychat.net.reach import Open
from tests.net.lan import LAN, LOOPBACK, OFFICE

TLS = Open("native", "0.0.0.0", 7601, True, "ab" * 32)
ID = "0123456789abcdef"


def told(
    *doors: Open, at: tuple[Interface, ...] = (LOOPBACK, LAN), name: str = "tea"
) -> Announced:
    """What is announced of these doors."""
    return announced(doors, at, (), name, ID, "1.0")


class AnnouncedTests(SynchronousTestCase):
    def test_record(self) -> None:
        """A door is announced with its addresses beyond this machine, and what a client
        wants to know of it."""
        (one,) = told(TLS).services
        self.assertEqual((one.type, one.instance), ("_relaychat._tcp.local.", "tea"))
        self.assertEqual((one.port, one.addresses), (7601, (bytes([192, 168, 1, 5]),)))
        self.assertEqual(
            dict(one.properties),
            {
                "txtvers": "1", "instance": ID, "name": "tea", "version": "1.0",
                "tls": "1", "fingerprint": "ab" * 32,
            },
        )  # fmt: skip
        self.assertEqual(told(TLS).interfaces, ("192.168.1.5",))

    def test_one_label(self) -> None:
        """The instance is one label: with a dot in it other browsers see no service."""
        (one,) = told(TLS, name="tea.example").services
        self.assertEqual(one.instance, "tea-example")
        self.assertEqual(dict(one.properties)["name"], "tea.example")

    def test_loopback(self) -> None:
        """Doors of this machine alone are announced to nobody."""
        self.assertEqual(told(Open("native", "127.0.0.1", 7600)), Announced())
        self.assertEqual(told(TLS, at=(LOOPBACK,)), Announced())

    def test_types(self) -> None:
        """IRC has names of its own; a dialect without one is not announced."""
        found = told(
            Open("irc", "0.0.0.0", 6697, True),
            Open("irc", "0.0.0.0", 6667),
            Open("shout", "0.0.0.0", 7777),
        )
        self.assertEqual(
            [(one.type, one.instance) for one in found.services],
            [("_ircs._tcp.local.", "tea"), ("_irc._tcp.local.", "tea (plain)")],
        )

    def test_several_of_one_type(self) -> None:
        """Each has a name of its own, within what a label takes."""
        doors = [Open("native", "0.0.0.0", port, True) for port in (7601, 7701)]
        names = [one.instance for one in told(*doors, name="t" * 63).services]
        self.assertEqual(names, ["t" * 63, "t" * 58 + " 7701"])

    def test_all_interfaces(self) -> None:
        """On all of them, or on those that are named; not on one that is off."""
        ways = told(TLS, at=(LAN, OFFICE)).interfaces
        self.assertEqual(ways, ("192.168.1.5", "10.1.2.3"))
        some = announced([TLS], (LAN, OFFICE), ("eth1",), "tea", ID, "1.0")
        self.assertEqual(some.interfaces, ("10.1.2.3",))
        self.assertEqual(told(TLS, at=(replace(LAN, up=False),)), Announced())


class Pool:
    """Threads that do nothing until they are let."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def callInThreadWithCallback(self, done: Any, call: Any, *given: Any) -> None:
        """See ThreadPool."""

        def run() -> None:
            try:
                result = call(*given)
            except Exception as error:
                done(False, Failure(error))
            else:
                done(True, result)

        self.waiting.append(run)


class Reactor:
    """What the announcer takes of one."""

    def __init__(self) -> None:
        self.pool = Pool()

    def getThreadPool(self) -> Pool:
        """See IReactorThreads."""
        return self.pool

    def callFromThread(self, call: Any, *given: Any) -> None:
        """See IReactorFromThreads."""
        call(*given)


class AnnouncerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.announcer = Announcer(self.reactor)

    def work(self) -> None:
        """Let the threads do what waits."""
        while self.reactor.pool.waiting:
            self.reactor.pool.waiting.pop(0)()

    def test_nothing(self) -> None:
        """A relay on loopback needs no thread, and no zeroconf."""
        self.announcer.announce(Announced())
        self.assertEqual(self.reactor.pool.waiting, [])
        self.successResultOf(self.announcer.stop())

    def test_missing(self) -> None:
        """Without zeroconf it is said how to have it, once; the rest goes on."""
        with mock.patch.dict(sys.modules, {"zeroconf": None}):
            self.announcer.announce(told(TLS))
            self.work()
            self.announcer.announce(told(TLS))
            self.assertEqual(self.reactor.pool.waiting, [])
            stopped: Deferred[None] = self.announcer.stop()
            self.work()
        self.successResultOf(stopped)
