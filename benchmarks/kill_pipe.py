"""The main job: a log goes through ``relaychat pipe`` while everything is killed.

A log file of this machine, repeated until it has enough lines, with their numbers, goes
into a room. Three readers follow: ``relaychat tail --json``, ``examples/follow.py`` on
the UNIX socket, and an IRC client, which is told nothing of what it missed and so reads
that natively afterwards. Meanwhile the relay is killed with ``kill -9`` again and
again, and the pipe once; both are started again. In the end every line has to be in the
log once, in order, and both native readers have to have seen just that.

    python benchmarks/kill_pipe.py [--lines 20000] [--kills 5] [--live] [--agent] [LOG]

One line says what came of it; the exit code is 1 if anything was lost, doubled or out
of order, and 2 if it took too long. ``--live`` gives the lines to the pipe's stdin
through a pipe, so that they go through its spool; the pipe itself is then not killed.
With ``--guests`` the native readers have no accounts. With ``--agent`` the pipe and the
tail go through an agent each, and the pipe's is killed as often as the relay.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from relaychat.client.agent.agent import answers
from relaychat.client.state import agent_socket

ROOT = Path(__file__).resolve().parent.parent
ROOM = "#ops"
PASSWORD = "a long pass phrase"
LOG = Path("/var/log/dpkg.log")
SETTINGS = """
[[listen]]
dialect = "native"
endpoint = "unix:{{data}}/native.sock:mode=600"
[[listen]]
dialect = "control"
endpoint = "unix:{{data}}/control.sock:mode=600"
[[listen]]
dialect = "irc"
endpoint = "tcp:{port}:interface=127.0.0.1"
"""
RELAYCHAT = "from relaychat.app.command import main; main(prog_name='relaychat')"


class TooSlow(Exception):
    """It took longer than it may."""


class Clock:
    """The time that everything together may take."""

    def __init__(self, seconds: float) -> None:
        self._start = time.monotonic()
        self._seconds = seconds

    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def ticks(self, what: str) -> Iterator[None]:
        """Now and then, until the time is over. Raises TooSlow."""
        while self.spent() < self._seconds:
            yield
            time.sleep(0.01)
        raise TooSlow(what)


def numbered(log: Path, lines: int) -> list[str]:
    """So many lines: the log's, again and again, each with its number."""
    texts = log.read_text(encoding="utf-8", errors="replace").split("\n")
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise SystemExit(f"{log} is empty")
    return [
        f"{number:06d} {text}"
        for number, text in zip(
            range(1, lines + 1), itertools.cycle(texts), strict=False
        )
    ]


class Work:
    """A folder with a relay that is started again and again, and what belongs to it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.socket = self.data / "native.sock"
        self.clock = clock
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.irc_port: int = probe.getsockname()[1]
        (folder / "relay.toml").write_text(SETTINGS.format(port=self.irc_port))
        self._notes = (folder / "notes").open("ab")
        self._relay: subprocess.Popen[bytes] | None = None
        self._all: list[subprocess.Popen[bytes]] = []
        self._agents: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self, *arguments: str, account: bool = False, **streams: Any
    ) -> subprocess.Popen[bytes]:
        """Start a Python program that ends with us; with an account's password."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "RELAYCHAT_SERVER": f"unix:{self.socket}",
            "RELAYCHAT_STATE": str(self.folder / "state"),
            **({"RELAYCHAT_PASSWORD": PASSWORD} if account else {}),
        }
        streams.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(
            [sys.executable, *arguments],
            **{"stdout": self._notes, "stderr": self._notes, **streams},
            cwd=self.folder,
            env=environment,
        )
        self._all.append(process)
        return process

    def relaychat(
        self, *arguments: str, account: bool = False, **streams: Any
    ) -> subprocess.Popen[bytes]:
        """Start the command."""
        return self.start("-c", RELAYCHAT, *arguments, account=account, **streams)

    def start_relay(self) -> float:
        """Start the relay; how long it took until it listened."""
        before = time.monotonic()
        self._relay = self.start(
            "-m", "twisted", "relaychat", "--config", "relay.toml", "--data", "data"
        )
        for _ in self.clock.ticks("the start of the relay"):
            if self._relay.poll() is not None:
                raise SystemExit(f"the relay ended: {self.notes()}")
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.socket))
                return time.monotonic() - before
        raise AssertionError("not reached")

    def logged(self) -> int:
        """How many entries the relay has logged since its start."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.data / "control.sock"))
            control.sendall(b'{"type":"status"}\n')
            words = map(json.loads, control.makefile("rb"))
            return next(int(word["events"]) for word in words if "events" in word)

    def kill_relay(self) -> None:
        """kill -9."""
        assert self._relay is not None
        self._relay.kill()
        self._relay.wait()

    def start_agent(self, nick: str) -> None:
        """Start somebody's agent, and wait until it serves."""
        agent = self.start(
            "-m", "twisted", "relaychat-client", "--nick", nick, "--server",
            f"unix:{self.socket}", account=True,
        )  # fmt: skip
        path = agent_socket(self.folder / "state", f"unix:{self.socket}", nick)
        for _ in self.clock.ticks("the start of an agent"):
            if agent.poll() is not None:
                raise SystemExit(f"the agent ended: {self.notes()}")
            if answers(path):
                break
        self._agents[nick] = agent

    def kill_agent(self, nick: str) -> None:
        """kill -9, and start it again."""
        self._agents[nick].kill()
        self._agents[nick].wait()
        self.start_agent(nick)

    def account(self, name: str) -> None:
        """Make an account."""
        made = self.relaychat(
            "ctl", "--data", str(self.data), "account", name, stdin=subprocess.PIPE
        )
        made.communicate(f"{PASSWORD}\n".encode(), timeout=30)
        if made.returncode:
            raise SystemExit(f"no account: {self.notes()}")

    def history(self) -> list[dict[str, Any]]:
        """The whole log, read by pages."""
        reading = self.relaychat(
            "history", ROOM, "--join", "-n", "0", "--json", "--nick", "reader",
            stdout=subprocess.PIPE,
        )  # fmt: skip
        out, _ = reading.communicate(timeout=60)
        return [json.loads(line) for line in out.splitlines()]

    def notes(self) -> str:
        """What the programs said, the last of it."""
        return (self.folder / "notes").read_text(errors="replace")[-2000:]

    def end(self) -> None:
        """End everything that is still there."""
        for process in self._all:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._all:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._notes.close()


