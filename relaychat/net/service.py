"""Where the relay of a domain is: its SRV and TXT records.

::

    _relaychat._tcp.example.org.  SRV  10 60 7601 relay1.example.net.
    _relaychat._tcp.example.org.  SRV  20  0 7601 relay2.example.net.
    _relaychat._tcp.example.org.  TXT  "fingerprint=AB:CD:…"

The order of targets is that of RFC 2782: by priority, and among equals by chance and
weight. A fingerprint is the certificate's SHA-256; there may be several, while one
certificate takes over from another. Without DNSSEC, which nobody here proves, whoever
can change what a client reads may write all of it: so the certificate has to be good
for the *domain*, not for the target, and a fingerprint is no proof.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from relaychat.net.names import Names, NoSuchName, NoSuchRecord
from relaychat.net.records import Record, Srv, Txt

NATIVE = "_relaychat._tcp"
"""Relays by the native protocol, with TLS."""
IRC = "_ircs._tcp"
"""IRC with TLS, for programs that look for it."""
PLAIN_IRC = "_irc._tcp"
"""IRC without TLS: announced on the local network (``mdns``), and looked for nowhere
else."""
TARGETS = 8
"""Targets of one domain that are tried, in their order."""
FINGERPRINT = "fingerprint="


class Target(NamedTuple):
    """A host and a port that an SRV record names."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class NotOffered(Exception):
    """The domain says that it has no such service: its SRV record names the root."""


def has_domain(host: str) -> bool:
    """Whether a host may be a domain that has a relay by SRV: names that are for this
    machine, or for this network by mDNS, and those without a dot, are asked for nowhere
    else (RFC 6761, RFC 6762)."""
    labels = host.rstrip(".").lower().split(".")
    return (
        len(labels) > 1
        and labels[-1] not in ("local", "localhost")
        and not (":" in host or labels[-1].isdigit())
    )


async def targets_of(
    names: Names, domain: str, chance: Callable[[], float], service: str = NATIVE
) -> list[Target]:
    """The targets of a domain in the order in which to try them; none, if it has no SRV
    record. Raises NotOffered, LookupFailed."""
    try:
        found = await names.lookup(f"{service}.{domain}", "SRV")
    except (NoSuchName, NoSuchRecord):
        return []
    services = [one for one in found if isinstance(one, Srv)]
    ordered = in_order([one for one in services if one.is_offered], chance)
    if not ordered:
        raise NotOffered(f"{domain} says that it has no relay ({service})")
    return [Target(one.host, one.port) for one in ordered[:TARGETS]]


def in_order(services: Iterable[Srv], chance: Callable[[], float]) -> list[Srv]:
    """SRV records in the order in which to try them (RFC 2782). ``chance`` gives
    numbers from 0 to 1, without 1."""
    ordered: list[Srv] = []
    left = sorted(services, key=lambda one: (one.priority, one.weight))
    while left:
        equals = [one for one in left if one.priority == left[0].priority]
        # Those of weight 0 stand first, and have a very small chance beside others.
        point = int(chance() * (sum(one.weight for one in equals) + 1))
        for one in equals:
            point -= one.weight
            if point <= 0:
                break
        ordered.append(one)
        left.remove(one)
    return ordered


async def fingerprints_of(
    names: Names, domain: str, service: str = NATIVE
) -> list[str]:
    """The fingerprints that a domain publishes. Raises LookupFailed for a question that
    has no answer; an answer without one is none."""
    try:
        found = await names.lookup(f"{service}.{domain}", "TXT")
    except (NoSuchName, NoSuchRecord):
        return []
    return published(found)


def published(records: Iterable[Record]) -> list[str]:
    """The fingerprints in TXT records, as they are written there."""
    return [
        text[len(FINGERPRINT) :].strip()
        for one in records
        if isinstance(one, Txt)
        for text in one.texts
        if text.lower().startswith(FINGERPRINT)
    ]
