"""kill -9, again and again, under load; and nothing is lost.

The real relay serves native clients (accounts and a guest, over TCP and the UNIX
socket, two of them through bad weather of their own) and plain IRC clients. All of them
talk and read all the time. Two more are processes of the client library, with their
outbox on the disk: one talks, the other answers each of its messages.
These two are killed with -9 all the time, at random moments and as their outbox syncs.
The relay is killed at random moments: under load, while it starts, and, by strace, as
it syncs or writes for the n-th time. It is started again at once. What every client
was told is written into journals; at the end, once all clients had time to come back,
the checker (``relaychat.testing.checker``) holds them against the log, and ``relaychat
verify`` proves the log.

    python benchmarks/crash_loop.py [--kills 200] [--messages 1000000] [--seed 1]

``--messages`` old ones are in the store before. One line says what came of it; the exit
code is 1 for a violation or a slow recovery (p50 1 s, at most 2 s, from the start of
the process until a client has its welcome), 2 if it took too long.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from crash_clients import ROOMS, Irc, Native, Wanderer, welcome
from crash_people import KilledPerson
from crash_person import answer_to
from crash_server import (
    CALLS,
    MOST_CALLS,
    STRACE,
    Filling,
    Server,
    killed_at,
)
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from relaychat.model.commands import Say
from relaychat.model.events import Said
from relaychat.testing.chaos import FAIR, ChaosProxy, Weather
from relaychat.testing.checker import Report, check
from relaychat.testing.notes import asked
from relaychat.testing.truth import DATABASE, Truth, from_folder

reactor: Any = installed
EARLY, LOAD = "while it starts", "under load"
RECOVERY_P50_S, RECOVERY_MAX_S = 1.0, 2.0
FAR = Weather(delay_s=0.01, jitter_s=0.005, cut=3, half_close=10)
SLOW = Weather(rate=300_000, stall=1, stall_s=0.3, held_bytes=32 * 1024)
"""Two of the clients live in weather of their own beside."""
START_S = 15.0
"""More than any start takes."""
HEAL_S = 30.0


def sleep(seconds: float) -> Deferred[None]:
    """Let the clients go on."""
    return deferLater(reactor, seconds, lambda: None)


class TooSlow(Exception):
    """Something took longer than it may."""


class Loop:
    """One run."""

    def __init__(self, server: Server, options: argparse.Namespace) -> None:
        self.server = server
        self.options = options
        self.chance = random.Random(options.seed)
        self.kills: Counter[str] = Counter()
        self.recovered: list[float] = []
        self.natives: list[Native] = []
        self.ircs: list[Irc] = []
        self.people: list[KilledPerson] = []
        self.client_kills: Counter[str] = Counter()
        to = f"tcp:127.0.0.1:{server.native_port}"
        self.far = ChaosProxy(reactor, "tcp:0", to, FAR, options.seed)
        self.slow = ChaosProxy(reactor, "tcp:0", to, SLOW, options.seed)

    # -- the clients -------------------------------------------------------------------

    def invite(self) -> None:
        """The clients come. The first one makes the rooms and owns them."""
        unix = f"unix:{self.server.data / 'native.sock'}"
        tcp = f"tcp:127.0.0.1:{self.server.native_port}"
        far = f"tcp:127.0.0.1:{self.far.port}"
        slow = f"tcp:127.0.0.1:{self.slow.port}"
        window = self.options.window
        self.natives = [
            Native(reactor, unix, "ann", window=window, account=True),
            Native(reactor, tcp, "bob", window=window, account=True),
            Native(reactor, far, "cat", window=window, account=True),
            Native(reactor, unix, "dan", window=window, account=False),
            Wanderer(reactor, tcp, "eve"),
            Native(reactor, slow, "sly", window=0, account=True),
        ]

    def invite_irc(self) -> None:
        """Those who can't follow a room that is not there come when it is."""
        irc = f"tcp:127.0.0.1:{self.server.irc_port}"
        unix = f"unix:{self.server.data / 'irc.sock'}"
        self.ircs = [
            Irc(reactor, irc, "irma", ROOMS[0]),
            Irc(reactor, unix, "ivan", ROOMS[1]),
        ]

    async def invite_people(self) -> None:
        """Those who are killed. The one who answers is there before the first word."""
        tcp = f"tcp:127.0.0.1:{self.server.native_port}"
        unix = f"unix:{self.server.data / 'native.sock'}"
        folder, traced = self.server.folder, self.options.traced
        quin = KilledPerson(
            reactor, folder, tcp, "quin", [ROOMS[1]], traced=traced,
            kills=self.client_kills, answers="pat",
        )  # fmt: skip
        self.people.append(quin)
        await self.until("who answers", START_S, lambda: quin.inside)
        pat = KilledPerson(
            reactor, folder, unix, "pat", list(ROOMS), traced=traced,
            kills=self.client_kills, talks=True,
        )  # fmt: skip
        self.people.append(pat)

    @property
    def acked(self) -> int:
        """Messages that natives had acknowledged."""
        return sum(native.acked for native in self.natives)

    async def until(self, what: str, seconds: float, true: Any) -> None:
        """Wait for something. Raises TooSlow."""
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                raise TooSlow(what)
            await sleep(0.01)

    # -- starting and killing ----------------------------------------------------------

    async def welcomed(self, started: float) -> float:
        """Seconds from the start of the process to the first welcome. Raises TooSlow,
        also if it died."""
        endpoint = f"unix:{self.server.data / 'native.sock'}"
        while time.monotonic() - started < START_S and self.server.running:
            try:
                return await welcome(reactor, endpoint) - started
            except Exception:
                await sleep(0.01)
        raise TooSlow(f"the start: {self.server.said()}")

    async def life(self, number: int) -> None:
        """One life of the relay, from its start to kill -9."""
        dice = self.chance.random()
        if STRACE and dice < self.options.traced:
            await self.traced()
            return
        started = time.monotonic()
        self.server.start()
        if number and dice > 1 - self.options.early:
            await sleep(self.chance.uniform(0, 0.4))
            self.kills[EARLY] += 1
        else:
            self.recovered.append(await self.welcomed(started))
            before = self.acked
            await self.until("the load", START_S, lambda: self.acked > before)
            await sleep(self.chance.uniform(0, 0.4))
            self.kills[LOAD] += 1
        self.server.kill()

    async def traced(self) -> None:
        """A life that ends in the middle of a commit or a checkpoint."""
        call = self.chance.choice(CALLS)
        when = self.chance.randrange(1, MOST_CALLS[call])
        self.server.start(*killed_at(call, when))
        end = time.monotonic() + 4
        while self.server.running and time.monotonic() < end:
            await sleep(0.01)
        self.kills[f"at {call}" if not self.server.running else LOAD] += 1
        self.server.kill()

    # -- all of it ---------------------------------------------------------------------

    async def run(self) -> None:
        """Kill it so often, then let everything heal."""
        for proxy in (self.far, self.slow):
            await proxy.start()
        self.server.start()
        self.server.account("ann", "bob", "cat", "eve", "sly", "pat", "quin")
        self.invite()
        await self.until("the rooms", START_S, self._all_inside)
        self.invite_irc()
        await self.until("IRC", START_S, lambda: all(i.inside for i in self.ircs))
        await self.invite_people()
        await sleep(0.2)
        self.server.kill()
        self.kills[LOAD] += 1
        while self.kills.total() < self.options.kills:
            await self.life(self.kills.total())
        await self.heal()

    def _all_inside(self) -> bool:
        return all(native.conversation.ready for native in self.natives)

    async def heal(self) -> None:
        """No more faults: all is answered and read to the end."""
        started = time.monotonic()
        self.server.start()
        self.recovered.append(await self.welcomed(started))
        self.far.weather = self.slow.weather = FAIR
        for native in self.natives:
            native.settle()
        await self.until("IRC", HEAL_S, lambda: all(i.inside for i in self.ircs))
        for irc in self.ircs:
            irc.talking = False
        try:
            await self.until("all to be settled", HEAL_S, self._settled)
            for irc in self.ircs:
                irc.drain()
            await self.until("IRC", HEAL_S, lambda: all(i.drained for i in self.ircs))
            for person in reversed(self.people):
                await self._finish(person)
            ends = self.ends()
            await self.until(
                "all to be level", HEAL_S,
                lambda: all(native.level(ends) for native in self.natives),
            )  # fmt: skip
            await self._finish(*self.people)
        except TooSlow as what:  # the checker says who
            print(f"too slow: {what}", file=sys.stderr)
        self.server.kill()  # a clean end would write on: that guests have left

    async def _finish(self, *people: KilledPerson) -> None:
        """Nothing of theirs is on its way any more, and they have read all there is."""
        ends = self.ends()
        for person in people:
            person.finish(ends)
        names = " and ".join(person.journal.name for person in people)
        await self.until(names, HEAL_S, lambda: all(person.done for person in people))

    def _settled(self) -> bool:
        """Whether all are answered, and the one who wanders is inside: coming in makes
        an entry that all have to read."""
        return all(
            not len(one.outbox) and {*ROOMS} <= {*one.rooms}
            for one in (native.conversation for native in self.natives)
        )

    def ends(self) -> dict[str, int]:
        """Where the rooms' logs end."""
        uri = f"{(self.server.data / DATABASE).as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as db:
            found = db.execute(
                "SELECT body, seq FROM record JOIN head ON head.room = key"
                " WHERE kind = 'room'"
            ).fetchall()
        return {msgspec.json.decode(body)["name"]: seq for body, seq in found}

    async def stop(self) -> None:
        """Hang up everywhere."""
        for native in self.natives:
            await native.stop()
        for irc in self.ircs:
            irc.stop()
        for proxy in (self.far, self.slow):
            await proxy.stop()
        self.end()

    def end(self) -> None:
        """End all processes; also when the loop itself is interrupted."""
        for person in self.people:
            person.stop()
        self.server.kill()


