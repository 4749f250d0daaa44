"""One run of the simulator: ``run(seed, options)``.

::

    result = run(7, Options(minutes=10, clients=12))
    assert result.good, result.text

Everything happens in this thread, on simulated time. The same seed and options give the
same trace, to the byte.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import cast

from msgspec import Struct
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher

from relaychat.model.names import fold
from relaychat.testing.checker import Counts, Violation, check
from relaychat.testing.simulation.climate import config_of, weather_of
from relaychat.testing.simulation.deeds import Deed, do, rooms_for
from relaychat.testing.simulation.faults import FAULTS, Fault
from relaychat.testing.simulation.irc import Irc
from relaychat.testing.simulation.native import Native
from relaychat.testing.simulation.options import Options
from relaychat.testing.simulation.pages import wrong_pages
from relaychat.testing.simulation.people import Person, people
from relaychat.testing.simulation.plan import Item, plan
from relaychat.testing.simulation.stage import Stage
from relaychat.testing.truth import Truth, from_ledger

AUDIT_S = 2.0
"""How often it is looked into the hub."""
CALM_S = 90.0
"""In a liveness run, from the last fault to the judgement: 30 s until a dead connection
is found, 22 s of back-off at most, as long again for a second attempt, and 5 s."""


class Result(Struct):
    """What came of a run."""

    seed: int
    options: Options
    violations: list[Violation]
    trace: str
    """SHA-256 over all that happened."""
    events: int
    """What the trace consists of."""
    simulated_s: float
    took_s: float
    faults: dict[str, int]
    """Those that took effect, by kind."""
    figures: dict[str, int]
    counts: Counts

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        return not self.violations

    @property
    def text(self) -> str:
        """What is wrong, a line each."""
        return "\n".join(map(str, self.violations))


def run(
    seed: int, options: Options | None = None, items: Sequence[Item] | None = None
) -> Result:
    """Simulate, and judge. ``items`` happen in place of those that are planned.

    Raises ConfigError, CannotBuild for a configuration that is of no use.
    """
    return Run(seed, options or Options(), items).run()


class Run:
    """See ``run``."""

    def __init__(
        self, seed: int, options: Options, items: Sequence[Item] | None = None
    ) -> None:
        self.seed = seed
        self.options = options
        self.items = plan(str(seed), options) if items is None else items
        text = str(seed)
        self.stage = Stage(text, config_of(text, options), weather_of(text))
        self.people = people(self.stage, options.clients)
        self.faults: Counter[str] = Counter()
        self._errors: list[str] = []

    def run(self) -> Result:
        """All of it."""
        began = time.perf_counter()
        observer = cast(ILogObserver, self._logged)
        globalLogPublisher.addObserver(observer)
        try:
            self._live()
            counts = self._judge()
        finally:
            globalLogPublisher.removeObserver(observer)
        stage = self.stage
        self.faults += stage.disk.befell
        return Result(
            self.seed,
            self.options,
            stage.violations,
            stage.trace.hexdigest(),
            stage.trace.events,
            stage.now_us / 1e6,
            time.perf_counter() - began,
            dict(self.faults),
            dict(stage.counts + stage.server.counts),
            counts,
        )

    # -- what happens ------------------------------------------------------------------

    def _live(self) -> None:
        stage, options = self.stage, self.options
        accounts = {one.nick: one.password for one in self.people if one.password}
        stage.server.add_accounts(accounts)
        stage.server.start()
        for index, person in self._present():
            chance = random.Random(f"{self.seed} {person.name} rooms")
            rooms = rooms_for(person)
            person.wanted = chance.sample(rooms, chance.randint(2, len(rooms)))
            stage.world.later(0.1 * index, person.start)
        for item in self.items:
            stage.world.later(item.at_us / 1e6, partial(self._happen, item))
        self._audit()
        stage.world.advance(options.length_s)
        if options.liveness:
            self._calm()
            stage.world.advance(CALM_S)

    def _present(self) -> list[tuple[int, Person]]:
        """Who takes part, with their numbers."""
        present = self.options.present
        return [
            (index, person)
            for index, person in enumerate(self.people)
            if present is None or index in present
        ]

    def _happen(self, item: Item) -> None:
        person = self.people[item.who]
        chance = random.Random(f"{self.seed} item {item.number} doing")
        self.stage.trace.note(str(item))
        if item.fault:
            took = FAULTS[item.what](Fault(self.stage, person, chance))
            self.faults[item.what] += took
        else:
            nicks = [one.nick for one in self.people]
            do(person, item.what, Deed(chance, nicks, item.number))

    def _audit(self) -> None:
        self.stage.server.look()
        self.stage.server.audit()
        self.stage.world.later(AUDIT_S, self._audit)

    def _calm(self) -> None:
        """No fault lasts any longer; dead connections stay dead."""
        stage, network = self.stage, self.stage.network
        stage.disk.calm()
        network.calm()
        if stage.server.process is not None:
            stage.server.process.busy_us = 0
        for _, person in self._present():
            person.start()

    def _logged(self, event: LogEvent) -> None:
        if event.get("log_level") is LogLevel.critical:
            failure = event.get("log_failure")
            text = failure.getTraceback() if failure is not None else str(event)
            self._errors.append(text)

    # -- how it went -------------------------------------------------------------------

    def _judge(self) -> Counts:
        stage, healed = self.stage, self.options.liveness
        stage.server.audit()
        truth = from_ledger(stage.disk.ledger)
        journals = [person.journal for person in self.people]
        report = check(truth, journals, healed=healed)
        stage.violations += report.violations
        for person in self.people:
            if isinstance(person, Native):
                stage.counts["pages"] += len(person.pages)
                self._judge_pages(person, truth)
        for text in self._errors:
            stage.report("bug", text)
        if healed:
            self._at_rest(truth)
        for person in self.people:
            if isinstance(person, Native):
                person.end()
        return report.counts

    def _judge_pages(self, person: Native, truth: Truth) -> None:
        stage, journal = self.stage, person.journal
        past_stays = stage.config.limits.hub.past_stays
        found = wrong_pages(journal, person.pages, truth, stage.disk, past_stays)
        for invariant, text in found:
            stage.report(invariant, text)

    def _at_rest(self, truth: Truth) -> None:
        """After a liveness run everybody is there, and knows who else is."""
        stage = self.stage
        if not stage.server.up:
            stage.report("I9", "the relay is down")
        for _, person in self._present():
            if not person.up:
                stage.report("I9", f"{person.name} did not come back")
            elif isinstance(person, Native) and person.unsent:
                stage.report("I9", f"{person.name} still holds {len(person.unsent)}")
            elif isinstance(person, Irc):
                self._knows_who_is_there(person, truth)

    def _knows_who_is_there(self, person: Irc, truth: Truth) -> None:
        for log in truth.logs.values():
            room, there = fold(log.name), set(log.retold.state.members)
            if fold(person.me) not in there:
                continue
            here = set(person.roster.get(room, ()))
            if wrong := (there ^ here) - {fold(person.me)}:
                text = f"{person.name} is wrong about {sorted(wrong)} in {room}"
                self.stage.report("I9", f"{text}, where {sorted(there)} are")
