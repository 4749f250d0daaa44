"""What may be asked about accounts, and what is answered.

These commands are no business of the hub's: sessions have them carried out as errands,
in ``relaychat.auth``. Secrets (passwords, tokens, tickets) travel in them; none is ever
shown again or logged.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from relaychat.model.commands import Call, Command, ListCalls, Reload
from relaychat.model.events import Answer
from relaychat.model.scope import Level
from relaychat.model.words import Count, Entry

Label = Annotated[str, Meta(max_length=100)]
Mark = Annotated[
    str, Meta(pattern="^[0-9a-f]{8}$", description="8 hexadecimal digits in lower case")
]
"""What tokens, devices and tickets are called in lists."""
Seconds = Annotated[int, Meta(ge=1, le=315_360_000)]
"""At most ten years."""
Fingerprint = Annotated[
    str,
    Meta(
        pattern="^[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}$",
        description="a SHA-256 fingerprint: 64 hexadecimal digits",
    ),
]


class Prove(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="proof", gc=False
):
    """The client's second message of SCRAM-SHA-256, in answer to a challenge."""

    scram: Annotated[str, Meta(max_length=2048)]


class Challenge(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="challenge", gc=False
):
    """The server's first message of SCRAM-SHA-256, in answer to a hello with one."""

    scram: str


# -- one's own account ---------------------------------------------------------


class Register(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="register", gc=False
):
    """Before hello: make an account, where the configuration allows it."""

    name: str
    password: str
    ticket: str = ""


class SetPassword(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="password", gc=False
):
    """Give one's account a new password.

    After hello ``old`` proves that it is one's own; before hello ``name`` and a
    ``token`` that an administrator made do. ``everywhere`` ends all other sessions, and
    forgets the devices and tokens of the account; with a token that happens anyway.
    """

    new: str
    old: str = ""
    name: str = ""
    token: str = ""
    everywhere: bool = False


class MakeToken(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="token", gc=False
):
    """Make a token: what a bot logs in with in place of the password."""

    label: Label = ""
    scope: Level = "send"
    rooms: Annotated[tuple[str, ...], Meta(max_length=100)] = ()
    expires_s: Seconds | None = None


class ListTokens(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="tokens", gc=False
):
    """The tokens of one's account. ``after`` pages: the last one of the page before."""

    after: str = ""


class ListDevices(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="devices", gc=False
):
    """The devices of one's account."""


class Revoke(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="revoke", gc=False
):
    """Take back a token or a device of one's account, or, for administrators, a ticket:
    sessions that came in by it end at once."""

    token: Mark | None = None
    device: Mark | None = None
    ticket: Mark | None = None


class SetCertificates(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="certificate", gc=False
):
    """Let a TLS client certificate log in to one's account, or no more; without either,
    list them."""

    add: Fingerprint | None = None
    remove: Fingerprint | None = None


class DeleteAccount(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="delete", gc=False
):
    """Delete one's account, or, for administrators, the account ``name``.

    Its rooms pass on, or close; nobody can have its name again. ``blank`` takes the
    text out of all that it has written.
    """

    password: str = ""
    name: str = ""
    blank: bool = False


# -- for administrators --------------------------------------------------------


class AddAccount(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="account", gc=False
):
    """Make an account, give one a new password, or say whether it is an
    administrator's."""

    name: str
    password: str | None = None
    administrator: bool | None = None


class ListAccounts(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="accounts", gc=False
):
    """All accounts, a page of them by name."""

    after: str = ""


class Suspend(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="suspend", gc=False
):
    """Keep an account out, its sessions first of all; ``lift`` ends that."""

    name: str
    lift: bool = False


class ResetPassword(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="reset", gc=False
):
    """Make a token with which an account can be given a new password, once."""

    name: str
    expires_s: Seconds = 86_400


class MakeTicket(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="ticket", gc=False
):
    """Make a ticket: an invitation to register, so many times."""

    uses: Annotated[int, Meta(ge=1, le=10_000)] = 1
    label: Label = ""
    expires_s: Seconds = 604_800


class ListTickets(
    Command, frozen=True, omit_defaults=True, kw_only=False, tag="tickets", gc=False
):
    """The tickets that are still good. ``after`` pages: the last one of the page
    before."""

    after: str = ""


AnyErrand = (
    Prove | Register | SetPassword | MakeToken | ListTokens | ListDevices | Revoke
    | SetCertificates | DeleteAccount | AddAccount | ListAccounts | Suspend
    | ResetPassword | MakeTicket | ListTickets | Reload | Call | ListCalls
)  # fmt: skip
"""What is asked on a wire and is no business of the hub's."""

# -- answers -------------------------------------------------------------------


class TokenEntry(Entry, frozen=True, omit_defaults=True, gc=False):
    """A token, as lists show it; times in ms since 1970, 0 for never."""

    token: str
    label: str
    scope: Level
    made: int
    rooms: tuple[str, ...] = ()
    expires: int = 0


class TokenMade(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="token", gc=False
):
    """A new token: ``secret`` is given where a password is, and never shown again."""

    token: str
    secret: str
    expires: int = 0


class TokenList(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="tokens", gc=False
):
    """A page of the tokens of one's account, oldest first. ``more``: ask again, after
    the last one."""

    tokens: tuple[TokenEntry, ...]
    more: bool = False


class DeviceEntry(Entry, frozen=True, omit_defaults=True, gc=False):
    """A device, as lists show it; ``seen`` is exact to an hour."""

    device: str
    client: str
    made: int
    seen: int
    this: bool = False
    revoked: bool = False


class DeviceList(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="devices", gc=False
):
    """The devices of one's account, oldest first."""

    devices: tuple[DeviceEntry, ...]


class CertificateList(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="certificates", gc=False
):
    """The certificates that log in to one's account, by their SHA-256 fingerprints;
    ``this`` is the one of this connection."""

    fingerprints: tuple[str, ...]
    this: str = ""


class AccountEntry(Entry, frozen=True, omit_defaults=True, gc=False):
    """An account, as lists show it."""

    name: str
    made: int = 0
    administrator: bool = False
    suspended: bool = False
    deleted: bool = False


class AccountList(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="accounts", gc=False
):
    """A page of accounts, by name. ``more``: ask again, after the last one."""

    accounts: tuple[AccountEntry, ...]
    more: bool = False


class ResetMade(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="reset", gc=False
):
    """A token for a new password, shown once."""

    name: str
    token: str
    expires: int


class TicketEntry(Entry, frozen=True, omit_defaults=True, gc=False):
    """A ticket, as lists show it; ``left`` is how often it is still good for."""

    ticket: str
    label: str
    left: int
    expires: int


class TicketMade(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="ticket", gc=False
):
    """A new ticket: ``secret`` is handed on, and never shown again. ``register``: who
    may make an account here, if it is not who has a ticket."""

    ticket: str
    secret: str
    uses: Count
    expires: int
    register: Literal["closed", "open", "invited"] = "invited"


class TicketList(
    Answer, frozen=True, omit_defaults=True, kw_only=False, tag="tickets", gc=False
):
    """A page of the tickets that are still good, oldest first. ``more``: ask again,
    after the last one."""

    tickets: tuple[TicketEntry, ...]
    more: bool = False
