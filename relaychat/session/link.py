"""The two edges of a session: the connection below it and the hub above it.

``net`` and ``testing`` bring links, ``wire`` brings framers, ``hub`` is the desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from relaychat.hub.draft import Cause
from relaychat.hub.peer import Peer
from relaychat.model.commands import Command
from relaychat.model.errors import RelayError


class Link(Protocol):
    """What a session needs of its connection."""

    peer: str
    """Where it comes from, for logs and lists: an address, or ``unix``."""
    exempt: bool
    """From this machine (loopback, UNIX socket): no rate limits, no forced
    heartbeat."""
    secure: bool
    """Nobody on the way can read it: TLS, loopback or UNIX socket."""
    uid: int | None
    """User id of the process at the other end of a UNIX socket, else None."""
    certificate: str | None
    """SHA-256 of the certificate that the peer showed and has the key of: 64
    hexadecimal digits in lower case. None if it showed none, or was not asked."""

    @property
    def full(self) -> bool:
        """Holds more than it should. ``Session.drained`` follows when it holds
        nothing."""

    def send(self, payload: bytes) -> bool:
        """Take a payload, now or as soon as the peer reads; see ``hub.peer.Send``."""

    def pause(self) -> None:
        """Read nothing more from the peer."""

    def resume(self) -> None:
        """Read again."""

    def close(self) -> None:
        """Hang up behind all that was sent. Harmless when it is closed."""


class Framer(Protocol):
    """Cuts a stream into frames. Never raises for what a peer sends."""

    def feed(self, data: bytes) -> Sequence[bytes | RelayError]:
        """The frames that these bytes complete, in order; an error stands in the place
        of a frame that can't be read, a fatal one ends the stream (H30)."""


class Desk(Protocol):
    """What a session calls of the hub."""

    def opened(self, peer: Peer) -> None:
        """A session is there; it has not said hello yet."""

    def submit(self, peer: Peer, command: Command) -> None:
        """Ask for something. ``Peer.outcome`` answers each, in order."""

    def submit_all(self, peer: Peer, commands: Sequence[Command]) -> None:
        """``submit`` for each of these, in order."""

    def lost(self, peer: Peer, cause: Cause, reason: str) -> None:
        """The session is over."""

    def drained(self, peer: Peer) -> None:
        """A peer that had fallen behind has read all it was sent."""
