"""Going to a relay that was found, not named: ``--discover``.

Choosing one needs no trust: TLS decides whom we talk to, as always. But to have
answered is no reason to be shown a secret, so who logs in has to know the relay.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from relaychat.client.cli.output import note
from relaychat.client.cli.run import USAGE, Job, Trouble
from relaychat.client.cli.visit import Target
from relaychat.client.lan.search import Options, best_server
from relaychat.client.login import Login
from relaychat.net.dial import place_of

SEARCH = Options(wait_s=1.0)
UNNAMED = "tls:unnamed:1"
"""Stands for the server until one is found."""


def found_first(target: Target, usual: str, job: Any) -> Job:
    """A job that looks for the best relay before it does what ``job`` makes of it.
    ``usual``: the server that one goes to without a search."""

    async def run(reactor: Any) -> int:
        found = await best_server(reactor, SEARCH)
        where = replace(target, server=found.server)
        note(f"{found.name}, by {found.ways}: {found.server}")
        if found.fingerprint:
            note(f"it announces the certificate with SHA-256 {found.fingerprint}")
        if shows_secrets(where) and not knows(where, usual):
            raise Trouble(
                USAGE,
                f"{found.server} is shown no password, no login and no certificate only"
                " because it has answered. Name the relay (--server), or pin it"
                " (--fingerprint, relaychat trust), or name its authority (--ca)",
            )
        code: int = await job(where)(reactor)
        return code

    return run


def shows_secrets(target: Target) -> bool:
    """Whether a server is shown more than a guest's nick: also that of a device which
    has logged in at the same address before, perhaps on another network. Raises
    StateError."""
    given = target.password is not None or target.trusting.shows is not None
    return given or Login(target.home, private=False).is_kept


def knows(target: Target, usual: str) -> bool:
    """Whether somebody has said who has to be at this server."""
    trusting = target.trusting
    if trusting.fingerprint or trusting.ca is not None:
        return True
    if not target.server.startswith("tls:"):
        return target.server == usual
    place = place_of(target.server)
    return trusting.pins is not None and trusting.pins.get(str(place)) is not None