def judge(loop: Loop, old: list[str], seconds: float) -> bool:
    """Check, and say what came of it."""
    truth = from_folder(loop.server.data, but=tuple(old))
    journals = [native.journal for native in loop.natives]
    journals += [irc.journal for irc in loop.ircs]
    journals += [person.journal for person in loop.people]
    report = check(truth, journals, healed=True)
    for violation in report.violations:
        print(violation, file=sys.stderr)
    wrong = [text for native in loop.natives for text in native.wrong]
    wrong += [text for person in loop.people for text in person.complaints()]
    wrong += answered_otherwise(truth, *loop.people)
    wrong += loop.server.complaints()
    wrong += loop.server.verified()
    for text in wrong[:20]:
        print(text, file=sys.stderr)
    p50, longest = median(loop.recovered), max(loop.recovered)
    print(line(loop, report, seconds, p50, longest))
    enough = report.counts.acked and report.counts.seen and report.counts.heard
    slow = p50 > RECOVERY_P50_S or longest > RECOVERY_MAX_S
    slow = slow and not loop.options.patient
    fine = report.good and not wrong
    return bool(fine and enough and not slow)


def answered_otherwise(
    truth: Truth, quin: KilledPerson, pat: KilledPerson
) -> list[str]:
    """Each message of Pat's in the room has one answer of Quin's, in their order."""
    places = truth.cids[truth.device(pat.journal.device) or 0].values()
    (log,) = truth.named(ROOMS[1], quin.journal.reading[ROOMS[1]])
    seqs = sorted(place.seq for place in places if place.log is log)
    texts = [answer_to(Said(ROOMS[1], seq, 0, "pat", "")) for seq in seqs]
    wanted = [asked(Say(ROOMS[1], text)) for text in texts]
    known = set(wanted)
    found = [digest for digest in log.asked if digest in known]
    if found == wanted and wanted:
        return []
    return [f"{len(wanted)} messages to be answered, {len(found)} answers, or disorder"]


