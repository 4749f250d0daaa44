"""The control dialect: the native words, for who administrates the server.

Its peer is on a UNIX socket, and the credentials that the kernel vouches for decide:
there is no hello. So a session begins with the words of welcome, and is nobody in the
rooms."""

from __future__ import annotations

from relaychat.model import accounts
from relaychat.model.commands import (
    Bye,
    Call,
    Command,
    Hello,
    ListCalls,
    ListRooms,
    ListSessions,
    Ping,
    Pong,
    Reload,
    Status,
    Stop,
)
from relaychat.model.errors import UnknownCommand
from relaychat.model.words import Word
from relaychat.session.faults import fault_of
from relaychat.session.native import Native

ALLOWED = frozenset(
    {
        Bye, Call, ListCalls, ListRooms, ListSessions, Ping, Pong, Reload, Status, Stop,
        accounts.AddAccount, accounts.DeleteAccount, accounts.ListAccounts,
        accounts.ListTickets, accounts.MakeTicket, accounts.ResetPassword,
        accounts.Revoke, accounts.Suspend,
    }
)  # fmt: skip


class Control(Native):
    """See the module."""

    name = "control"

    def opening(self) -> Command:
        """The hello that the peer need not say."""
        return Hello("control")

    def decode(self, frame: bytes) -> tuple[Word, ...]:
        """One command a line, of those that concern the server as a whole."""
        return tuple([_allowed(word) for word in super().decode(frame)])


def _allowed(word: Word) -> Word:
    if not isinstance(word, Command) or type(word) in ALLOWED:
        return word
    return fault_of(UnknownCommand("not on the control socket"), word)
