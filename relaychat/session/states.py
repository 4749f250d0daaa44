"""The states of a session, and what may be asked in each: a table, not code.

::

    NEW --Hello--> ENTERING --welcomed--> READY --Bye--> LEAVING --answered--> CLOSED
     ^              |  |  ^
     +---refused----+  |  +--Prove-- PROVING       every state --lost, closed--> CLOSED
                       +--challenged--^

While ENTERING, input waits; the hub's answer ends it. While LEAVING and CLOSED, input
is dropped."""

from __future__ import annotations

from enum import Enum
from typing import get_args

from relaychat.model import accounts, commands
from relaychat.model.accounts import AnyErrand
from relaychat.model.commands import AnyCommand, Command


class State(Enum):
    """Where a session is between hello and goodbye."""

    NEW = "new"
    ENTERING = "entering"
    PROVING = "proving"
    READY = "ready"
    LEAVING = "leaving"
    CLOSED = "closed"


_ONCE = {commands.Hello, commands.Claim, accounts.Prove, accounts.Register}
_LATER = {
    kind: State.READY
    for kind in (*get_args(AnyCommand), *get_args(AnyErrand))
    if kind not in _ONCE
}

LEGAL: dict[State, dict[type[Command], State]] = {
    State.NEW: {
        commands.Hello: State.ENTERING,
        commands.Claim: State.NEW,
        commands.Ping: State.NEW,
        commands.Pong: State.NEW,
        commands.Bye: State.LEAVING,
        accounts.Register: State.NEW,
        accounts.SetPassword: State.NEW,
    },
    State.ENTERING: {},
    State.PROVING: {
        accounts.Prove: State.ENTERING,
        commands.Ping: State.PROVING,
        commands.Pong: State.PROVING,
        commands.Bye: State.LEAVING,
    },
    State.READY: {**_LATER, commands.Bye: State.LEAVING},
    State.LEAVING: {},
    State.CLOSED: {},
}
"""The commands that are legal in a state, and the state after each."""