def line(loop: Loop, report: Report, seconds: float, p50: float, longest: float) -> str:
    """The figures."""
    found, counts = report.found, report.counts
    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(loop.kills.items()))
    clients = ", ".join(f"{n} {kind}" for kind, n in sorted(loop.client_kills.items()))
    traced = "" if STRACE else " (none in system calls: strace is missing)"
    missing = sum(
        found.get(name, 0) for name in ("I2", "I4", "I5", "I8", "I9", "I10", "I11")
    )
    return (
        f"{loop.kills.total()} kills in {seconds:.0f} s ({kinds}; {clients}){traced}: "
        f"{counts.acked} acknowledged, {found.get('I1', 0)} lost, "
        f"{found.get('I3', 0)} doubled, {found.get('I6', 0) + found.get('I7', 0)} "
        f"reordered, {missing} missing; {counts.entries} entries, {counts.seen} shown, "
        f"{counts.heard} heard, {counts.gaps} gaps; recovery p50 {p50:.2f} s, max "
        f"{longest:.2f} s with {loop.options.messages} messages in the store"
    )


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description="Kill the relay; lose nothing.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--window", type=int, default=16, help="of each native client")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--traced", type=float, default=0.2, help="share by strace")
    parser.add_argument("--early", type=float, default=0.1, help="share in the start")
    parser.add_argument("--patient", action="store_true", help="do not judge times")
    options = parser.parse_args()
    codes: list[int] = []
    with tempfile.TemporaryDirectory(prefix="cl-") as name:
        loop = Loop(Server(Path(name)), options)
        old = Filling(loop.server.data).fill(options.messages)

        async def run() -> None:
            started = time.monotonic()
            try:
                await loop.run()
                codes.append(0 if judge(loop, old, time.monotonic() - started) else 1)
            except TooSlow as what:
                print(f"too slow: {what}", file=sys.stderr)
                codes.append(2)
            finally:
                await loop.stop()

        def ended(result: Failure | None) -> None:
            if isinstance(result, Failure):
                traceback.print_exception(result.value)
            reactor.stop()

        reactor.callWhenRunning(lambda: Deferred.fromCoroutine(run()).addBoth(ended))
        reactor.run()
        loop.end()
    return codes[0] if codes else 1


if __name__ == "__main__":
    sys.exit(main())
