"""Networks of our own: machines hear each other over cables and switches."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.namespaces import Network, why_not

HEARD = """
import socket, sys
from relaychat.net.interfaces import read_interfaces
for one in read_interfaces():
    for address in one.addresses:
        print(one.name, address.network, address.broadcast, one.up)
"""


class NamespaceTests(SynchronousTestCase):
    if why_not():
        skip = why_not()

    def setUp(self) -> None:
        self.network = Network()
        self.addCleanup(self.network.clean)

    def test_interfaces(self) -> None:
        """A machine sees its own interfaces alone, with the right broadcast address
        though nobody has told the system one; and that it is off."""
        one, other = self.network.machine("one"), self.network.machine("other")
        name, _ = self.network.cable(one, other, "10.7.0.1/20", "10.7.0.2/20")
        told = one.python("-c", HEARD)
        self.assertIn(f"{name} 10.7.0.1/20 10.7.15.255 True", told.stdout)
        self.assertNotIn("192.", told.stdout, told.stderr)
        one.ip("link", "set", name, "down")
        told = one.python("-c", HEARD)
        self.assertIn(f"{name} 10.7.0.1/20 10.7.15.255 False", told.stdout)

    def test_switch(self) -> None:
        """All at a switch reach each other; what was started is ended."""
        machines = [self.network.machine(name) for name in "abc"]
        ends = [(one, f"10.8.0.{n}/24") for n, one in enumerate(machines, 1)]
        self.network.switch(*ends)
        server = machines[0].start(
            "python3", "-u", "-c",
            "import socket; s = socket.create_server(('10.8.0.1', 99)); print('up')\n"
            "while True: s.accept()[0].sendall(b'tea')",
        )  # fmt: skip
        assert server.stdout is not None
        self.assertEqual(server.stdout.readline(), "up\n")
        for machine in machines[1:]:
            heard = machine.run(
                "python3", "-c",
                "import socket; s = socket.create_connection(('10.8.0.1', 99))\n"
                "print(s.recv(3))",
            )  # fmt: skip
            self.assertEqual(heard.stdout, "b'tea'\n", heard.stderr)
        machines[0].stop(server)
        self.assertIsNotNone(server.returncode)