class Reader(threading.Thread):
    """Takes the JSON lines that a following program writes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True)
        self._process = process
        self.events: list[dict[str, Any]] = []
        self.start()

    def run(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.events.append(json.loads(line))


class IrcReader(threading.Thread):
    """An IRC client of the plain kind: it joins, reads, and comes back when it is cut
    off. What was said in between it is not told."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self.texts: list[str] = []
        self.inside = threading.Event()
        self.start()

    def run(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                self._once()
            time.sleep(0.3)

    def _once(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as relay:
            relay.sendall(b"NICK ircreader\r\nUSER reader 0 * :reader\r\n")
            for raw in relay.makefile("rb"):
                if not raw.endswith(b"\n"):
                    return  # cut off in the middle
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                words = line.split(" ", 3)
                if line.startswith("PING"):
                    relay.sendall(b"PONG" + raw[4:])
                elif words[1] in ("376", "422"):
                    relay.sendall(f"JOIN {ROOM}\r\n".encode())
                elif words[1] == "366":
                    self.inside.set()
                elif words[1:3] == ["PRIVMSG", ROOM]:
                    self.texts.append(words[3].removeprefix(":"))


class Count(NamedTuple):
    """How a sequence of lines differs from what it should be."""

    read: int
    lost: int
    doubled: int
    reordered: int

    @property
    def good(self) -> bool:
        """Nothing is wrong with it."""
        return not (self.lost or self.doubled or self.reordered)

    def __str__(self) -> str:
        return (
            f"{self.read} read, {self.lost} lost, {self.doubled} doubled, "
            f"{self.reordered} reordered"
        )


def count(texts: list[str], expected: list[str]) -> Count:
    """Compare what was read with what was sent."""
    places = {text: place for place, text in enumerate(expected)}
    found = [places.get(text, -1) for text in texts]
    once = set(found)
    strange = found.count(-1)
    reordered = sum(one > other for one, other in itertools.pairwise(found))
    return Count(
        len(texts),
        len(expected) - len(once - {-1}),
        len(found) - len(once) + bool(strange),
        reordered,
    )


def said(events: list[dict[str, Any]]) -> list[str]:
    """The texts that the pipe's account said."""
    return [
        event["text"]
        for event in events
        if event["type"] == "said" and event.get("account") == "ops"
    ]


def holes(events: list[dict[str, Any]]) -> int:
    """Places in a reader's whole story where a seq does not follow the one before."""
    seqs = [event["seq"] for event in events if "seq" in event]
    return sum(after != before + 1 for before, after in itertools.pairwise(seqs))


class Pipe:
    """``relaychat pipe``, which may be killed, too."""

    def __init__(self, work: Work, lines: list[str], live: bool, agent: bool) -> None:
        self._work = work
        self._live = live
        self._way = "--agent" if agent else "--no-agent"
        self._file = work.folder / "input.log"
        self._file.write_text("".join(f"{line}\n" for line in lines))
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        arguments = ("pipe", ROOM, "--nick", "ops", self._way)
        if not self._live:
            with self._file.open("rb") as stdin:
                return self._work.relaychat(*arguments, stdin=stdin, account=True)
        process = self._work.relaychat(*arguments, stdin=subprocess.PIPE, account=True)
        threading.Thread(target=self._feed, args=(process,), daemon=True).start()
        return process

    def _feed(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
            stdin.write(self._file.read_bytes())

    def kill(self) -> None:
        """kill -9, and start it again on the same input."""
        self.process.kill()
        self.process.wait()
        self.process = self._start()


class Result(NamedTuple):
    """What one run showed."""

    log: Count
    tail: Count
    follow: Count
    irc: Count
    holes: int
    kills: int
    pipe_kills: int
    agent_kills: int
    pipe_code: int
    restart_s: float
    seconds: float

    @property
    def good(self) -> bool:
        """Whether the promise was kept."""
        counts = (self.log, self.tail, self.follow)
        irc = not (self.irc.doubled or self.irc.reordered)
        return all(one.good for one in counts) and irc and not self.holes

    def __str__(self) -> str:
        return (
            f"{self.kills} kills of the relay, {self.pipe_kills} of the pipe, "
            f"{self.agent_kills} of the agent, {self.seconds:.1f} s; log: {self.log}; "
            f"tail: {self.tail}; follow.py: {self.follow}; IRC: {self.irc.read} "
            f"read live, the {self.irc.lost} it missed read from the log, "
            f"{self.irc.doubled} doubled, {self.irc.reordered} reordered; "
            f"holes in seq: {self.holes}; "
            f"longest restart {self.restart_s:.2f} s; pipe exit {self.pipe_code}"
        )


def prepare(work: Work, guests: bool, agent: bool) -> None:
    """The relay, the accounts, the room, the agents."""
    work.start_relay()
    for name in ("ops",) if guests else ("ops", "tailer", "follower"):
        work.account(name)
    made = work.relaychat("send", ROOM, "here we go", "--nick", "ops", account=True)
    if made.wait(30):
        raise SystemExit(f"no room: {work.notes()}")
    for name in ("ops", "tailer") if agent else ():
        work.start_agent(name)


def measure(
    work: Work, lines: list[str], kills: int, live: bool, guests: bool, agent: bool
) -> Result:
    """One run."""
    prepare(work, guests, agent)
    tail = Reader(
        work.relaychat(
            "tail", ROOM, "--json", "--after", "0", "--nick", "tailer",
            account=not guests, stdout=subprocess.PIPE,
        )
    )  # fmt: skip
    follow = Reader(
        work.start(
            str(ROOT / "examples" / "follow.py"), str(work.socket), ROOM, "follower",
            account=not guests, stdout=subprocess.PIPE,
        )
    )  # fmt: skip
    irc = IrcReader(work.irc_port)
    for _ in work.clock.ticks("the readers"):
        joined = {event["sender"] for event in tail.events if event["type"] == "joined"}
        if irc.inside.is_set() and {"tailer", "follower"} <= joined:
            break
    pipe = Pipe(work, lines, live, agent)
    killed, pipe_kills, agent_kills, restart_s = 0, 0, 0, 0.0
    share = len(lines) // (kills + 2)
    for _ in work.clock.ticks("the pipe"):
        if pipe.process.poll() is not None:
            break
        logged = work.logged()
        if not pipe_kills and not live and killed == kills // 2 and logged > share // 2:
            pipe.kill()
            pipe_kills += 1
        elif killed < kills and logged > share:
            work.kill_relay()
            killed += 1
            restart_s = max(restart_s, work.start_relay())
        elif agent and agent_kills < killed and logged > share // 3:
            work.kill_agent("ops")
            agent_kills += 1
    log = work.history()
    last = max(event["seq"] for event in log)
    with contextlib.suppress(TooSlow):  # who falls short is counted as such
        for _ in Clock(20).ticks("the readers"):
            if min(last_seq(tail), last_seq(follow)) >= last:
                break
    return Result(
        count([text for text in said(log) if text != "here we go"], lines),
        count([text for text in said(tail.events) if text != "here we go"], lines),
        count(said(follow.events), lines),
        count(irc.texts, lines),
        sum(map(holes, (log, tail.events, follow.events))),
        killed,
        pipe_kills,
        agent_kills,
        pipe.process.returncode,
        restart_s,
        work.clock.spent(),
    )


def last_seq(reader: Reader) -> int:
    """How far a reader came."""
    return int(reader.events[-1].get("seq", 0)) if reader.events else 0


def main() -> int:
    """Run it; 0 if nothing was lost, doubled or out of order."""
    parser = argparse.ArgumentParser(description="Kill everything; lose nothing.")
    parser.add_argument("log", nargs="?", type=Path, default=LOG, metavar="LOG")
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--live", action="store_true", help="through the pipe's spool")
    parser.add_argument("--guests", action="store_true", help="readers are guests")
    parser.add_argument("--agent", action="store_true", help="through agents")
    parser.add_argument("--seconds", type=float, default=180, help="it may take")
    options = parser.parse_args()
    lines = numbered(options.log, options.lines)
    with tempfile.TemporaryDirectory(prefix="kp-") as folder:
        work = Work(Path(folder), Clock(options.seconds))
        try:
            result = measure(
                work,
                lines,
                options.kills,
                options.live,
                options.guests,
                options.agent,
            )
            if not result.good:
                print(work.notes(), file=sys.stderr)
        except TooSlow as what:
            print(f"too slow: {what}; {work.notes()}", file=sys.stderr)
            return 2
        finally:
            work.end()
    enough = result.kills == options.kills and result.pipe_code == 0
    print(f"{len(lines)} lines: {result}")
    return 0 if result.good and enough else 1


if __name__ == "__main__":
    sys.exit(main())
