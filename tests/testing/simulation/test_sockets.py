"""The simulated TCP: bounded, in order, and ended as TCP ends."""

from __future__ import annotations

import socket

from twisted.trial.unittest import TestCase

from relaychat.testing.simulation.sockets import Weather, socket_pair
from relaychat.testing.simulation.trace import Trace
from relaychat.testing.world import SimulatedWorld


class SocketTests(TestCase):
    """A pair of ends; what one sends the other reads, a while later."""

    def setUp(self) -> None:
        self.world = SimulatedWorld()
        weather = Weather(delay_us=1_000, jitter_us=500, buffer_bytes=1000)
        self.near, self.far, self.path = socket_pair(
            self.world, Trace(self.world), weather, "ann"
        )

    def read(self) -> bytes:
        """All that has arrived at the far end."""
        pieces = []
        while self.far.can_read:
            pieces.append(self.far.recv(100))
            if not pieces[-1]:
                break
        return b"".join(pieces)

    def send(self, data: bytes) -> None:
        """Send all of it, which has to fit."""
        while data:
            data = data[self.near.send(data) :]

    def test_order(self) -> None:
        """Bytes take a while and come in order, however they were cut."""
        for number in range(50):
            self.send(b"%d " % number)
        self.assertEqual(self.read(), b"")
        self.world.advance(1)
        self.assertEqual(self.read(), b"".join(b"%d " % n for n in range(50)))

    def test_bounded(self) -> None:
        """A sender is stopped by a reader that does not read, and told when it does."""
        told = []
        self.near.on_writable = lambda: told.append(self.world.monotonic_us())
        self.send(b"x" * 1000)
        self.assertRaises(BlockingIOError, self.near.send, b"y")
        self.world.advance(1)
        self.assertEqual((self.near.can_write, told), (False, []))
        self.far.recv(10)
        self.world.advance(1)
        self.assertEqual((self.near.can_write, len(told)), (True, 1))

    def test_send_buffer(self) -> None:
        """A program may ask for less of a buffer."""
        self.near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 100)
        self.send(b"x" * 100)
        self.assertRaises(BlockingIOError, self.near.send, b"y")

    def test_silence(self) -> None:
        """A network that is silent for a while keeps the order, also of what was under
        way before and arrives after."""
        pipe = self.near.outgoing
        pipe.bytes_per_s = 100
        for number in range(10):
            self.send(b"%d12345678 " % number)
        self.world.advance(0.35)
        pipe.silent = True
        self.world.advance(0.2)
        self.send(b"in between ")
        pipe.heal()
        self.send(b"after")
        self.world.advance(5)
        whole = b"".join(b"%d12345678 " % n for n in range(10))
        self.assertEqual(self.read(), whole + b"in between after")

    def test_end(self) -> None:
        """The end of the stream comes behind the data."""
        self.send(b"last")
        self.near.shutdown(socket.SHUT_WR)
        self.near.close()
        self.world.advance(1)
        self.assertEqual(self.far.recv(100), b"last")
        self.assertEqual(self.far.recv(100), b"")

    def test_reset(self) -> None:
        """Who closes without having read resets; what was on its way is lost."""
        self.far.send(b"unread")
        self.world.advance(1)
        self.near.close()
        self.world.advance(1)
        self.assertRaises(ConnectionResetError, self.far.recv, 100)
        self.assertRaises(OSError, self.far.send, b"x")

    def test_nobody_there(self) -> None:
        """Data for a socket that is closed is answered with a reset."""
        self.near.close()
        self.far.send(b"hello?")
        self.world.advance(1)
        self.assertRaises(ConnectionResetError, self.far.recv, 100)

    def test_power_cut(self) -> None:
        """A machine without power answers nothing; when it is back, it knows nothing of
        the connection, and says so."""
        self.near.power_off()
        self.far.send(b"hello?")
        self.world.advance(60)
        self.assertFalse(self.far.can_read)
        self.near.power_on()
        self.world.advance(1)
        self.assertRaises(ConnectionResetError, self.far.recv, 100)

    def test_program_that_does_not_read(self) -> None:
        """Its data waits for it."""
        self.send(b"patience")
        self.far.stop_reading()
        self.world.advance(1)
        self.assertFalse(self.far.can_read)
        self.assertRaises(BlockingIOError, self.far.recv, 100)
        self.far.read_again()
        self.assertEqual(self.read(), b"patience")
