"""What TLS handshakes leave behind that end anywhere: nothing, or it is a leak.

    python benchmarks/handshakes.py [--count N]

In one process, without sockets, a relay's door shakes hands with N clients. Each ends
at one of seven stages: before a byte, with garbage, in the middle of a client's hello,
behind it, with a wrong protocol (ALPN), after the handshake, in a session. The
certificate is renewed 20 times meanwhile. One line of figures; exit code 1 if something
is left of any of them, or if memory has grown by more than 2 MiB after the first fifth.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory

from relaychat.app.certificate import make_server
from relaychat.net.certificates import Certificates, Source
from relaychat.net.listen import Counter, Guard, GuardedFactory
from relaychat.net.outlet import Bounds
from relaychat.net.tls import Pair
from relaychat.session.native import Native
from relaychat.testing.relay import Relay

RENEWALS = 20
MOST_KIB = 2048
NAMES = ("localhost", "chat.test")
LOCAL = IPv4Address("TCP", "127.0.0.1", 4711)


class Door:
    """A relay's door with TLS, and what one needs to come to it."""

    def __init__(self, folder: Path) -> None:
        self.relay = Relay()
        self._pem = folder / "relay.pem"
        self.renew()
        source = Source(Pair(self._pem, self._pem))
        quiet: Any = lambda event: None  # noqa: E731
        log = Logger(namespace="handshakes", observer=quiet)
        self._certificates = Certificates(source, self.relay.world, log)
        self._certificates.load()
        counter = Counter(Guard(), self.relay.world)
        shells = GuardedFactory(self.relay.host(Native), Bounds(), True, counter)
        self._clock = Clock()
        self._factory = TLSMemoryBIOFactory(
            self._certificates.connections(Native.alpn), False, shells, self._clock
        )
        self._client = SSL.Context(SSL.TLS_METHOD)
        self.counter = counter

    def renew(self) -> None:
        """Another certificate."""
        made = make_server("localhost", NAMES, datetime.now(UTC))
        self._pem.write_bytes(made.key_pem() + made.certificate_pem())

    def look(self) -> None:
        """Serve the new one."""
        assert self._certificates.look().changed

    def come(self) -> Visit:
        """A client comes."""
        make: Any = StringTransport
        transport = make(peerAddress=LOCAL)
        protocol: Any = self._factory.buildProtocol(LOCAL)
        protocol.makeConnection(transport)
        client = SSL.Connection(self._client, None)
        client.set_connect_state()
        client.set_tlsext_host_name(b"chat.test")
        return Visit(self, protocol, transport, client)

    def run(self) -> None:
        """Let everything happen that needs no time."""
        self._clock.advance(0)
        self.relay.run()


class Visit:
    """A client's connection."""

    def __init__(self, door: Door, protocol: Any, transport: Any, client: Any) -> None:
        self._door = door
        self.protocol = protocol
        self.transport = transport
        self.client = client

    def hello(self) -> bytes:
        """The client's first flight."""
        with suppress(SSL.WantReadError):
            self.client.do_handshake()
        return bytes(self.client.bio_read(1 << 16))

    def shake_hands(self) -> None:
        """A whole handshake."""
        self.protocol.dataReceived(self.hello())
        self._door.run()
        self.client.bio_write(self.transport.value())
        self.transport.clear()
        self.client.do_handshake()
        self.protocol.dataReceived(self.client.bio_read(1 << 16))
        self._door.run()

    def say(self, line: bytes) -> None:
        """Something behind the handshake."""
        self.client.send(line)
        self.protocol.dataReceived(self.client.bio_read(1 << 16))
        self._door.run()

    def end(self) -> None:
        """The connection breaks, and the next one comes a minute later: until then
        the simulated world keeps timers, the cancelled ones too."""
        self.protocol.connectionLost()
        self._door.run()
        self._door.relay.world.advance(60)


def nothing(visit: Visit) -> None:
    """Not a byte."""


def garbage(visit: Visit) -> None:
    """Something else than TLS."""
    visit.protocol.dataReceived(b"NICK ann\r\nUSER ann 0 * :Ann\r\n")


def half(visit: Visit) -> None:
    """A part of the hello."""
    visit.protocol.dataReceived(visit.hello()[:200])


def hello(visit: Visit) -> None:
    """The hello, and no answer to what comes back."""
    visit.protocol.dataReceived(visit.hello())


def other_protocol(visit: Visit) -> None:
    """A browser's offer."""
    visit.client.set_alpn_protos([b"h2", b"http/1.1"])
    visit.protocol.dataReceived(visit.hello())


def whole(visit: Visit) -> None:
    """The handshake, and not a word."""
    visit.shake_hands()


def session(visit: Visit) -> None:
    """A session that was welcomed. It leaves nothing in the log, which is in memory
    here."""
    visit.shake_hands()
    visit.say(b'{"type":"hello","nick":"ann"}\n')


STAGES: tuple[Callable[[Visit], None], ...] = (
    nothing, garbage, half, hello, other_protocol, whole, session,
)  # fmt: skip


def resident_kib() -> int:
    """This process's memory."""
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise SystemExit("there is no /proc here")


def alive() -> int:
    """TLS connections and contexts that are still there."""
    gc.collect()
    return sum(isinstance(one, SSL.Connection) for one in gc.get_objects())


def run(count: int) -> tuple[int, int, float]:
    """So many handshakes: KiB that memory grew by after the first fifth, connections
    that are left, and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        door = Door(Path(folder))
        begun, early = time.perf_counter(), 0
        for number in range(count):
            if number % (count // RENEWALS) == count // RENEWALS - 1:
                door.renew()
                door.look()
            if number == count // 5:
                early = resident_kib()
            visit = door.come()
            STAGES[number % len(STAGES)](visit)
            visit.end()
        took_s = time.perf_counter() - begun
        assert door.counter.total == 0, "connections are still counted"
        del visit
        return resident_kib() - early, alive(), took_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    count = parser.parse_args().count
    grown_kib, left, took_s = run(count)
    print(
        f"{count} handshakes ended at {len(STAGES)} stages, {RENEWALS} renewals:"
        f" {left} connections left, memory grew by {grown_kib} KiB,"
        f" {count / took_s:.0f} a second"
    )
    sys.exit(left > 0 or grown_kib > MOST_KIB)


if __name__ == "__main__":
    main()
