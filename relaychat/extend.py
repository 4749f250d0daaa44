"""The one import for people who extend relaychat: re-exports, nothing else."""

from __future__ import annotations

from relaychat.app.config import Settings
from relaychat.app.finding import (
    API,
    CheckerPlugin,
    DialectPlugin,
    FactoryPlugin,
    HookPlugin,
    IExtension,
)
from relaychat.app.premises import Premises
from relaychat.hub.hooks import Hook, Verdict
from relaychat.model import commands, errors, events
from relaychat.model.errors import RelayError
from relaychat.session.dialect import Dialect
from relaychat.session.link import Framer
from relaychat.session.table import control, render, verb

__all__ = [
    "API",
    "CheckerPlugin",
    "Dialect",
    "DialectPlugin",
    "FactoryPlugin",
    "Framer",
    "Hook",
    "HookPlugin",
    "IExtension",
    "Premises",
    "RelayError",
    "Settings",
    "Verdict",
    "commands",
    "control",
    "errors",
    "events",
    "render",
    "verb",
]
