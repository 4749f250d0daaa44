"""The first administrator: made by a relay's first run, in front of somebody.

The password is shown once, on the terminal that the relay was started from, and not in
its log, which others read and which is kept. Where there is no terminal nobody is made:
the owner makes one over the control socket, which needs no password.
"""

from __future__ import annotations

import sys
from base64 import b32encode
from typing import TextIO

from relaychat.app.welcome import program
from relaychat.auth.accounts import Account, Accounts
from relaychat.model.world import World

NAME = "admin"
PASSWORD_BYTES = 15
"""120 bits: nobody guesses it, whatever it is kept as."""
NOBODY_YET = (
    "There is no account yet. The first administrator:"
    " {program} ctl --data {data} account NAME --administrator"
)


def terminal() -> TextIO | None:
    """The terminal that somebody sits at, or None. Twisted has its own ``sys.stdout``
    by now."""
    out = sys.__stdout__
    return out if out is not None and out.isatty() else None


def new_password(world: World) -> str:
    """Four groups of six letters and digits, in lower case: easily typed over."""
    text = b32encode(world.token_bytes(PASSWORD_BYTES)).decode().lower()
    return "-".join(text[at : at + 6] for at in range(0, len(text), 6))


async def first_administrator(
    accounts: Accounts, world: World, data: str, out: TextIO | None
) -> str:
    """Make the first administrator, if there is no account at all and somebody to be
    told. Returns what is to be logged, if anything. Raises RelayError."""
    if await accounts.page("", 1):
        return ""
    if out is None:
        return NOBODY_YET.format(program=program(), data=data)
    password = new_password(world)
    await accounts.register(Account(NAME, administrator=True), password)
    out.write(
        f"\nThe first account is an administrator's. Its password is shown this once:\n"
        f"  {NAME}   {password}\n"
        f"A password of your own: {program()} account password --nick {NAME} --login\n"
        f"Accounts for others: {program()} ctl --data {data} account NAME\n\n"
    )
    out.flush()
    return f"the first account was made: {NAME}"
