"""What login found out about a peer before the hub sees its hello (H24)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from relaychat.model.commands import Command, Hello
from relaychat.model.scope import Scope
from relaychat.model.words import Word


class Admission(Struct, frozen=True):
    """Who a peer may be, and which device it is."""

    account: str | None = None
    """The account's name as it was registered, or None for a guest."""
    device_key: str | None = None
    """The record key of the device: a digest of its secret (H16), or None
    without one."""
    device: int = 0
    """The device's number, 0 if it is not known yet."""
    owner: str = ""
    """Key of the user whose device it is, empty if it is not known yet."""
    high: int = 0
    """The highest cid of the device in the log when it was looked up."""
    window_s: int = 0
    """How long after its last session was lost the user still counts as
    present (H9)."""
    stays: bool = False
    """Whether the user keeps memberships while offline (H9)."""
    control: bool = False
    """Whether the peer may administrate the server; such a peer is nobody in
    the rooms."""
    administrator: bool = False
    """Whether the account may administrate the server."""
    scope: Scope | None = None
    """The bounds of the token that it came in by, if it was one."""
    token: str = ""
    """The token's digest."""
    expires_ms: int = 0
    """When the token's time is over, in ms since 1970; 0 for never."""
    scram: str | None = None
    """Our last message of SCRAM, which proves that we know the password, too."""


class Challenged(Struct, frozen=True):
    """What login wants to know before it admits: the server's first message of SCRAM,
    and where the client's answer goes: what comes of it is as of login, a Deferred."""

    scram: str
    go_on: Callable[[str], Any]


Found = Admission | Challenged
"""What comes of a hello."""


class Enter(Command, frozen=True, kw_only=False, tag="enter", gc=False):
    """A hello whose login is done; made by sessions, never read from a wire."""

    hello: Hello
    admission: Admission


class Rendered(Word, frozen=True, kw_only=False, tag="rendered", gc=False):
    """An answer that a dialect has in frames already."""

    frames: bytes


class Reflect(Command, frozen=True, kw_only=False, tag="reflect", gc=False):
    """An answer of the session's own, sent through the hub so that it keeps its place
    among the others; the hub's outcome is ``answer``. Never read from a wire."""

    answer: Word
