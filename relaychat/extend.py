"""The one import for people who extend relaychat: re-exports, nothing else."""

from __future__ import annotations

from relaychat.app.dialects import DialectPlugin, IDialectPlugin
from relaychat.hub.hooks import Verdict
from relaychat.model import commands, errors, events
from relaychat.model.errors import RelayError
from relaychat.session.dialect import Dialect
from relaychat.session.link import Framer
from relaychat.session.table import render, verb

__all__ = [
    "Dialect",
    "DialectPlugin",
    "Framer",
    "IDialectPlugin",
    "RelayError",
    "Verdict",
    "commands",
    "errors",
    "events",
    "render",
    "verb",
]
