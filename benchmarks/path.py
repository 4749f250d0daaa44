"""Where the time of a message goes: the whole path but for the sockets, in one thread.

    python -m benchmarks.path                  # 500 pairs, direct messages
    python -m benchmarks.path --rooms 200      # 200 rooms of ten

Sessions with links in memory speak IRC through the real hub into the real SQLite store,
four lines at a time, as the lab's load generator does. ``read`` is framing, parsing and
queueing; ``decide`` is the turn up to its batch; ``commit`` the transaction with its
fsync, and ``behind`` what the writer does behind it (the index, the write-ahead log);
``tell`` is rendering and one send per reader. All are microseconds of this thread's CPU
per message, the medians of all rounds but the first few.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from time import thread_time
from typing import TypeVar

from twisted.internet.defer import Deferred, maybeDeferred, succeed

from relaychat.hub.hooks import Hooks
from relaychat.hub.house import Counts, House
from relaychat.hub.hub import Alarms, Hub
from relaychat.hub.limits import Limits as HubLimits
from relaychat.model.admission import Admission, Found
from relaychat.model.commands import Hello
from relaychat.session.host import Host
from relaychat.session.irc.dialect import Irc
from relaychat.session.session import Session
from relaychat.store.api import Batch, Outcome
from relaychat.store.sqlite import SqliteStore
from relaychat.testing.world import SimulatedWorld

T = TypeVar("T")

PARTS = ("read", "decide", "commit", "behind", "tell")
TEXT = "00123 0000000017 0000018d9a4c5b6e " + "x" * 66
"""100 characters, as the load generator's."""


class Times:
    """CPU seconds of this thread, by part."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(PARTS, 0.0)
        self._part = ""
        self._since = 0.0

    def enter(self, part: str) -> None:
        """From here on it is this part's; empty for nobody's."""
        now = thread_time()
        if self._part:
            self.spent[self._part] += now - self._since
        self._part, self._since = part, now


class OneThread(SqliteStore):
    """The store, with everything carried out at once, in the caller's thread."""

    times: Times

    def commit(self, batch: Batch) -> Deferred[Outcome]:
        """See ``api.Store``."""
        self.times.enter("commit")
        outcome = self._transactions.commit(batch)
        self.times.enter("behind")
        self._behind(batch)
        self.times.enter("tell")
        return succeed(outcome)

    def _read(self, call: Callable[..., T], *values: object) -> Deferred[T]:
        return maybeDeferred(call, *values)


class Link:
    """A connection whose peer reads everything."""

    peer = "memory"
    exempt = secure = True
    full = False
    uid: int | None = None
    certificate: str | None = None

    def __init__(self) -> None:
        self.lines = self.sends = 0

    def send(self, payload: bytes) -> bool:
        """See ``session.link.Link``."""
        self.sends += 1
        self.lines += payload.count(b"\n")
        return True

    def pause(self) -> None:
        """See ``session.link.Link``."""

    resume = close = pause


def _admit(hello: Hello, session: Session) -> Deferred[Found]:
    return succeed(Admission())


def _fail(text: str) -> None:
    raise SystemExit(text)


class Traffic:
    """The relay and its sessions."""

    def __init__(self, folder: Path, clients: int) -> None:
        self.world = SimulatedWorld()
        self.times = Times()
        self.store = OneThread(folder / "relay.db", lambda call, *values: call(*values))
        self.store.times = self.times
        house = House("relay", self.world, HubLimits(), Hooks(_fail), Counts())
        self.hub = Hub(house, self.store, Alarms(_fail, _fail, lambda: None))
        self.hub.start()
        self.world.run()
        host = Host(Irc, self.hub, self.world, _admit, _fail)
        self.links = [Link() for _ in range(clients)]
        self.sessions = [Session(host, link) for link in self.links]
        for number, session in enumerate(self.sessions):
            session.open()
            session.receive(b"NICK u%05d\r\nUSER u 0 * :u\r\n" % number)
            self.world.run()

    def turn(self) -> None:
        """Carry out what is queued."""
        self.times.enter("decide")
        self.world.run()
        self.times.enter("")

    def round(self, chunks: list[bytes], interleave: int) -> dict[str, float]:
        """Everybody says their chunk, in so many turns."""
        before = dict(self.times.spent)
        for start in range(interleave):
            self.times.enter("read")
            for number in range(start, len(chunks), interleave):
                if chunks[number]:
                    self.sessions[number].receive(chunks[number])
            self.turn()
        return {part: self.times.spent[part] - before[part] for part in PARTS}


def main() -> None:
    """Run it and print the parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=0)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--lines", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--turns", type=int, default=1, help="turns of a round")
    asked = parser.parse_args()
    with TemporaryDirectory(dir=".") as folder:
        path = Traffic(Path(folder), asked.clients)
        if asked.rooms:
            for number, session in enumerate(path.sessions):
                session.receive(b"JOIN #c%d\r\n" % (number % asked.rooms))
            path.turn()
            chunks = [
                (b"PRIVMSG #c%d :%s\r\n" % (number, TEXT.encode())) * asked.lines
                if number < asked.rooms
                else b""
                for number in range(asked.clients)
            ]
        else:
            chunks = [
                (b"PRIVMSG u%05d :%s\r\n" % (number ^ 1, TEXT.encode())) * asked.lines
                for number in range(asked.clients)
            ]
        said = asked.lines * sum(map(bool, chunks))
        gc.collect()
        gc.freeze()
        before = sum(link.lines for link in path.links)
        rounds = [path.round(chunks, asked.turns) for _ in range(asked.rounds)]
        heard = sum(link.lines for link in path.links) - before
        kept = rounds[5:]
        # What is behind the commits comes in some rounds only, so its mean counts.
        cost = {
            part: (mean if part == "behind" else median)([one[part] for one in kept])
            / said
            * 1e6
            for part in PARTS
        }
        print(f"{said * asked.rounds} said, {heard} heard")
        print(
            " ".join(f"{part} {cost[part]:.2f}" for part in PARTS),
            f"sum {sum(cost.values()):.2f} us a message",
            "best "
            + " ".join(
                f"{min(one[part] for one in kept) / said * 1e6:.2f}" for part in PARTS
            ),
        )


if __name__ == "__main__":
    main()
