"""Questions to the DNS, by ``twisted.names``: with a bound on everything.

``Names`` asks the name servers of this machine (``/etc/resolv.conf``), or those that it
is given, one after the other, and never blocks. How long it may take is in the
constants below. Aliases are followed. A long answer is fetched by TCP, from the same
server.

That is for records. Addresses of hosts that are dialled come from the system
(``getaddrinfo``, see ``hosts``), so hosts files and mDNS count.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TooLate
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory
from twisted.names import dns
from twisted.names import error as problems
from twisted.names.client import Resolver

from relaychat.net.records import TYPES, Cname, Record, record

TRIES_S = (1.0, 2.0)
"""How long a server has for an answer, the first time it is asked and the second."""
TCP_S = 4.0
"""How long it has by TCP: for the connection, and again for the answer."""
LOOKUP_S = 10.0
"""How long a question may take in all: three servers that are dead, or one that is slow
and gives a long answer."""
SERVERS = 3
"""Name servers that are asked, as in resolv.conf(5)."""
RECORDS = 256
"""Records of an answer that are looked at; what is more is left out. A relay's domain
has a handful; the most that fits into an answer by TCP is some 4,000."""
ALIASES = 8
"""How often an alias may lead to the next. Name servers follow some 10 to 20."""
RESOLV_CONF = Path("/etc/resolv.conf")

Server = tuple[str, int]
"""Address and port of a name server."""


class LookupFailed(Exception):
    """There is no answer; the text says why."""


class NoSuchName(LookupFailed):
    """There is no such name (NXDOMAIN)."""


class NoSuchRecord(LookupFailed):
    """There is the name, without a record of that type."""


class Refused(LookupFailed):
    """The name server does not want to answer that (REFUSED, NOTIMP)."""


class ServerFailure(LookupFailed):
    """The name server has trouble of its own (SERVFAIL), or its answer is none."""


class TimedOut(LookupFailed):
    """No name server answered in time."""


class BadName(LookupFailed, ValueError):
    """It can't be a name."""


_ANSWERS: tuple[tuple[type[Exception], type[LookupFailed], str], ...] = (
    (problems.DNSNameError, NoSuchName, "there is no such name"),
    (problems.DNSQueryRefusedError, Refused, "the name server refuses to answer"),
    (problems.DNSNotImplementedError, Refused, "the name server can't answer that"),
    (problems.DNSServerError, ServerFailure, "the name server failed (SERVFAIL)"),
    (problems.DNSFormatError, ServerFailure, "the name server rejects the question"),
    (problems.DNSUnknownError, ServerFailure, "the name server answers with an error"),
    (TooLate, TimedOut, "the name server does not answer"),
    (error.ConnectError, ServerFailure, "the answer is long, and not to be had by TCP"),
    (OSError, ServerFailure, "the name server can't be reached"),
    (error.CannotListenError, ServerFailure, "there is no port to ask from"),
)
_FAILURES = tuple(kind for kind, _, _ in _ANSWERS)


def servers_in(text: str) -> list[Server]:
    """The name servers that a ``resolv.conf`` names; this machine's own if it names
    none (as the system's resolver does)."""
    words = [line.split() for line in text.splitlines()]
    named = [line[1] for line in words if line[:1] == ["nameserver"] and len(line) > 1]
    return [(server, dns.PORT) for server in named[:SERVERS]] or [
        ("127.0.0.1", dns.PORT)
    ]


def server_of(text: str) -> Server:
    """The server of ``ADDRESS[:PORT]``; an IPv6 address with a port is in brackets.

    Raises BadName.
    """
    for host, port in ((text, str(dns.PORT)), text.rpartition(":")[::2]):
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        with suppress(ValueError):
            ip_address(bare)
            if port.isdigit() and 0 < int(port) < 65536:
                return bare, int(port)
    raise BadName(f"{text}: a name server is written ADDRESS[:PORT]")


def wire_name(name: str) -> bytes:
    """A name as it is asked for: ASCII (IDNA), without its last dot. Raises BadName."""
    try:
        if name.isascii():  # Underscores are good in the DNS, and bad for IDNA.
            raw = name.encode().rstrip(b".")
        else:
            raw = name.encode("idna").rstrip(b".")
    except UnicodeError:
        raise BadName(f"{name}: this can't be a name") from None
    labels = raw.split(b".") if raw else []
    if len(raw) > 253 or not all(0 < len(label) < 64 for label in labels):
        raise BadName(f"{name}: a name has labels of 1 to 63 bytes, and up to 253")
    return raw


class _OneServer(Resolver):
    """One name server. No connection outlives its question."""

    def queryTCP(self, queries: Any, timeout: Any = TCP_S) -> Deferred[Any]:
        """Ask by TCP, when the answer is too long for a datagram."""
        return Deferred.fromCoroutine(self._stream(queries))

    async def _stream(self, queries: Any) -> Any:
        host, port = self.servers[0]
        where = HostnameEndpoint(self._reactor, host, port, timeout=TCP_S)
        asking = Factory.forProtocol(lambda: dns.DNSProtocol(self, self._reactor))
        connection: Any = await where.connect(asking)
        try:
            return await connection.query(queries, TCP_S)
        finally:
            connection.transport.abortConnection()


class Names:
    """See the module."""

    def __init__(self, reactor: Any, servers: Sequence[Server] | None = None) -> None:
        """``servers``: in place of the machine's own, which are read anew for each
        question: a laptop moves."""
        self._reactor = reactor
        self._servers = servers

    async def lookup(self, name: str, kind: str) -> list[Record]:
        """The records of a type (a key of ``TYPES``), behind the aliases that lead to
        them. Raises LookupFailed."""
        found: list[Record] = []
        asked = name
        for _ in range(ALIASES + 1):
            found += await self._ask(asked, kind)
            if kind == "ANY" or any(one.kind == kind for one in found):
                return found[:RECORDS]
            alias = next(
                (one for one in reversed(found) if isinstance(one, Cname)), None
            )
            if alias is None or alias.host == asked:
                break
            asked = alias.host
        else:
            raise ServerFailure(f"{name}: more than {ALIASES} aliases in a row")
        raise NoSuchRecord(f"{name}: there is no {kind} record")

    async def _ask(self, name: str, kind: str) -> list[Record]:
        query = dns.Query(wire_name(name), TYPES[kind], dns.IN)
        attempt = Deferred.fromCoroutine(self._answer(query))
        attempt.addTimeout(LOOKUP_S, self._reactor)
        try:
            answers = await attempt
        except _FAILURES as failed:
            raise _in_words(name, kind, failed) from None
        return [record(one) for one in answers[:RECORDS]]

    async def _answer(self, query: dns.Query) -> list[Any]:
        """The answer of the first server that gives one; one that fails or keeps silent
        is passed over."""
        servers = self._servers if self._servers is not None else _of_this_machine()
        failed: Exception = TooLate()
        for server in servers:
            one = _OneServer(servers=[server], timeout=TRIES_S, reactor=self._reactor)
            try:
                answers, _, _ = await one.query(query, timeout=TRIES_S)
                return list(answers)
            except problems.DNSNameError:
                raise
            except _FAILURES as reason:
                failed = reason
        raise failed


def _of_this_machine() -> list[Server]:
    try:
        return servers_in(RESOLV_CONF.read_text())
    except OSError:
        return servers_in("")


def _in_words(name: str, kind: str, failed: Exception) -> LookupFailed:
    made, words = next(
        (made, words) for known, made, words in _ANSWERS if isinstance(failed, known)
    )
    return made(f"{name} ({kind}): {words}")
