"""How the relay logs, where that differs from what twistd does by itself."""

from __future__ import annotations

import sys
from typing import TextIO

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    jsonFileLogObserver,
    textFileLogObserver,
)

from relaychat.app.config import Log


def target(log: Log) -> TextIO:
    """Where it goes: the file, which stays open as long as the process lives, or
    standard output. Raises OSError."""
    return open(log.file, "a", encoding="utf-8") if log.file else sys.stdout


def observer(log: Log, file: TextIO) -> ILogObserver:
    """An observer that writes as the configuration asks for."""
    if log.format == "json":
        written = jsonFileLogObserver(file, recordSeparator="")
    else:
        written = textFileLogObserver(file)
    least = LogLevelFilterPredicate(LogLevel.lookupByName(log.level))
    made: ILogObserver = FilteringLogObserver(written, [least])
    return made
