"""How the relay logs, where that differs from what twistd does by itself."""

from __future__ import annotations

import sys

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    jsonFileLogObserver,
    textFileLogObserver,
)

from relaychat.app.config import Log


def observer(log: Log) -> ILogObserver | None:
    """The observer that the configuration asks for; None for twistd's own.

    Raises OSError if the file can't be opened.
    """
    if log == Log():
        return None
    # The file is open as long as the process lives.
    file = open(log.file, "a", encoding="utf-8") if log.file else sys.stdout  # noqa: SIM115
    if log.format == "json":
        written = jsonFileLogObserver(file, recordSeparator="")
    else:
        written = textFileLogObserver(file)
    least = LogLevelFilterPredicate(LogLevel.lookupByName(log.level))
    made: ILogObserver = FilteringLogObserver(written, [least])
    return made
