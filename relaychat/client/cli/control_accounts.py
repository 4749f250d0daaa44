"""``relaychat ctl``: what of it is about accounts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from relaychat.client.cli.control import Control, entries, show, table
from relaychat.client.cli.output import note
from relaychat.model.accounts import (
    AccountList,
    AddAccount,
    DeleteAccount,
    ListAccounts,
    ListTickets,
    MakeTicket,
    ResetMade,
    ResetPassword,
    Revoke,
    Suspend,
    TicketEntry,
    TicketList,
    TicketMade,
)
from relaychat.model.errors import NoSuchUser
from relaychat.model.events import Fault

_OF_NO_USE = {
    "closed": "registration is closed here, with a ticket too, until the configuration "
    'says accounts.register = "invited"',
    "open": "nobody needs a ticket here: everybody may register",
}
"""What to say of a ticket, by who may register."""


def day(at_ms: int) -> str:
    """A moment, in the time of this machine; "-" for never."""
    if not at_ms:
        return "-"
    return datetime.fromtimestamp(at_ms / 1000).strftime("%Y-%m-%d %H:%M")


def add_account(
    path: Path, name: str, rank: bool | None, password: Callable[[], str]
) -> None:
    """Make an account, give one a new password, or another rank."""
    control = Control(path)
    known = control.try_to(AddAccount(name, None, rank))
    new = isinstance(known, Fault) and known.code == NoSuchUser.code
    if not new:
        control.accepted(known)
        if rank is not None:
            note(f"{name} is {'an' if rank else 'no'} administrator now")
            return
        note(f"{name} is there already, and gets a new password; its sessions end")
    control.ask(AddAccount(name, password(), rank))
    note(f"{name} is a new account" if new else f"{name} has the new password")


def show_accounts(path: Path, json: bool) -> None:
    """Every account, a page at a time."""
    control, after = Control(path), ""
    rows = [("account", "made", "")]
    while True:
        answer = control.ask(ListAccounts(after))
        assert isinstance(answer, AccountList)
        if json:
            show(entries(list(answer.accounts)))
        for one in answer.accounts:
            states = [
                name
                for name in ("administrator", "suspended", "deleted")
                if getattr(one, name)
            ]
            rows.append((one.name, day(one.made), ", ".join(states)))
        if not answer.more:
            break
        after = answer.accounts[-1].name
    if not json:
        show(table(rows))


def suspend_account(path: Path, name: str, lift: bool) -> None:
    """Keep an account out, or let it in again."""
    Control(path).ask(Suspend(name, lift))
    done = "may come in again" if lift else "is suspended, and its sessions have ended"
    note(f"{name} {done}")


def delete_account(path: Path, name: str, blank: bool) -> None:
    """Delete an account."""
    Control(path).ask(DeleteAccount(name=name, blank=blank))
    note(f"{name} is deleted; nobody can have this name again")


def reset_password(path: Path, name: str, expires_s: int) -> None:
    """Write a token for a new password."""
    made = Control(path).ask(ResetPassword(name, expires_s))
    assert isinstance(made, ResetMade)
    note(
        f"with this token {name} may set a new password, once, until "
        f"{day(made.expires)}; the old one holds until then"
    )
    show([made.token])


def make_ticket(path: Path, uses: int, label: str, expires_s: int) -> None:
    """Write a ticket."""
    made = Control(path).ask(MakeTicket(uses, label, expires_s))
    assert isinstance(made, TicketMade)
    if made.register != "invited":
        note(_OF_NO_USE[made.register])
    show([made.secret])


def revoke_ticket(path: Path, mark: str) -> None:
    """Make a ticket worthless."""
    Control(path).ask(Revoke(ticket=mark))
    note(f"the ticket {mark} is good no more")


def show_tickets(path: Path, json: bool) -> None:
    """Tickets that are still good."""
    control, found, more = Control(path), list[TicketEntry](), True
    while more:
        answer = control.ask(ListTickets(found[-1].ticket if found else ""))
        assert isinstance(answer, TicketList)
        found += answer.tickets
        more = answer.more
    if json:
        show(entries([*found]))
        return
    rows = [("ticket", "left", "until", "label")]
    rows += [(one.ticket, str(one.left), day(one.expires), one.label) for one in found]
    show(table(rows))
