"""A person at terminals: what a page shows is typed, and what it shows of the answers
is waited for."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

PROMPT = "$ "
PATIENCE_S = 40.0
"""For one line: a command has to start on a busy machine."""
LEFT_OUT = "…"
CLOCK = r"\d\d:\d\d:\d\d"


class NotShown(AssertionError):
    """A line of the page does not come."""


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(
        self, before: Sequence[str], folder: Path, environment: dict[str, str]
    ) -> None:
        """``before`` is put before the shell's command line."""
        words = [*before, "bash", "--norc", "--noprofile", "--noediting"]
        self._pid, self._fd = pty.fork()
        if not self._pid:
            os.chdir(folder)
            os.execvpe(words[0], words, {**environment, "PS1": PROMPT})
        self._new = ""
        """What it has shown since the last line that was waited for."""
        self._all = ""

    def follow(self, lines: Sequence[str]) -> None:
        """Do what these lines of a page say. Raises NotShown."""
        for line in lines:
            if line.startswith("$ "):
                self.idle(line)
                self._type(line[2:] + "\n")
            elif line.startswith("> "):
                self._type(line[2:] + "\n")
            elif line == "^C":
                self._type("\x03")
            elif line.strip(f"{LEFT_OUT} "):
                self._wait_for(line)

    def idle(self, line: str = "the prompt") -> None:
        """Until the shell asks for a command. Raises NotShown."""
        self._until(lambda: self._new.endswith(PROMPT), line)

    def _type(self, text: str) -> None:
        self._new = ""
        os.write(self._fd, text.encode())

    def _wait_for(self, line: str) -> None:
        """Until it has shown this line. What the page leaves out may be anything."""
        pattern = re.escape(line.strip()).replace(re.escape(LEFT_OUT), ".*")
        whole = re.compile(rf"^\s*{re.sub(CLOCK, lambda _: CLOCK, pattern)}\s*$", re.M)

        def there() -> bool:
            found = whole.search(self._new)
            if found:
                self._new = self._new[found.end() :]
            return bool(found)

        self._until(there, line)

    def _until(self, true: Callable[[], bool], line: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not true():
            left = end - time.monotonic()
            if left < 0 or not self._read(left):
                raise NotShown(f"{line!r} is not shown, but:\n{self._all[-3000:]}")

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._fd], [], [], seconds)
        if not ready:
            return False
        text = os.read(self._fd, 65536).decode(errors="replace").replace("\r\n", "\n")
        self._new += text
        self._all += text
        return True

    def close(self) -> None:
        """End all that was started in it."""
        shell = psutil.Process(self._pid)
        for process in [*shell.children(recursive=True), shell]:
            process.send_signal(signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._fd)
