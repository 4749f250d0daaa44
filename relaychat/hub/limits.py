"""Limits that belong to rooms and users (H27). Each has its unit and its reason."""

from __future__ import annotations

from msgspec import Struct


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of the hub; the configuration may change each."""

    devices: int = 10_000
    """Devices that are remembered while they have no session: those of clients that
    come back at once, and of guests in their window. Each costs about 300 bytes."""
    text_bytes: int = 32 * 1024
    """A message. Half a native line, so that escaping in JSON never makes it
    too long."""
    custom_bytes: int = 4 * 1024
    """The value of an event of a kind of its own, as JSON: a few fields, no file."""
    topic_bytes: int = 390
    """A topic. Fits an IRC line (512) behind the longest source and room name."""
    reason_bytes: int = 300
    """Reasons of part, quit, kick, away. Fit an IRC line with room to spare."""
    rooms_per_user: int = 250
    """Memberships of one user. Each costs about 300 bytes and a share of
    each catch-up."""
    rooms_owned: int = 250
    """Kept rooms of one account, for they stay when everybody has left. In a passing
    room that it joins beyond them, it is a member like any."""
    departed_per_user: int = 100
    """Direct rooms whose other one, a guest, is gone; the oldest one is closed for a
    new one."""
    rooms: int = 100_000
    """Rooms in all that are open. Each costs about 1 KiB while idle."""
    members_shown: int = 2_000
    """Members that a room shows at once, if they fit into 64 KiB; the rest comes by
    pages."""
    bans_per_room: int = 100
    """Bans and exceptions together: every join and message is matched against them."""
    invites_per_room: int = 100
    """Open invitations; the oldest one is forgotten for a new one."""
    past_stays: int = 64
    """Former stays that are remembered per member, for ``since_join`` rooms."""
    tail_entries: int = 256
    """Log entries a room keeps in memory: a minute of a busy room."""
    tail_bytes: int = 256 * 1024
    """Bytes of entries a room keeps in memory; also the ring of rooms without history
    (H19)."""
    tails_bytes: int = 4 * 1024 * 1024
    """Bytes of entries that all rooms together keep in memory: some 10,000 messages.
    More would be out of the processor's cache when they are freed, and cost every
    message a tenth."""
    turn_commands: int = 4_096
    """Commands decided in one turn (H7): about 50 ms of work."""
    turn_payload_bytes: int = 1024 * 1024
    """Bytes of text that one turn takes in (H7); what it renders is in proportion."""
    page_entries: int = 500
    """Log entries that one step of a catch-up reads."""
    page_bytes: int = 64 * 1024
    """Bytes of bodies in one answered page (H22)."""
