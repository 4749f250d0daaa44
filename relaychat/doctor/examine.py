"""Examines the network: which probes are made in which order, and what they have found
as a report."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import NamedTuple

from relaychat.doctor import probes
from relaychat.doctor.probes import ANSWER_S, CONNECT_S, SYSTEM, Heard, Probe, Prober
from relaychat.doctor.report import Outcome, Report, Row, Target
from relaychat.net import routes
from relaychat.net.datagrams import LIMITED_BROADCAST
from relaychat.net.dial import TLS_PORT, shown_certificate
from relaychat.net.interfaces import IP, Interface, read_interfaces
from relaychat.wire.discovery import Door

HANDSHAKE_S = 5.0
"""How long TLS may take, once there is a connection."""


class Place(NamedTuple):
    """A machine: its address, and the number of the interface that a link-local one is
    on."""

    ip: IP
    scope: int = 0


def place_of(host: str) -> Place:
    """The machine of a name or an address, ``fe80::1%eth0`` as well; IPv4 if it has
    both. Raises OSError, UnicodeError, ValueError for what is nobody's address."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    found.sort(key=lambda one: one[0] != socket.AF_INET)
    where = found[0][4]
    ip = ip_address(str(where[0]).partition("%")[0])
    if ip.is_multicast or ip.is_unspecified or _is_broadcast(ip):
        raise ValueError("this is not one machine's address")
    scope = int(where[3]) if len(where) == 4 else 0
    if ip.version == 6 and ip.is_link_local and not scope:
        raise ValueError(f"this address needs an interface, as in {ip}%eth0")
    return Place(ip, scope)


def _is_broadcast(ip: IP) -> bool:
    addresses = [one for interface in read_interfaces() for one in interface.addresses]
    return ip == LIMITED_BROADCAST or any(ip == one.broadcast for one in addresses)


