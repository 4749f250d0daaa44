"""A million fuzzed datagrams through both sides of discovery: nothing may be raised,
and no answer may be longer than its question.

    python benchmarks/discovery_fuzz.py [--datagrams N] [--seed S]

Nine in ten go to the responder of a relay as if they had been received: noise,
questions and answers with bytes changed, cut or added, good questions; from neighbours,
from far away, from addresses that can't be. Time goes on fast enough for the rate
limits to let a good part through. The tenth goes through real sockets on loopback. As
many answers, fuzzed in the same ways, go to a client that has asked. One line of
figures; exit code 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import random
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from relaychat.client.lan.findings import Findings
from relaychat.client.lan.questions import Asker
from relaychat.net.datagrams import READ_AT_ONCE, Reader, answering_socket
from relaychat.net.discovery import Discovery, News, Settings
from relaychat.net.interfaces import Interface, read_interfaces
from relaychat.net.reach import Open
from relaychat.testing.world import SimulatedWorld
from relaychat.wire.discovery import HEAD_BYTES, Load, Room, query

DOORS = (
    Open("native", "0.0.0.0", 7601, True, "ab" * 32),
    Open("irc", "::", 6697, True, "ab" * 32),
)
ROOMS = tuple(Room(f"#room-{number}", number) for number in range(64))
SOURCES = (
    "127.0.0.1", "127.9.9.9", "127.255.255.255", "0.0.0.0", "10.0.0.1", "8.8.8.8",
    "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fe80::1%lo", "2001:4860::1",
    "::ffff:127.0.0.1", "ff02::1", "::",
)  # fmt: skip


class Speaker:
    """Has as much to say as fits."""

    def doors(self) -> tuple[Open, ...]:
        """See net.discovery.Speaker."""
        return DOORS

    def news(self, told: Callable[[News], None]) -> None:
        """See net.discovery.Speaker."""
        told(News(Load(2**53 - 1, 2**53 - 1, 2**53 - 1), ROOMS, 10**6))


class NoReactor:
    """Nobody is called by itself here."""

    def addReader(self, reader: Any) -> None:
        """See IReactorFDSet."""

    def removeReader(self, reader: Any) -> None:
        """See IReactorFDSet."""


class Count:
    """What went in, what came out, and what was wrong with it."""

    def __init__(self) -> None:
        self.asked = self.answers = self.raised = self.wrong = 0
        self.bytes_in = self.bytes_out = 0
        self.worst = 0.0

    def one(self, data: bytes, replies: list[bytes]) -> None:
        """A datagram and what it got."""
        self.asked += 1
        self.bytes_in += len(data)
        self.answers += len(replies)
        size = sum(map(len, replies))
        self.bytes_out += size
        if replies:
            self.worst = max(self.worst, size / len(data))
            # Only a question gets an answer, and one that is as we would write it.
            nonce = data[6:HEAD_BYTES]
            self.wrong += len(replies) > 1 or data != query(nonce)


def fuzzed(chance: random.Random, good: bytes) -> bytes:
    """Something like ``good``, or nothing like it."""
    kind = chance.randrange(8)
    if kind == 0:
        return chance.randbytes(chance.randrange(1473))
    if kind == 1:
        return good[: chance.randrange(len(good) + 1)]
    if kind == 2:
        return good + chance.randbytes(chance.randrange(1, 300))
    if kind == 3:
        return good[:HEAD_BYTES] + chance.randbytes(len(good) - HEAD_BYTES)
    if kind in (4, 5):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 9)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data)
    return good


class Fuzz:
    """All that is tried, from one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.world = SimulatedWorld(seed)
        self.count = Count()
        (self.loopback,) = [one for one in read_interfaces() if one.loopback]
        self.relay = Discovery(
            NoReactor(), self.world, Settings(), "relay.example", Speaker(), lambda: ()
        )
        self.kept: list[bytes] = []
        """Some real answers, to fuzz."""

    def received(self, data: bytes, sender: Any, at: Interface) -> list[bytes]:
        """Give the relay a datagram: what it replies."""
        replies: list[bytes] = []
        try:
            self.relay.received(data, sender, at, replies.append)
        except Exception as error:
            self.count.raised += 1
            print(f"raised {error!r} by {data[:40]!r} from {sender}", file=sys.stderr)
        return replies

    def directly(self, datagrams: int) -> None:
        """As if they had been received, from anywhere."""
        wide = replace(self.loopback, loopback=False)
        for _ in range(datagrams):
            asks = not self.kept or self.chance.randrange(16)
            good = query(self.chance.randbytes(16)) if asks else self.kept[-1]
            data = fuzzed(self.chance, good)
            sender = (self.chance.choice(SOURCES), self.chance.randrange(65536))
            at = wide if self.chance.randrange(2) else self.loopback
            replies = self.received(data, sender, at)
            self.count.one(data, replies)
            if replies and len(self.kept) < 1000:
                self.kept += replies
            self.world.advance(0.005)

    def by_sockets(self, datagrams: int) -> None:
        """Through the kernel, a few at a time, as they are read."""
        sock = answering_socket(self.loopback, 4, 0)
        got: list[tuple[bytes, list[bytes]]] = []

        def received(data: bytes, sender: Any, ancillary: Any) -> None:
            got.append((data, self.received(data, sender, self.loopback)))

        reader = Reader(NoReactor(), self.world.later, sock, received)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", sock.getsockname()[1]))
            left = datagrams
            while left > 0:
                few = min(left, READ_AT_ONCE // 2)
                for _ in range(few):
                    sender.send(fuzzed(self.chance, query(self.chance.randbytes(16))))
                got.clear()
                reader.doRead()
                if len(got) != few:
                    raise SystemExit(f"{few} were sent, {len(got)} read")
                for data, replies in got:
                    self.count.one(data, replies)
                left -= few
                self.world.advance(0.04)
        reader.close()

    def to_a_client(self, datagrams: int) -> int:
        """Answers, fuzzed: how many were believed."""
        heard: list[object] = []
        findings = Findings(heard.append)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            asker = Asker(
                "lo", sock, [],
                lambda asker, answer, took: findings.heard(answer, "lo", took, 0, "lo"),
                lambda: 0.0, lambda size: self.kept[0][6:HEAD_BYTES],
            )  # fmt: skip
            asker.ask()
            for _ in range(datagrams):
                data = fuzzed(self.chance, self.chance.choice(self.kept))
                if self.chance.randrange(2):
                    data = data[:6] + self.kept[0][6:HEAD_BYTES] + data[HEAD_BYTES:]
                try:
                    asker.received(data, ("127.0.0.1", 7602))
                except Exception as error:
                    self.count.raised += 1
                    print(f"the client raised {error!r} by {data!r}", file=sys.stderr)
        return len(findings)


def main() -> None:
    """Fuzz, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datagrams", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun = time.perf_counter()
    fuzz = Fuzz(options.seed)
    by_sockets = options.datagrams // 10
    fuzz.directly(options.datagrams - by_sockets)
    fuzz.by_sockets(by_sockets)
    fuzz.to_a_client(options.datagrams)
    count = fuzz.count
    ratio = count.bytes_out / count.bytes_in
    print(
        f"{count.asked:,} datagrams to a relay, {count.bytes_in / 1e6:,.0f} MB: "
        f"{count.answers:,} answers, amplification {ratio:.3f}"
        f" (of one question at most {count.worst:.3f}), {count.wrong} to what was no "
        f"question; {options.datagrams:,} to a client; {count.raised} exceptions; "
        f"{time.perf_counter() - begun:.0f} s, seed {options.seed}"
    )
    if count.raised or count.wrong or count.worst > 1 or not count.answers:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
