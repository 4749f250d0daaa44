"""Login and accounts, put together: what of ``relaychat.auth`` sessions are handed."""

from __future__ import annotations

import pwd
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from msgspec import Struct
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from relaychat.app.config import Config
from relaychat.auth.accounts import Accounts
from relaychat.auth.administration import Administration
from relaychat.auth.caller import Caller, House
from relaychat.auth.credentials import Origin
from relaychat.auth.failures import Failures
from relaychat.auth.keyring import Keyring
from relaychat.auth.login import Login, Presence, unreadable
from relaychat.auth.passwords import Passwords
from relaychat.auth.people import (
    GuestChecker,
    KeyChecker,
    PasswordChecker,
    Realm,
    UserChecker,
)
from relaychat.auth.registry import Registry
from relaychat.auth.tickets import Tickets
from relaychat.model import accounts as words
from relaychat.model.admission import Found
from relaychat.model.commands import Command, Hello
from relaychat.model.words import Word
from relaychat.model.world import World
from relaychat.session.host import Admit, Errand
from relaychat.session.session import Session
from relaychat.store.api import Store

T = TypeVar("T")

Method = Callable[[Any, Caller], Coroutine["Deferred[Any]", Any, Word]]


NOTED = frozenset(
    {
        words.AddAccount, words.DeleteAccount, words.MakeTicket, words.Register,
        words.ResetPassword, words.Revoke, words.SetPassword, words.Suspend,
    }
)  # fmt: skip
"""What the log has a line about."""

_log = Logger(namespace="relaychat.accounts")


class Office(Struct, frozen=True):
    """Where people log in, and where their accounts are looked after."""

    world: World
    accounts: Accounts
    go_on: Callable[[], Coroutine[Deferred[Any], Any, None]]
    """To be called once, when the hub has started: goes on with deletions that were
    under way."""
    admit: Admit
    login: Login
    errands: dict[type[Command], Errand]


def office(
    config: Config,
    world: World,
    store: Store,
    passwords: Passwords,
    house: House,
    in_doubt: Callable[[str], None],
    checkers: tuple[Any, ...] = (),
) -> Office:
    """The office of a relay. ``checkers`` are the house's own, for passwords."""
    rules = config.accounts
    accounts = Accounts(world, store, passwords, in_doubt)
    failures = Failures(world)
    login_name = name_of_user if rules.unix else name_of_nobody
    parts = [
        PasswordChecker(accounts, checkers),
        KeyChecker(accounts),
        UserChecker(accounts, login_name),
        GuestChecker(accounts, rules.guests, rules.guest_password),
    ]
    login = Login(
        world,
        Portal(Realm(), parts),
        store,
        accounts,
        failures,
        passwords.iterations,
        login_name,
        not checkers,
    )
    # Native clients come back and resume; plain IRC clients start anew (H9).
    native = Presence(rules.window_s, stays=True)

    def admit(hello: Hello, session: Session) -> Deferred[Found]:
        presence = native if session.dialect == "native" else None
        return login.admit(hello, origin_of(session), presence)

    tickets = Tickets(world, store, accounts.records)
    registry = Registry(
        world, accounts, tickets, failures, house, rules.register, not checkers
    )
    keyring = Keyring(world, accounts, tickets, house)
    administration = Administration(world, accounts, tickets, house, rules.register)
    carried_out = errands(registry, keyring, administration)
    return Office(world, accounts, registry.go_on, admit, login, carried_out)


def errands(
    registry: Registry, keyring: Keyring, administration: Administration
) -> dict[type[Command], Errand]:
    """Who carries out which command about accounts."""
    methods: dict[type[Command], Method] = {
        words.AddAccount: administration.add,
        words.DeleteAccount: registry.delete,
        words.ListAccounts: administration.list_accounts,
        words.ListDevices: keyring.list_devices,
        words.ListTickets: administration.list_tickets,
        words.ListTokens: keyring.list_tokens,
        words.MakeTicket: administration.make_ticket,
        words.MakeToken: keyring.make_token,
        words.Register: registry.register,
        words.ResetPassword: administration.reset,
        words.Revoke: keyring.revoke,
        words.SetCertificates: keyring.set_certificates,
        words.SetPassword: registry.set_password,
        words.Suspend: administration.suspend,
    }
    return {kind: _errand(method) for kind, method in methods.items()}


def _errand(method: Method) -> Errand:
    def run(command: Command, session: Session) -> Deferred[Word]:
        done = Deferred.fromCoroutine(method(command, caller_of(session)))
        if type(command) in NOTED:
            done.addCallback(_noted, command, session)
        return to_its_end(done.addErrback(unreadable))

    return run


def _noted(answer: Word, command: Command, session: Session) -> Word:
    """Write down who has done what; no secret is in it."""
    who = session.account or ("the owner" if session.control else "a newcomer")
    what = f"{command.__struct_config__.tag} {getattr(command, 'name', '')}".rstrip()
    _log.info("{who}, from {peer}: {what}", who=who, peer=session.link.peer, what=what)
    return answer


def to_its_end(done: Deferred[T]) -> Deferred[T]:
    """What comes of it. Who waits may go: what was begun is done all the same, for the
    half of a suspension is worse than none."""
    asked: Deferred[T] = Deferred()
    done.addCallbacks(asked.callback, asked.errback)
    return asked


def caller_of(session: Session) -> Caller:
    """Who asks."""
    return Caller(
        origin_of(session),
        session,
        session.account,
        session.device.key if session.device is not None else "",
        session.token,
        session.control or session.administrator,
    )


def origin_of(session: Session) -> Origin:
    """Where a session comes from."""
    link = session.link
    return Origin(host_of(link.peer), link.secure, link.certificate, link.uid)


def host_of(peer: str) -> str:
    """The host of an address as links write it: ``192.0.2.1:4711``, ``[::1]:4711``."""
    host, colon, _ = peer.rpartition(":")
    return host.strip("[]") if colon else peer


def name_of_user(uid: int) -> str:
    """The login name of a user of this machine, empty for none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def name_of_nobody(uid: int) -> str:
    """Where users of this machine don't log in by themselves."""
    return ""
