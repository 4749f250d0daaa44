"""The second door: code of the house's own, asked before or told after (H26).

A ``before_`` hook is synchronous and pure: it sees the event and the state, changes
neither, and may be asked twice about the same thing (H3). The first answer other than
PASS decides. Who wants to say why raises Denied with a text for the peer; if it raises
anything else, the answer is DENY, with a line in the log. An ``after_``
hook runs once the turn is durable and delivered, at most once; who needs more reads as
a bot.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from relaychat.model.errors import Denied
from relaychat.model.events import LogEvent
from relaychat.model.words import Word
from relaychat.model.world import World

if TYPE_CHECKING:
    from relaychat.hub.state import Room, User


class Verdict(Enum):
    """What a ``before_`` hook answers."""

    ALLOW = "allow"
    """Go ahead, and ask no further hook."""
    DENY = "deny"
    """Refuse the command."""
    PASS = "pass"
    """No opinion."""


Before = Callable[["User", "Room", Word], Verdict]
After = Callable[[list[LogEvent]], None]
OnError = Callable[[str], None]
POINTS = ("before_say", "before_join", "before_change", "after_events")
"""Where hooks are called."""


class Hook:
    """A hook with a memory, settings or several points: its methods are called as the
    points are. One instance serves a relay, made at its start."""

    name: ClassVar[str] = ""
    """As it is called in the configuration; that of its section, too."""
    settings: Any = None
    """What its section says: see ``app.extensions``."""

    def __init__(self, world: World) -> None:
        self.world = world
        """Its clock, its chance and its timers."""


class Hooks:
    """The hooks of a relay, each list in the order of asking.

    ``before_say``: a message, an edit or a reaction, as the event it would become.
    ``before_join``: somebody enters a room that its policy lets them into.
    ``before_change``: topic, role, policy, ban, kick, invite, redaction.
    ``after_events``: the log events of a delivered turn.
    """

    def __init__(self, on_error: OnError) -> None:
        self._on_error = on_error
        self.before_say: list[Before] = []
        self.before_join: list[Before] = []
        self.before_change: list[Before] = []
        self.after_events: list[After] = []

    def add(self, hook: Hook) -> None:
        """Call a hook wherever it has a method for."""
        for point in POINTS:
            method = getattr(hook, point, None)
            if method is not None:
                getattr(self, point).append(method)

    def ask(self, hooks: list[Before], user: User, room: Room, event: Word) -> None:
        """Ask in turn.

        Raises Denied when one of them says no.
        """
        for hook in hooks:
            try:
                verdict = hook(user, room, event)
            except Denied:
                raise
            except Exception:
                self._on_error(f"hook {hook!r} failed; refused")
                raise Denied from None
            if verdict is Verdict.DENY:
                raise Denied
            if verdict is Verdict.ALLOW:
                return

    def tell(self, events: list[LogEvent]) -> None:
        """Tell what is durable now."""
        for hook in self.after_events:
            try:
                hook(events)
            except Exception:
                self._on_error(f"hook {hook!r} failed")