class Examination:
    """One examination. ``report`` is filled in as it goes on."""

    def __init__(
        self,
        given: Place | None,
        port: int | None,
        udp_port: int,
        told: Callable[[str], None] = lambda text: None,
    ) -> None:
        """``given``: the machine to reach; else the first that answers. ``port``: its
        TCP port, else what it announces, else the default. ``told`` is called with what
        goes on."""
        self._place = given
        self._port = port
        self._told = told
        self.prober = Prober(udp_port, given.ip if given else None)
        self._own = given is not None and given.ip.is_loopback
        self._interfaces = [
            one for one in read_interfaces() if one.loopback == self._own
        ]
        self._called = 0
        """The TCP port that was tried."""
        self._gateway = routes.default_gateway()
        self.report = Report(rows=[self._row(one) for one in self._interfaces])

    def run(self) -> Report:
        """Make all probes. It takes 4 seconds where something is silent; 9, if the
        target or its port is not known before."""
        self._told(f"asking all, for {ANSWER_S:g} s at most")
        self._ask_all()
        if self._place is None:
            self._choose()
        if self._place is not None:
            self.reach(self._place)
        self._look_at_neighbours()
        return self.report

    # -- everybody -------------------------------------------------------------------

    def _ask_all(self) -> None:
        asked = [
            probe
            for interface, row in zip(self._interfaces, self.report.rows, strict=True)
            if row.up
            for probe in self.prober.everybody(interface)
        ]
        if self._place is not None:
            self.report.target = self.aim(self._place)
            asked += self._each(self.prober.one)
            asked += self._calls(self._place, self._port or TLS_PORT)
        self._poke_gateway()
        probes.run(asked)
        self._take(asked)

    def _choose(self) -> None:
        """Without a target: who answers first, IPv4 if there is a choice."""
        heard = sorted(
            self.prober.heard,
            key=lambda one: ip_address(one.source.split("%")[0]).version,
        )
        if not heard:
            return
        first = heard[0]
        ip = ip_address(first.source.partition("%")[0])
        scope = next(one.index for one in self._interfaces if one.name == first.by)
        self._place = Place(ip, scope if ip.is_link_local else 0)
        self.report.target = self.aim(self._place, given=False)
        asked = self._each(self.prober.one)
        probes.run(asked)
        self._take(asked)

    # -- one machine -----------------------------------------------------------------

    def aim(self, place: Place, given: bool = True) -> Target:
        """The target; which interfaces lead there is noted in the rows."""
        target = Target(address=str(place.ip), given=given)
        taken: Interface | None = None
        try:
            source = routes.route_to(*place)
            taken = routes.interface_with(self._interfaces, source)
        except OSError:
            target.routed = False
        for interface, row in zip(self._interfaces, self.report.rows, strict=True):
            near = interface.address_to(place.ip) is not None
            row.on_link = near and place.scope in (0, interface.index)
            row.routed = target.routed and interface is taken
        return target

    def _each(self, make: Callable[[str, IP, int], Probe]) -> list[Probe]:
        """Probes of the target, by the system's choice and by each interface that may
        lead there."""
        assert self._place is not None
        names = [
            row.name
            for row in self.report.rows
            if row.up and (row.on_link or row.routed)
        ]
        return [make(name, *self._place) for name in (SYSTEM, *names)]

    def reach(self, place: Place) -> None:
        """What it says of itself, and whether one can connect."""
        target = self.report.target
        assert target is not None
        heard = _of_target(self.prober.heard, place.ip)
        self._count_only(heard)
        door = _door(heard, place.ip)
        port = self._port or (door.port if door else TLS_PORT)
        if heard:
            target.name = heard[0].answer.name
        target.door = _written(place.ip, port)
        target.announced = door is not None and door.port == port
        if self._called != port:
            for row in self.report.rows:
                row.probes.pop("tcp", None)
            calls = self._calls(place, port)
            probes.run(calls)
            self._take(calls)
        if target.tcp is Outcome.OK and door is not None and target.announced:
            target.certificate = _certificate(place, door)

    def _calls(self, place: Place, port: int) -> list[Probe]:
        """Attempts to connect to it."""
        self._called = port
        door = _written(place.ip, port)
        self._told(f"connecting to {door}, for {CONNECT_S:g} s at most")
        return self._each(lambda by, ip, scope: probes.call(by, ip, port, scope))

    def _count_only(self, heard: list[Heard]) -> None:
        """Only what the target itself has answered counts; the others are named."""
        ours = {(one.by, one.probe) for one in heard}
        for row in self.report.rows:
            for kind in ("broadcast", "multicast4", "multicast6"):
                if (row.name, kind) in ours:
                    row.probes[kind] = Outcome.OK
                elif row.of(kind) is Outcome.OK:
                    row.probes[kind] = Outcome.SILENT
        self.report.others = list(
            dict.fromkeys(
                f"{one.answer.name} ({one.source})"
                for one in self.prober.heard
                if one not in heard
            )
        )

    # -- what is found ---------------------------------------------------------------

    def _row(self, interface: Interface) -> Row:
        name, gateway = interface.name, self._gateway
        return Row(
            name=name,
            addresses=tuple(str(one.network) for one in interface.addresses),
            up=interface.running and bool(interface.addresses),
            wireless=routes.is_wireless(name),
            tunnel=routes.is_tunnel(name),
            default=gateway is not None and gateway.interface == name,
        )

    def _take(self, done: Iterable[Probe]) -> None:
        """Note outcomes. Of several of a kind by an interface, success counts."""
        for probe in done:
            if probe.by == SYSTEM:
                assert self.report.target is not None
                setattr(self.report.target, probe.kind, probe.outcome)
                continue
            row = next(row for row in self.report.rows if row.name == probe.by)
            if row.of(probe.kind) is not Outcome.OK:
                row.probes[probe.kind] = probe.outcome

    def _poke_gateway(self) -> None:
        """Have the kernel look for the router on the link, by a datagram to it."""
        if self._gateway is None or self._gateway.ip is None:
            return
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.sendto(b"", (str(self._gateway.ip), 9))
            except OSError:
                return

    def _look_at_neighbours(self) -> None:
        known, gateway = routes.neighbours(), self._gateway
        if gateway is not None and gateway.ip is not None:
            there = known.get((gateway.interface, gateway.ip), False)
            self.report.gateway = "ok" if there else "silent"
        target, place = self.report.target, self._place
        if target is None or place is None or place.ip.version == 6:
            return
        taken = next((row for row in self.report.rows if row.routed), None)
        if taken is not None and taken.on_link:
            met = known.get((taken.name, place.ip))
            if met is not None:
                target.neighbour = "there" if met else "missing"


def _written(ip: IP, port: int) -> str:
    return f"[{ip}]:{port}" if ip.version == 6 else f"{ip}:{port}"


def _of_target(heard: Iterable[Heard], ip: IP) -> list[Heard]:
    """The answers of one machine: those from its address, and those of the same relay
    by other ways."""
    heard = list(heard)
    instances = {one.answer.instance for one in heard if one.is_from(ip)}
    return [one for one in heard if one.answer.instance in instances]


def _door(heard: Iterable[Heard], ip: IP) -> Door | None:
    """The door to try: one at the address itself, for our clients, with TLS, as far as
    there is."""
    doors = [door for one in heard for door in one.answer.doors]
    here = [door for door in doors if door.host == str(ip)]
    return max(here, key=lambda one: (one.dialect == "native", one.tls), default=None)


def _certificate(place: Place, door: Door) -> str:
    """Whether the certificate at a door is the one that was announced."""
    if not door.tls:
        return "untold"
    host = f"{place.ip}%{place.scope}" if place.scope else str(place.ip)
    try:
        shown = shown_certificate(host, door.port, None, HANDSHAKE_S)
    except OSError:
        return "failed"
    if not door.fingerprint:
        return "untold"
    same = hashlib.sha256(shown).hexdigest() == door.fingerprint
    return "same" if same else "other"
