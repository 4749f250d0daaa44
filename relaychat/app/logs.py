"""How the relay logs, where that differs from what twistd does by itself."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TextIO

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
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
        written = FileLogObserver(file, json_line)
    else:
        written = textFileLogObserver(file)
    least = LogLevelFilterPredicate(LogLevel.lookupByName(log.level))
    made: ILogObserver = FilteringLogObserver(written, [least])
    return made


def json_line(event: LogEvent) -> str:
    """An event as one object: when, how grave, from where, what, and the traceback."""
    level = event.get("log_level")
    told = {
        "time": datetime.fromtimestamp(event["log_time"], UTC).isoformat(),
        "level": "info" if level is None else level.name,
        "from": event.get("log_namespace", "-"),
        "text": eventAsText(
            event, includeTimestamp=False, includeSystem=False, includeTraceback=False
        ),
    }
    if "log_failure" in event:
        told["traceback"] = event["log_failure"].getTraceback()
    return json.dumps(told) + "\n"
