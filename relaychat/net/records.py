"""What the DNS says, as typed records.

A name is written as text without its last dot; the root is ``.``. What is not printable
ASCII in it, or means something there, is written as ``\\DDD``, as in zone files
(RFC 1035, 5.1): so no name can move a terminal's cursor.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import msgspec
from twisted.names import dns

TYPES = {
    "A": dns.A, "AAAA": dns.AAAA, "ANY": dns.ALL_RECORDS, "CNAME": dns.CNAME,
    "MX": dns.MX, "NS": dns.NS, "PTR": dns.PTR, "SRV": dns.SRV, "TXT": dns.TXT,
}  # fmt: skip
"""What may be asked for."""


class Record(msgspec.Struct, frozen=True, tag_field="type"):
    """One record: whose it is, and for how long it may be kept (seconds)."""

    name: str
    ttl_s: int

    @property
    def kind(self) -> str:
        """Its type, as zone files write it."""
        return str(self.__struct_config__.tag)

    @property
    def data(self) -> str:
        """What it says, as zone files write it."""
        raise NotImplementedError


class _Address(Record, frozen=True):
    address: str

    @property
    def data(self) -> str:
        """See Record."""
        return self.address


class A(_Address, frozen=True, tag="A"):
    """An IPv4 address of a host."""


class Aaaa(_Address, frozen=True, tag="AAAA"):
    """An IPv6 address of a host."""


class _Host(Record, frozen=True):
    host: str

    @property
    def data(self) -> str:
        """See Record."""
        return self.host


class Cname(_Host, frozen=True, tag="CNAME"):
    """The name is an alias of this one."""


class Ns(_Host, frozen=True, tag="NS"):
    """A name server of the zone."""


class Ptr(_Host, frozen=True, tag="PTR"):
    """The name behind an address."""


class Mx(Record, frozen=True, tag="MX"):
    """Where mail for the domain goes; the lowest preference first."""

    preference: int
    host: str

    @property
    def data(self) -> str:
        """See Record."""
        return f"{self.preference} {self.host}"


class Srv(Record, frozen=True, tag="SRV"):
    """Where a service of the domain is (RFC 2782)."""

    priority: int
    weight: int
    port: int
    host: str

    @property
    def data(self) -> str:
        """See Record."""
        return f"{self.priority} {self.weight} {self.port} {self.host}"

    @property
    def is_offered(self) -> bool:
        """Whether there is such a service: the root as its host says no."""
        return self.host != "."


class Txt(Record, frozen=True, tag="TXT"):
    """Texts about a name; bytes that are no UTF-8 are shown as ``\\xNN``."""

    texts: tuple[str, ...]

    @property
    def data(self) -> str:
        """See Record."""
        return " ".join(f'"{_quoted(text)}"' for text in self.texts)


class Other(Record, frozen=True, tag="other"):
    """A record of another type: its number, and its data as far as it is known."""

    number: int
    shown: str

    @property
    def kind(self) -> str:
        """The type's name, or its number as in RFC 3597."""
        return str(dns.QUERY_TYPES.get(self.number, f"TYPE{self.number}"))

    @property
    def data(self) -> str:
        """See Record."""
        return self.shown


def name_of(raw: bytes) -> str:
    """A name as text."""
    shown = "".join(
        chr(byte) if 0x21 <= byte <= 0x7E and byte not in b'"\\;()@' else f"\\{byte:03}"
        for byte in raw
    )
    return shown.rstrip(".") or "."


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


_MAKE: dict[int, Callable[[Any], dict[str, Any]]] = {
    dns.A: lambda data: {"address": str(IPv4Address(data.address))},
    dns.AAAA: lambda data: {"address": str(IPv6Address(data.address))},
    dns.CNAME: lambda data: {"host": name_of(data.name.name)},
    dns.NS: lambda data: {"host": name_of(data.name.name)},
    dns.PTR: lambda data: {"host": name_of(data.name.name)},
    dns.MX: lambda data: {
        "preference": data.preference,
        "host": name_of(data.name.name),
    },
    dns.SRV: lambda data: {
        "priority": data.priority,
        "weight": data.weight,
        "port": data.port,
        "host": name_of(data.target.name),
    },
    dns.TXT: lambda data: {"texts": tuple(_text(raw) for raw in data.data)},
}
_KINDS: dict[int, type[Record]] = {
    dns.A: A, dns.AAAA: Aaaa, dns.CNAME: Cname, dns.NS: Ns, dns.PTR: Ptr, dns.MX: Mx,
    dns.SRV: Srv, dns.TXT: Txt,
}  # fmt: skip


def record(header: Any) -> Record:
    """The record of one entry of an answer."""
    name, ttl_s, number = name_of(header.name.name), header.ttl, header.type
    kind = _KINDS.get(number)
    if kind is not None:
        return kind(name, ttl_s, **_MAKE[number](header.payload))
    return Other(name, ttl_s, number, _shown(header.payload))


def _shown(payload: Any) -> str:
    if isinstance(payload, dns.Record_HINFO):
        return f'"{_quoted(_text(payload.cpu))}" "{_quoted(_text(payload.os))}"'
    if isinstance(payload, dns.Record_SOA):
        return f"{name_of(payload.mname.name)} {name_of(payload.rname.name)}"
    if isinstance(payload, dns.UnknownRecord):  # As in RFC 3597.
        return rf"\# {len(payload.data)} {payload.data.hex()}"
    return ""


def is_minimal(records: list[Record]) -> bool:
    """Whether this is how a server answers ANY that does not want to (RFC 8482)."""
    return bool(records) and all(
        isinstance(one, Other) and one.number == dns.HINFO and "RFC8482" in one.shown
        for one in records
    )
