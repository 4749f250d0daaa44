"""What a token allows, of all that its account may do."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from relaychat.model import commands
from relaychat.model.commands import Command
from relaychat.model.errors import Forbidden, NoSuchRoom
from relaychat.model.names import fold

Level = Literal["read", "send", "admin"]
"""What a token is for; each includes those before it. ``admin`` is all that its account
may do itself, the account's own affairs included."""

LEVELS: dict[Level, int] = {"read": 0, "send": 1, "admin": 2}

READ = frozenset(
    {
        commands.Bye, commands.History, commands.ListMembers, commands.ListRooms,
        commands.Mark, commands.Ping, commands.Pong, commands.Resume, commands.Show,
        commands.Who,
    }
)  # fmt: skip
"""What it takes to follow the rooms that one is in."""
SEND = frozenset(
    {
        commands.Custom, commands.Edit, commands.Join, commands.Part, commands.React,
        commands.Redact, commands.Say, commands.SetAway, commands.Type,
    }
)  # fmt: skip
"""What it takes to take part."""


class Scope(Struct, frozen=True):
    """The bounds of a token."""

    level: Level = "send"
    rooms: frozenset[str] = frozenset()
    """Folded names of the rooms that it is for; none for all. A token that is for some
    rooms sees nothing of the others, direct ones included."""

    def check(self, command: Command) -> None:
        """Raises Forbidden for what is beyond the level, NoSuchRoom for another
        room."""
        kind = type(command)
        least = 0 if kind in READ else 1 if kind in SEND else 2
        if LEVELS[self.level] < least:
            raise Forbidden(f"this token is for {self.level} only")
        if not self.rooms:
            return
        if isinstance(command, commands.Resume):
            names = list(command.rooms)
        else:
            room = getattr(command, "room", None)
            names = [] if room is None else [room]
        for name in names:
            if fold(name) not in self.rooms:
                raise NoSuchRoom("this token is not for this room", name)
