"""What Linux tells of routes and neighbours."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from relaychat.net import routes
from relaychat.net.routes import Gateway, default_in, interface_with, neighbours_in
from tests.net.lan import LAN, LOOPBACK

ROUTE = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth1	00000000	FE004D0A	0003	0	0	200	00000000	0	0	0
eth0	00000000	0100A8C0	0003	0	0	100	00000000	0	0	0
old	00000000	0100A8C0	0002	0	0	1	00000000	0	0	0
eth0	0000A8C0	00000000	0001	0	0	100	00FFFFFF	0	0	0
"""
TUNNEL = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
tun0	00000000	00000000	0001	0	0	0	00000000	0	0	0
"""
ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
192.168.0.1      0x1         0x2         52:54:00:12:34:56     *        eth0
192.168.0.9      0x1         0x0         00:00:00:00:00:00     *        eth0
"""


class RouteTests(SynchronousTestCase):
    def test_default(self) -> None:
        """The default route of the lowest metric that is up; a tunnel has no router."""
        self.assertEqual(default_in(ROUTE), Gateway("eth0", IPv4Address("192.168.0.1")))
        self.assertEqual(default_in(TUNNEL), Gateway("tun0", None))
        for nothing in ("", ROUTE.partition("\n")[0], "x\ny z\n"):
            self.assertIsNone(default_in(nothing))

    def test_neighbours(self) -> None:
        """Who answered ARP, and who did not."""
        self.assertEqual(
            neighbours_in(ARP),
            {
                ("eth0", IPv4Address("192.168.0.1")): True,
                ("eth0", IPv4Address("192.168.0.9")): False,
            },
        )
        self.assertEqual(neighbours_in(""), {})

    def test_source(self) -> None:
        """To loopback one sends from loopback; nothing leads nowhere."""
        here = ip_address("127.0.0.1")
        self.assertEqual(routes.route_to(here), here)
        self.assertEqual(interface_with([LAN, LOOPBACK], here), LOOPBACK)
        self.assertIsNone(interface_with([LAN], here))
        self.assertRaises(OSError, routes.route_to, ip_address("fe80::1"))

    def test_kinds(self) -> None:
        """Radios and tunnels are told by what the system says of them."""
        folder = Path(self.mktemp())
        for name, kind in (("wlan0", "1"), ("tun0", "65534"), ("eth0", "1")):
            (folder / name).mkdir(parents=True)
            (folder / name / "type").write_text(f"{kind}\n")
        (folder / "wlan0" / "wireless").mkdir()
        self.patch(routes, "SYS", folder)
        names = ("wlan0", "tun0", "eth0", "gone")
        wireless = [name for name in names if routes.is_wireless(name)]
        tunnels = [name for name in names if routes.is_tunnel(name)]
        self.assertEqual((wireless, tunnels), (["wlan0"], ["tun0"]))

    def test_elsewhere(self) -> None:
        """Where the system tells nothing, nothing is known."""
        self.patch(routes, "PROC", Path("/nonexistent"))
        self.assertIsNone(routes.default_gateway())
        self.assertEqual(routes.neighbours(), {})
