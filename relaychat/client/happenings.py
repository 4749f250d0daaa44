"""What the client's core reports to whoever uses it."""

from __future__ import annotations

from typing import NamedTuple

from relaychat.client.outbox import Send
from relaychat.model.commands import Command
from relaychat.model.events import Done, Fault, Goodbye, RoomShown, Welcome
from relaychat.model.words import Word


class Up(NamedTuple):
    """Hello was accepted."""

    welcome: Welcome


class Ready(NamedTuple):
    """We are in all rooms we wanted, as far as they let us: sends go out from now
    on."""


class Down(NamedTuple):
    """The connection is gone, or none was made; another attempt follows.

    ``final``: it will fail alike, unless somebody mends something.
    """

    reason: str
    final: bool = False


class Shown(NamedTuple):
    """Something to show: a log event in its place, a gap, or what is told once.

    ``raw`` is the line as it came.
    """

    event: Word
    raw: bytes


class Entered(NamedTuple):
    """We are in a room, perhaps since before."""

    room: RoomShown


class Exited(NamedTuple):
    """We are not in a room any more that we were a member of."""

    room: str


class Kept(NamedTuple):
    """A send is in the log, for good."""

    send: Send
    done: Done


class Refused(NamedTuple):
    """A send was refused for good."""

    send: Send
    fault: Fault


class Postponed(NamedTuple):
    """A send was refused for now; it is tried again."""

    send: Send
    fault: Fault


class Shut(NamedTuple):
    """We can't be in a room that we want to be in."""

    room: str
    fault: Fault


class Answered(NamedTuple):
    """The answer to what was asked; a Fault if it was refused or the connection
    went."""

    command: Command
    answer: Word


class Rejected(NamedTuple):
    """Hello was refused."""

    fault: Fault


class Complaint(NamedTuple):
    """The server could not read something we sent."""

    fault: Fault


class Parting(NamedTuple):
    """The server closes the connection, and why."""

    goodbye: Goodbye


Happening = (
    Up | Ready | Down | Shown | Entered | Exited | Kept | Refused | Postponed | Shut
    | Answered | Rejected | Complaint | Parting
)  # fmt: skip
