"""The relay that the crash loop kills: started, filled and killed again and again."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import msgspec

from relaychat.hub.records import RoomRecord
from relaychat.model.chain import START, body_digest, link
from relaychat.model.events import Said
from relaychat.store.api import Batch, Committed, Head, Outcome, Record, Row
from relaychat.store.sqlite import SqliteStore
from relaychat.testing.truth import DATABASE

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "a long pass phrase"
SETTINGS = """
[[listen]]
dialect = "native"
endpoint = "unix:{{data}}/native.sock:mode=600"
[[listen]]
dialect = "native"
endpoint = "tcp:{native}:interface=127.0.0.1"
[[listen]]
dialect = "irc"
endpoint = "tcp:{irc}:interface=127.0.0.1"
[[listen]]
dialect = "irc"
endpoint = "unix:{{data}}/irc.sock:mode=600"
[[listen]]
dialect = "control"
endpoint = "unix:{{data}}/control.sock:mode=600"
"""
FILLED_ROOMS = 20
FILL_ROWS = 4_000
"""Of one batch."""
STRACE = shutil.which("strace")
CALLS = ("fdatasync", "pwrite64")
"""Where SQLite may die: before it syncs, and between two pages of what it writes."""
MOST_CALLS = {"fdatasync": 60, "pwrite64": 1500}
"""A start that is to die by itself dies at one of its first so many calls."""


def free_port() -> int:
    """A port below those that the kernel gives to who connects: a client that tries
    again and again would else connect to itself one day."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def killed_at(call: str, when: int) -> tuple[str, ...]:
    """Kills what comes behind it with -9 as it makes a system call for the ``when``-th
    time in one thread."""
    return (
        str(STRACE), "-f", "-qq", "-o", os.devnull,
        "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={when}",
    )  # fmt: skip


class Server:
    """One relay after the other on one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.native_port, self.irc_port = free_port(), free_port()
        text = SETTINGS.format(native=self.native_port, irc=self.irc_port)
        (folder / "relay.toml").write_text(text)
        self.notes = folder / "notes"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *before: str) -> None:
        """Start it, by a command put before it: ``killed_at``, for instance."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("COVERAGE")
        }
        with self.notes.open("ab") as notes:
            self._process = subprocess.Popen(
                [*before, sys.executable, "-m", "twisted", "relaychat",
                 "--config", "relay.toml", "--data", "data"],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=notes, stderr=notes,
                env={**kept, "PYTHONPATH": str(ROOT)}, start_new_session=True,
            )  # fmt: skip

    @property
    def running(self) -> bool:
        """Whether it is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its number. It has to have been started."""
        assert self._process is not None
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The code it ended with; None while it is there."""
        return None if self._process is None else self._process.poll()

    def kill(self) -> None:
        """kill -9, and its tracer with it."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def complaints(self) -> list[str]:
        """What it said that a relay should never say."""
        lines = self.notes.read_text(errors="replace").splitlines()
        bad = ("Traceback", "Unhandled", '"name": "critical"', '"name": "error"')
        return [line for line in lines if any(word in line for word in bad)]

    def verified(self) -> list[str]:
        """What ``relaychat verify`` finds wrong with the log."""
        done = subprocess.run(
            [sys.executable, "-m", "relaychat", "verify", "--data", str(self.data)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return (done.stdout + done.stderr).splitlines() if done.returncode else []

    def said(self) -> str:
        """The last of what it said."""
        return self.notes.read_text(errors="replace")[-3000:]

    def account(self, *names: str) -> None:
        """Make accounts. It has to be running."""
        path = self.data / "control.sock"
        until = time.monotonic() + 30
        while True:
            try:
                control = socket.socket(socket.AF_UNIX)
                control.connect(str(path))
                break
            except OSError:
                control.close()
                if time.monotonic() > until or not self.running:
                    raise SystemExit(f"no relay: {self.said()}") from None
                time.sleep(0.02)
        with control, control.makefile("rb") as answers:
            for name in names:
                word = {"type": "account", "name": name, "password": PASSWORD, "id": 1}
                control.sendall(json.dumps(word).encode() + b"\n")
                if not any(b'"ok"' in line for line in iter(answers.readline, b"")):
                    raise SystemExit(f"no account: {self.said()}")


# -- the store's content ------------------------------------------------------


class Filling:
    """Writes old messages into a data folder, through the store itself."""

    def __init__(self, data: Path) -> None:
        self._answers: SimpleQueue[Any] = SimpleQueue()
        self._store = SqliteStore(
            data / DATABASE, lambda call, *values: self._answers.put((call, values))
        )
        self._store.open(())
        self._places = dict.fromkeys(range(1, FILLED_ROOMS + 1), (0, START))

    def fill(self, messages: int) -> list[str]:
        """So many messages; the names of the rooms they are in."""
        names = {room: f"#old{room}" for room in self._places}
        encode = msgspec.json.Encoder().encode
        self._commit(
            Batch(
                records=[
                    Record("room", str(n), encode(RoomRecord(name, f"o{n}", "kept", 1)))
                    for n, name in names.items()
                ]
            )
        )  # fmt: skip
        for made in range(0, messages, FILL_ROWS):
            was = {room: seq for room, (seq, _) in self._places.items()}
            rows = [
                self._row(1 + number % FILLED_ROOMS, number, encode)
                for number in range(made, min(made + FILL_ROWS, messages))
            ]
            heads = [
                Head(room, was[room], seq, seq, chain)
                for room, (seq, chain) in self._places.items()
                if seq > was[room]
            ]
            self._commit(Batch(rows, heads))
        self._wait(self._store.close())
        return list(names.values())

    def _row(self, room: int, number: int, encode: Any) -> Row:
        seq, chain = self._places[room]
        seq += 1
        text = f"a line of about the length that people write, at times: {number}"
        body = encode(Said(f"#old{room}", seq, seq, "old", text, "old"))
        chain = link(chain, seq, seq, body_digest(body))
        self._places[room] = seq, chain
        return Row(room, seq, seq, body, chain, 1, number + 1, number)

    def _commit(self, batch: Batch) -> None:
        outcomes: list[Outcome] = []
        self._store.commit(batch).addCallback(outcomes.append)
        while not outcomes:
            call, values = self._answers.get(timeout=60)
            call(*values)
        if not isinstance(outcomes[0], Committed):
            raise SystemExit(f"can't fill the store: {outcomes[0]}")

    def _wait(self, closed: Any) -> None:
        done: list[None] = []
        closed.addCallback(done.append)
        while not done:
            call, values = self._answers.get(timeout=60)
            call(*values)
