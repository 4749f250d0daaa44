"""What commands ask a person for: passwords, moments, and how long something lasts."""

from __future__ import annotations

import re
import sys
import time
from datetime import datetime

import click

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def asked(prompt: str, again: bool = False) -> str:
    """A password: from the terminal, unseen, or else the next line of stdin."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = click.prompt(prompt, hide_input=True, confirmation_prompt=again)
    return typed


def new_password() -> str:
    """A new password, typed twice."""
    return asked("New password", again=True)


def seconds(
    context: click.Context, option: click.Parameter, value: str | None
) -> int | None:
    """A time like 90s, 30m, 12h, 7d or 4w, in seconds: a callback of options."""
    if value is None:
        return None
    found = _lasting(value)
    if found is None:
        raise click.BadParameter("a time is written 90s, 30m, 12h, 7d or 4w")
    return found


def moment(
    context: click.Context, option: click.Parameter, value: str | None
) -> int | None:
    """A moment, or how long it is ago, in ms since 1970, and at least 0: a callback of
    options."""
    if value is None:
        return None
    ago = _lasting(value)
    if ago is not None:
        return max(0, int((time.time() - ago) * 1000))
    try:
        return max(0, int(datetime.fromisoformat(value).timestamp() * 1000))
    except ValueError:
        raise click.BadParameter(
            "a time is written 2026-01-31T18:30, or 90s, 30m, 12h, 7d or 4w for so "
            "long ago"
        ) from None


def _lasting(value: str) -> int | None:
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhdw])", value)
    return None if found is None else int(found[1]) * UNITS[found[2]]
