"""A house of its own: hooks for simulated relays."""

from __future__ import annotations

from relaychat.hub.hooks import Verdict
from relaychat.hub.state import Room, User
from relaychat.model.events import LogEvent, Said
from relaychat.model.words import Word

told: list[LogEvent] = []
"""What was told to ``after``."""


def before(user: User, room: Room, event: Word) -> Verdict:
    """Nobody speaks twice in one breath."""
    twice = isinstance(event, Said) and ".2" in event.text
    return Verdict.DENY if twice else Verdict.PASS


def after(events: list[LogEvent]) -> None:
    """Takes notes."""
    told.extend(events)


def broken(user: User, room: Room, event: Word) -> Verdict:
    """Has a bug."""
    raise LookupError("nobody wrote this")
