"""Says on the network that the relay is a peer of Qt's network-chat example.

python qt_beacon.py relay 45001 192.168.1.255 10.0.0.255

It takes the name, the port where ``qt_chat.py`` listens, and the broadcast addresses of
the networks to be heard on. Who runs the example hears it within two seconds, and comes
to that port of the machine that this runs on.
"""

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall, react

PORT = 45000
EVERY_S = 2.0  # Its peers say it as often.


class Beacon(DatagramProtocol):
    transport: Any

    def __init__(
        self, name: str, port: int, addresses: Sequence[str], clock: Any = None
    ) -> None:
        self.said = f"{name}@{port}".encode()
        self.addresses = addresses
        self.calls = LoopingCall(self.say)
        if clock is not None:
            self.calls.clock = clock

    def startProtocol(self) -> None:
        self.transport.setBroadcastAllowed(True)
        self.over = self.calls.start(EVERY_S)

    def stopProtocol(self) -> None:
        if self.calls.running:
            self.calls.stop()

    def say(self) -> None:
        for address in self.addresses:
            with suppress(OSError):  # A network may be away for a while.
                self.transport.write(self.said, (address, PORT))


def main(reactor: Any, name: str, port: str, *addresses: str) -> Any:
    beacon = Beacon(name, int(port), addresses)
    reactor.listenUDP(0, beacon)
    return beacon.over


if __name__ == "__main__":
    if len(sys.argv) < 4 or not sys.argv[2].isdigit():
        sys.exit(__doc__)
    react(main, sys.argv[1:])
