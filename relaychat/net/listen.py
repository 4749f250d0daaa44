"""Listeners: an endpoint string, a dialect, perhaps TLS around it; and who may connect.

Every listener counts its peers (H27): so many connections at a time and so many new
ones within ten minutes from one address, none beyond the process's file descriptors.
Who is refused is told why, and nothing of theirs is read. This machine's own are
exempt.
"""

from __future__ import annotations

import os
import re
import socket
import stat
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString, wrapServerTLS
from twisted.internet.interfaces import IAddress, IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import Protocol
from zope.interface import implementer

from relaychat.model.errors import RelayError, TooMany
from relaychat.model.events import Goodbye
from relaychat.model.world import World
from relaychat.net.outlet import Bounds
from relaychat.net.shell import ShellFactory, is_local, plain_host
from relaychat.session.host import Host

BACKLOG = 4096
"""Connections that the kernel may hold for us: a burst of thousands waits, instead of
being dropped and tried again a second later."""
PORTS = 65535
"""The highest port of TCP."""


class Guard(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of who may connect; 0 lifts one."""

    per_address: int = 16
    """Connections of one address at a time: a household, not a botnet."""
    new_per_address: int = 32
    """New connections of one address within ``window_s``."""
    window_s: float = 600.0
    """Ten minutes."""
    sockets: int = 0
    """Connections in all; the rest of the process's descriptors stays for its files."""


class Counter:
    """Counts connections, for all listeners together."""

    def __init__(self, guard: Guard, world: World) -> None:
        self._guard = guard
        self._world = world
        self._open: dict[str, int] = {}
        self._new: OrderedDict[str, deque[int]] = OrderedDict()
        """When connections of an address were made; who came last stands last."""
        self.total = 0

    @property
    def most(self) -> int:
        """Connections that there may be in all; 0 for no limit."""
        return self._guard.sockets

    @property
    def remembered(self) -> int:
        """Addresses whose new connections are counted."""
        return len(self._new)

    def admit(self, address: IAddress | None) -> str:
        """Count a connection; returns whom it is counted for, for ``release``.

        Raises TooMany.
        """
        guard = self._guard
        if guard.sockets and self.total >= guard.sockets:
            raise TooMany(
                "the relay has as many connections as it can; come back later"
            )
        host = "" if is_local(address) else source_of(address)
        if host:
            self._check(host)
            self._open[host] = self._open.get(host, 0) + 1
        self.total += 1
        return host

    def release(self, host: str) -> None:
        """A counted connection is gone."""
        self.total -= 1
        if host:
            self._open[host] -= 1
            if not self._open[host]:
                del self._open[host]

    def _check(self, host: str) -> None:
        guard = self._guard
        if guard.per_address and self._open.get(host, 0) >= guard.per_address:
            raise TooMany("too many connections from your address")
        if not guard.new_per_address:
            return
        now, span = self._world.monotonic_us(), int(guard.window_s * 1e6)
        self._forget(now - span)
        recent = self._new.get(host) or deque()
        while recent and recent[0] <= now - span:
            recent.popleft()
        if len(recent) >= guard.new_per_address:
            raise TooMany("too many new connections from your address; wait a while")
        recent.append(now)
        self._new[host] = recent
        self._new.move_to_end(host)

    def _forget(self, before: int) -> None:
        """Forget who has not come since then: they stand first. Two at a time, so that
        they go faster than others come, and nobody waits for it."""
        for _ in range(2):
            host = next(iter(self._new), None)
            if host is not None and self._new[host][-1] <= before:
                del self._new[host]


def source_of(address: Any) -> str:
    """Whom an address counts for: itself, or its /64 in IPv6, which one peer
    has whole."""
    host = plain_host(str(getattr(address, "host", "")))
    if ":" not in host:
        return host
    packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    return packed[:8].hex()


class Refusal(Protocol):
    """A connection that is not let in: it is told why, and closed. Without words it is
    cut, as one must be that can't be told anything before a handshake."""

    def __init__(self, words: bytes) -> None:
        self._words = words

    def connectionMade(self) -> None:
        """Say it and hang up."""
        transport: Any = self.transport
        if self._words:
            transport.write(self._words)
            transport.loseConnection()
        else:
            transport.abortConnection()


class GuardedFactory(ShellFactory):
    """Makes the shells of one listener, as far as the counter lets peers in."""

    def __init__(self, host: Host, bounds: Bounds, tls: bool, counter: Counter) -> None:
        super().__init__(host, bounds, tls)
        self._counter = counter

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """A shell for a new connection, or a refusal."""
        try:
            counted = self._counter.admit(addr)
        except RelayError as error:
            if self._tls:
                return Refusal(b"")
            return Refusal(self._last_word(error))
        shell = self.shell()
        shell.on_lost = lambda: self._counter.release(counted)
        return shell

    def _last_word(self, error: RelayError) -> bytes:
        """What the dialect tells somebody who has no session; nothing if it can't."""
        try:
            goodbye = Goodbye(error.code, error.text)
            return self._host.dialect.form().encode(goodbye)
        except Exception:
            self._host.report(f"{self._host.dialect.name}: a refusal can't be shown")
            return b""


Behind = Callable[[IStreamServerEndpoint], IStreamServerEndpoint]
Parse = Callable[[Any, str], IStreamServerEndpoint]
"""Makes an endpoint of its description, for a reactor."""


def as_it_is(made: IStreamServerEndpoint) -> IStreamServerEndpoint:
    """No proxy stands before it."""
    return made


def endpoint(
    reactor: Any,
    description: str,
    tls: Any = None,
    behind: Behind = as_it_is,
    parse: Parse = serverFromString,
) -> IStreamServerEndpoint:
    """The server endpoint of a description such as ``tcp:7600:interface=127.0.0.1``.

    TCP listens on loopback unless told otherwise, with a long backlog; a UNIX socket is
    for its owner alone. ``parse`` knows the kinds of endpoints, ``behind`` puts proxies
    before it, ``tls`` wraps whatever it is then. Raises ValueError for no endpoint.
    """
    asked, (kind, *parts) = description, parts_of(description)
    named = {part.partition("=")[0] for part in parts if "=" in part}
    if kind in ("tcp", "tcp6", "unix") and "backlog" not in named:
        description += f":backlog={BACKLOG}"
    if kind == "tcp" and "interface" not in named:
        description += ":interface=127.0.0.1"
    if kind == "unix":
        if "mode" not in named:
            description += ":mode=600"
        if "lockfile" not in named:
            description += ":lockfile=0"
    try:
        made = parse(reactor, description)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{asked}: {error}") from None
    except LookupError as error:
        unknown = "systemd has handed over no such socket"
        why = unknown if kind == "systemd" else error
        raise ValueError(f"{asked}: {why}") from None
    if kind in ("tcp", "tcp6") and not 0 <= _port(parts) <= PORTS:
        raise ValueError(f"{asked}: a port is 0 to {PORTS}")
    if kind == "unix":
        made = _Cleared(made, socket_path(parts))
    made = behind(made)
    return made if tls is None else wrapServerTLS(tls, made)


def _port(parts: Sequence[str]) -> int:
    """Of TCP, in an endpoint string that was read already."""
    named = [part[5:] for part in parts if part.startswith("port=")]
    return int((named or parts)[0])


_part = re.compile(r"(?:[^\\:]|\\.)*", re.DOTALL)
_escaped = re.compile(r"\\(.)", re.DOTALL)


def parts_of(description: str) -> list[str]:
    """The parts of an endpoint string, still quoted: a backslash takes away what the
    next character means."""
    parts, at = [], 0
    while at <= len(description):
        found = _part.match(description, at)
        assert found is not None  # It matches nothing at all, too.
        parts.append(found[0])
        at = found.end() + 1
    return parts


def unquoted(part: str) -> str:
    """A part as it is meant."""
    return _escaped.sub(r"\1", part)


def socket_path(parts: Sequence[str]) -> str:
    """The path among the parts behind ``unix``, or an empty one."""
    named = [part for part in parts if part.startswith("address=")]
    path = (named or [*parts, ""])[0].removeprefix("address=")
    return unquoted(path)


@implementer(IStreamServerEndpoint)
class _Cleared:
    """A UNIX socket in the place of one that a dead server may have left."""

    def __init__(self, made: IStreamServerEndpoint, path: str) -> None:
        self._made = made
        self._path = path

    def listen(self, factory: Any) -> Deferred[IListeningPort]:
        """See IStreamServerEndpoint. Raises OSError."""
        clear_stale(self._path)
        return self._made.listen(factory)


def clear_stale(path: str) -> None:
    """Remove the socket of a server that is no more. Raises OSError if one answers
    there, or if what is there is no socket."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(f"{path} is in the way, and is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        else:
            raise FileExistsError(f"{path} is in use by another server")


def most_sockets(limit: int) -> int:
    """Connections that a limit of file descriptors leaves room for (80 %)."""
    return limit * 4 // 5
