"""The answering side: who gets what, how often, and on which interfaces."""

from __future__ import annotations

import socket
from collections.abc import Callable
from socket import AF_INET, AF_INET6

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from relaychat.net.datagrams import asking_socket, ways
from relaychat.net.discovery import (
    RESCAN_S,
    Asked,
    Discovery,
    News,
    Rates,
    Settings,
    listened_on,
)
from relaychat.net.interfaces import Interface, read_interfaces
from relaychat.net.reach import Open
from relaychat.testing.world import SimulatedWorld
from relaychat.wire.discovery import Answer, Load, Room, query, read_answer
from tests.net.lan import LAN, LOOPBACK, OFFICE, Readers

DOORS = (
    Open("native", "0.0.0.0", 7601, True, "ab" * 32),
    Open("irc", "127.0.0.1", 6667),
)


class Relay:
    """Says always the same, at once or when it is let."""

    def __init__(self) -> None:
        self.gathered = 0
        self.more = 4
        self.held: list[Callable[[News], None]] | None = None

    def doors(self) -> tuple[Open, ...]:
        """See Speaker."""
        return DOORS

    def news(self, told: Callable[[News], None]) -> None:
        """See Speaker."""
        self.gathered += 1
        if self.held is not None:
            self.held.append(told)
        else:
            told(self.now)

    @property
    def now(self) -> News:
        """Its rooms tell how often it was asked."""
        return News(Load(3, 100, 7), (Room("#tea", self.gathered),), self.more)


class AnswerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world, self.relay = SimulatedWorld(), Relay()
        self.interfaces: tuple[Interface, ...] = ()
        self.discovery = Discovery(
            Readers(), self.world, Settings(), "tea.example", self.relay,
            lambda: self.interfaces,
        )  # fmt: skip
        self.out: list[bytes] = []
        self.number = 0

    def ask(
        self, host: str = "192.168.1.9", at: Interface = LAN, port: int = 40000
    ) -> Answer | None:
        """Ask with a new nonce: the answer that came at once."""
        self.number += 1
        return self.hear(query(self.number.to_bytes(16, "big")), host, at, port)

    def hear(
        self, data: bytes, host: str = "192.168.1.9", at: Interface = LAN,
        port: int = 40000,
    ) -> Answer | None:  # fmt: skip
        """Any datagram: the answer that came at once."""
        self.out.clear()
        self.discovery.received(data, (host, port), at, self.out.append)
        if not self.out:
            return None
        (said,) = self.out
        self.assertLessEqual(len(said), len(data))
        found = read_answer(said)
        assert found is not None
        self.assertEqual(found[0], data[6:22])
        return found[1]

    def test_answer(self) -> None:
        """It says who it is, how full, which rooms, and where one comes in from
        there."""
        said = self.ask()
        assert said is not None
        self.assertEqual(said.name, "tea.example")
        self.assertEqual(said.at, self.world.now_ms())
        self.assertEqual(said.load, Load(3, 100, 7))
        self.assertEqual((said.rooms, said.more), ((Room("#tea", 1),), 4))
        (door,) = said.doors
        self.assertEqual((door.host, door.port, door.tls), ("192.168.1.5", 7601, True))
        self.assertEqual(door.fingerprint, "ab" * 32)
        here = self.ask("127.0.0.1", LOOPBACK)
        assert here is not None
        self.assertEqual([one.dialect for one in here.doors], ["native", "irc"])
        self.assertEqual(here.instance, said.instance)

    def test_no_answer(self) -> None:
        """Nobody off the link, nothing odd, no port 0."""
        self.assertIsNone(self.ask("10.0.0.1"))
        self.assertIsNone(self.ask("8.8.8.8"))
        self.assertIsNone(self.ask(port=0))
        self.assertIsNone(self.hear(b"x" * 1200))
        self.assertIsNone(self.hear(b""))
        self.assertIsNotNone(self.ask("fe80::9%eth0"))

    def test_ten_a_second(self) -> None:
        """One address gets ten answers within any second, others theirs."""
        heard = [self.ask() is not None for _ in range(15)]
        self.assertEqual(heard, [True] * 10 + [False] * 5)
        self.assertIsNotNone(self.ask("192.168.1.10"))
        self.world.advance(0.99)
        self.assertIsNone(self.ask())
        self.world.advance(0.01)
        self.assertIsNotNone(self.ask())

    def test_a_hundred_a_second(self) -> None:
        """All together get a hundred."""
        hosts = [f"192.168.1.{n}" for n in range(10, 250)]
        heard = [self.ask(host) is not None for host in hosts]
        self.assertEqual(heard.count(True), 100)
        self.world.advance(1)
        self.assertIsNotNone(self.ask(hosts[-1]))

    def test_one_question_by_several_ways(self) -> None:
        """A question that comes by broadcast and by multicast is answered once."""
        data = query(b"n" * 16)
        self.assertIsNotNone(self.hear(data))
        self.assertIsNone(self.hear(data))
        self.assertIsNotNone(self.hear(data, "192.168.1.10"))

    def test_news_are_gathered_once_a_second(self) -> None:
        """However many ask, the hub is asked once."""
        for _ in range(5):
            self.ask()
        self.assertEqual(self.relay.gathered, 1)
        self.world.advance(1)
        said = self.ask()
        assert said is not None
        self.assertEqual(said.rooms, (Room("#tea", 2),))

    def test_many_rooms_are_looked_through_less_often(self) -> None:
        """A relay of 100,000 rooms is asked for them every ten seconds."""
        self.relay.more = 100_000
        self.ask()
        for _ in range(9):
            self.world.advance(1)
            self.ask()
        self.assertEqual(self.relay.gathered, 1)
        self.world.advance(1.1)
        self.ask()
        self.assertEqual(self.relay.gathered, 2)

    def test_answers_wait_for_news(self) -> None:
        """While the hub is busy answers wait, as many as a second may have; each goes
        to who asked."""
        self.relay.held = []
        for number in range(250):
            self.assertIsNone(self.ask(f"192.168.1.{number % 90 + 10}"))
            if number % 50 == 49:
                self.world.advance(1)
        self.assertEqual(len(self.relay.held), 1)
        self.out.clear()
        self.relay.held.pop()(self.relay.now)
        self.assertEqual(len(self.out), 100)
        self.relay.held = None
        self.assertIsNotNone(self.ask("192.168.1.200"))

    @given(
        st.one_of(st.binary(max_size=1400), st.just(query(b"n" * 16))),
        st.sampled_from(["192.168.1.9", "fe80::9%eth0", "::ffff:10.0.0.1", "ff02::1"]),
        st.integers(0, 65535),
    )
    def test_anything(self, data: bytes, host: str, port: int) -> None:
        """Whatever comes from wherever: one answer at most, no longer than what came,
        and no exception."""
        out: list[bytes] = []
        self.world.advance(1)
        self.discovery.received(data, (host, port), LAN, out.append)
        self.assertLessEqual(len(out), 1)
        self.assertLessEqual(sum(map(len, out)), len(data))

    def test_a_bug_in_an_answer(self) -> None:
        """It is logged, does not reach the hub that has told the news, and keeps no
        answer from the others, nor from who asks later."""
        self.relay.held = []

        def broken(data: bytes) -> None:
            raise ZeroDivisionError

        self.discovery.received(query(b"x" * 16), ("192.168.1.77", 40000), LAN, broken)
        self.ask()
        self.relay.held.pop()(self.relay.now)
        self.assertEqual(len(self.out), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.relay.held = None
        self.assertIsNotNone(self.ask("192.168.1.200"))

    def test_stopped(self) -> None:
        """After the end nobody gets an answer that was still to come."""
        self.relay.held = []
        self.ask()
        self.discovery.stop()
        self.relay.held.pop()(self.relay.now)
        self.assertEqual(self.out, [])


class BoundTests(SynchronousTestCase):
    def test_memory(self) -> None:
        """Whoever asks, from wherever: what is remembered is a second's answers."""
        world = SimulatedWorld()
        asked = Asked(Rates(), world)
        for number in range(20_000):
            asked.admit(
                f"10.0.{number >> 8}.{number & 255}", number.to_bytes(16, "big")
            )
            world.advance(0.001)
            self.assertLessEqual(len(asked), 100)
        self.assertLessEqual(len(asked._by_address), 100)
        self.assertLessEqual(len(asked._nonces), 100)
        world.advance(2)
        self.assertFalse(asked.full)
        self.assertEqual((len(asked), asked._nonces, asked._by_address), (0, set(), {}))


def heard(doors: tuple[Open, ...], *named: str) -> list[str]:
    """The interfaces that are listened on, of three."""
    settings = Settings(interfaces=named)
    found = listened_on((LOOPBACK, LAN, OFFICE), doors, settings)
    return [f"{one.name}/{version}" for one, version in found]


class InterfaceTests(SynchronousTestCase):
    def test_default_doors(self) -> None:
        """With doors on loopback alone, no port is open to any network."""
        self.assertEqual(heard((Open("native", "127.0.0.1", 7600),)), ["lo/4", "lo/6"])

    def test_doors_beyond(self) -> None:
        """Where a door can be reached, questions are heard."""
        self.assertEqual(
            heard((Open("irc", "192.168.1.5", 6667),)),
            ["lo/4", "lo/6", "eth0/4", "eth0/6"],
        )
        self.assertEqual(
            heard((Open("irc", "0.0.0.0", 6667),)),
            ["lo/4", "lo/6", "eth0/4", "eth0/6", "eth1/4"],
        )
        self.assertEqual(heard(()), [])

    def test_chosen_interfaces(self) -> None:
        """Only on those that the configuration names, if it names any."""
        self.assertEqual(heard((Open("irc", "0.0.0.0", 6667),), "eth1"), ["eth1/4"])

    def test_off(self) -> None:
        """What is off is not listened on."""
        off = replace(LAN, up=False)
        self.assertEqual(listened_on([off], DOORS, Settings()), {})


class LookTests(SynchronousTestCase):
    """Interfaces that come and go, on the real loopback."""

    def setUp(self) -> None:
        (self.loopback,) = [one for one in read_interfaces() if one.loopback]
        self.interfaces: tuple[Interface, ...] = (self.loopback,)
        self.broken = False
        self.world, self.reactor = SimulatedWorld(), Readers()
        self.discovery = Discovery(
            self.reactor, self.world, Settings(port=0), "tea.example", Relay(),
            self.read,
        )  # fmt: skip
        self.addCleanup(self.discovery.stop)
        self.discovery.start()
        if not self.reactor.reading:
            self.skipTest("sockets can't be bound to an interface here")

    def read(self) -> tuple[Interface, ...]:
        if self.broken:
            raise OSError("no")
        return self.interfaces

    def test_come_and_go(self) -> None:
        """An interface that goes is left; when it is back it is listened on anew."""
        first = list(self.reactor.reading)
        self.world.advance(RESCAN_S)
        self.assertEqual(self.reactor.reading, first)
        self.interfaces = ()
        self.world.advance(RESCAN_S)
        self.assertEqual(self.discovery.heard, [])
        self.interfaces = (self.loopback,)
        self.world.advance(RESCAN_S)
        self.assertEqual(self.discovery.heard[0], (self.loopback.name, 4))
        self.assertNotIn(first[0], self.reactor.reading)

    def test_changed(self) -> None:
        """One that has another address is listened on anew: its groups are joined
        again."""
        first = list(self.reactor.reading)
        self.interfaces = (
            replace(self.loopback, addresses=self.loopback.addresses[:1]),
        )
        self.world.advance(RESCAN_S)
        self.assertNotIn(first[0], self.reactor.reading)
        self.assertEqual(self.discovery.heard, [(self.loopback.name, 4)])

    def test_unreadable(self) -> None:
        """While interfaces can't be read, those that are known go on."""
        first = list(self.reactor.reading)
        self.broken = True
        self.world.advance(RESCAN_S)
        self.assertEqual(self.reactor.reading, first)

    def test_no_such_interface(self) -> None:
        """What can't be listened on is tried again at each look, and keeps nothing from
        the others."""
        ghost = replace(self.loopback, name="rcghost0")
        self.interfaces = (ghost, self.loopback)
        self.world.advance(RESCAN_S)
        self.assertEqual(
            {name for name, _ in self.discovery.heard}, {self.loopback.name}
        )

    def test_an_answer_goes_out(self) -> None:
        """A question on the real socket is answered on it."""
        reader = self.reactor.reading[0]
        (address,) = self.loopback.of(4)[:1]
        with asking_socket(self.loopback, address) as sock:
            way = next(ways(self.loopback, address, reader.socket.getsockname()[1]))
            sock.sendto(query(b"n" * 16), way.sockaddr)
            reader.doRead()
            found = read_answer(sock.recv(2048))
        assert found is not None
        self.assertEqual(found[0], b"n" * 16)

    def test_from_the_address_that_was_asked(self) -> None:
        """An answer comes from where the question went, though the machine would send
        from another address by itself."""
        reader = self.reactor.reading[0]
        port = reader.socket.getsockname()[1]
        for there in ("127.0.0.7", "127.0.0.1"):
            with socket.socket(AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(5)
                sock.bind(("127.0.0.1", 0))
                sock.connect((there, port))  # So no other answer comes through.
                sock.send(query(there.rjust(16).encode()))
                reader.doRead()
                self.assertIsNotNone(read_answer(sock.recv(2048)))

    def test_from_the_address_that_was_asked_by_ipv6(self) -> None:
        """So it is in IPv6."""
        readers = [one for one in self.reactor.reading if one.socket.family == AF_INET6]
        if not readers:
            self.skipTest("no IPv6 here")
        with socket.socket(AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.connect(("::1", readers[0].socket.getsockname()[1]))
            sock.send(query(b"n" * 16))
            readers[0].doRead()
            self.assertIsNotNone(read_answer(sock.recv(2048)))

    def test_stop(self) -> None:
        """In the end nothing is read and nothing looked at."""
        self.discovery.stop()
        self.assertEqual(self.reactor.reading, [])
        self.assertIsNone(self.world.next_us())
