"""Interfaces as tests need them, without a machine that has them."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import Any

from msgspec.structs import replace

from relaychat.net.interfaces import Address, Interface


def interface(name: str, index: int, *networks: str, **other: Any) -> Interface:
    """An interface that is up, with these addresses (``10.1.2.3/16``)."""
    made = Interface(
        name=name,
        index=index,
        up=True,
        running=True,
        loopback=name == "lo",
        broadcast=name != "lo",
        multicast=name != "lo",
        addresses=tuple(Address(ip_interface(one)) for one in networks),
    )
    return replace(made, **other)


LOOPBACK = interface("lo", 1, "127.0.0.1/8", "::1/128")
LAN = interface("eth0", 2, "192.168.1.5/24", "fe80::5/64", "fd00::5/64")
OFFICE = interface("eth1", 3, "10.1.2.3/16")


class Readers:
    """As much of a reactor as readers need: who reads is written down."""

    def __init__(self) -> None:
        self.reading: list[Any] = []

    def addReader(self, reader: Any) -> None:
        """See IReactorFDSet."""
        if reader not in self.reading:
            self.reading.append(reader)

    def removeReader(self, reader: Any) -> None:
        """See IReactorFDSet."""
        if reader in self.reading:
            self.reading.remove(reader)
