"""TEAPOT: who makes tea for a room is seen to do so, and heard when it is ready.

It has a setting, a timer, and an event of a kind of its own::

    [[listen]]
    dialect = "teapot:Teapot"
    endpoint = "tcp:7701"

    [extension.teapot]
    seconds = 240
"""

from relaychat.extend import (
    Dialect,
    DialectPlugin,
    Settings,
    commands,
    events,
    render,
    verb,
)

STEEPING = "teapot.example/steeping"


class Pot(Settings, frozen=True):
    """How tea is made."""

    seconds: int = 180
    """How long it steeps."""


class Teapot(Dialect):
    name = "teapot"
    settings = Pot()

    @verb("IAM <nick>")
    def iam(self, nick):
        """Say who you are."""
        return commands.Hello(nick)

    @verb("JOIN <room>")
    def join(self, room):
        """Go into a room."""
        return commands.Join(room)

    @verb("STEEP <room>")
    def steep(self, room):
        """Make tea for a room."""
        seconds = self.settings.seconds
        self.later(seconds, lambda: commands.Say(room, "the tea is ready"))
        return commands.Custom(room, STEEPING, {"seconds": seconds})

    @render(STEEPING)
    def steeping(self, event):
        match event.value:
            case {"seconds": int(seconds)}:
                return f"{event.room} {event.sender} makes tea: {seconds} s"

    @render(events.Said)
    def said(self, event):
        return f"{event.room} {event.sender}: {event.text}"

    @render(events.Fault)
    def fault(self, event):
        return f"! {event.code}: {event.text}"


teapot = DialectPlugin(Teapot)
