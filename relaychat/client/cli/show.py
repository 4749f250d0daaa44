"""Events as lines for people, and as JSON for programs; safe for a terminal.

What others wrote may hold escape sequences, which a terminal obeys, and direction
marks, which make a line read other than it is. In lines for people these are taken out.
JSON says the same value with every such character as ``\\uXXXX``.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from relaychat.model import events
from relaychat.model.names import fold
from relaychat.model.words import Word

_UNSAFE = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction marks and overrides
    "\u2028\u2029\ufeff"  # line and paragraph separators, byte order mark
)
_unsafe = re.compile(f"[{_UNSAFE}]")
_NOBODY: Mapping[str, str] = {}


def clean(text: str) -> str:
    """Text for a terminal: harmless, and on one line."""
    return _unsafe.sub("", text).replace("\t", "    ").replace("\n", "\n    ")


def json_line(raw: bytes) -> str:
    """A JSON object that came from the server, for a terminal or a program."""
    text = raw.decode("utf-8", "replace")
    return _unsafe.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def clock_time(at_ms: int) -> str:
    """A time of the log as people read it, in local time."""
    return time.strftime("%H:%M:%S", time.localtime(at_ms / 1000))


def date_time(at_ms: int) -> str:
    """The same with its date."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_ms / 1000))


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


def _said(event: events.Said) -> str:
    if event.redacted:
        return f"<{event.sender}> [removed]"
    if event.kind == "action":
        return f"* {event.sender} {event.text}"
    left, right = ("-", "-") if event.kind == "notice" else ("<", ">")
    return f"{left}{event.sender}{right} {event.text}"


def _topic(event: events.TopicSet) -> str:
    what = f"set the topic: {event.text}" if event.text else "removed the topic"
    return f"-- {event.sender} {what}"


def _policy(event: events.PolicySet) -> str:
    return f"-- {event.sender} changed the room's policy"


def _ban(event: events.BanSet) -> str:
    what = "exception" if event.exception else "ban"
    verb = "lifted" if event.removed else "set"
    return f"-- {event.sender} {verb} the {what} {event.mask}"


def _reacted(event: events.Reacted) -> str:
    verb = "took back" if event.removed else "reacted"
    return f"-- {event.sender} {verb} {event.reaction} (to {event.target})"


def _custom(event: events.Custom) -> str:
    if event.redacted:
        return f"-- {event.sender}, {event.kind}: (removed)"
    value = json.dumps(event.value, ensure_ascii=False)
    shown = value if len(value) <= 200 else f"{value[:200]}..."
    return f"-- {event.sender}, {event.kind}: {shown}"


def _away(event: events.UserAway) -> str:
    return f"-- {event.nick} is {f'away: {event.text}' if event.text else 'back'}"


def _presence(event: events.UserPresence) -> str:
    return f"-- {event.nick} is {'online' if event.online else 'offline'}"


def _gap(event: events.Gap) -> str:
    which = f"{event.first} to {event.last}"
    if event.reason != "reset":
        return f"-- {which} can't be had ({event.reason})"
    # What it holds may reach less far than what was shown before.
    rest = f"; {which} of it were not shown here" if event.first <= event.last else ""
    return f"-- the log began anew, or was restored from a copy{rest}"


_LINES: dict[type[Word], Callable[[Any], str]] = {
    events.Said: _said,
    events.Edited: lambda e: f"-- {e.sender} edited {e.target}: {e.text}",
    events.Redacted: lambda e: f"-- {e.sender} removed {e.target}{_because(e.reason)}",
    events.Reacted: _reacted,
    events.Custom: _custom,
    events.Joined: lambda e: f"--> {e.sender} joined",
    events.Left: lambda e: f"<-- {e.sender} left{_because(e.reason)}",
    events.Kicked: lambda e: f"<-- {e.sender} put {e.nick} out{_because(e.reason)}",
    events.Renamed: lambda e: f"-- {e.sender} is now {e.nick}",
    events.TopicSet: _topic,
    events.RoleSet: lambda e: f"-- {e.sender} made {e.nick} {e.role}",
    events.PolicySet: _policy,
    events.BanSet: _ban,
    events.Invited: lambda e: f"-- {e.sender} invited {e.nick}",
    events.UserAway: _away,
    events.UserPresence: _presence,
    events.Invitation: lambda e: f"-- {e.sender} invites you to {e.room}",
    events.Withheld: lambda e: f"-- {e.first} to {e.last} are not for you",
    events.Gap: _gap,
}  # fmt: skip


def line(event: Word) -> str | None:
    """An event as a line without its time and room; None for what is not shown."""
    make = _LINES.get(type(event))
    return None if make is None else clean(make(event))


def where(event: Word, direct: Mapping[str, str] = _NOBODY) -> str:
    """The room of an event for people: of a direct room the other one, whom ``direct``
    names by the folded room where the event does not."""
    room = getattr(event, "room", "")
    if isinstance(event, events.Said) and event.to is not None:
        return clean(f"@{event.to}")
    other = direct.get(fold(room))
    return clean(room if other is None else f"@{other}")


def full_line(
    event: Word,
    *,
    room: bool = False,
    date: bool = False,
    direct: Mapping[str, str] = _NOBODY,
) -> str | None:
    """An event as a line with its time, and its room where one may follow several; see
    ``where``."""
    text = line(event)
    if text is None:
        return None
    at = getattr(event, "at", None)
    stamp = "" if at is None else (date_time(at) if date else clock_time(at)) + " "
    place = where(event, direct) if room else ""
    return f"{stamp}{place} {text}" if place else f"{stamp}{text}"
