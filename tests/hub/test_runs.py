"""Messages that are decided in one go come to the same as each in a turn of its own:
the same log, the same state, and everybody is told the same."""

from __future__ import annotations

import random
from typing import Any, cast

import msgspec
from msgspec.structs import replace
from twisted.internet.defer import ensureDeferred

from relaychat.hub.house import House
from relaychat.hub.hub import Hub
from relaychat.hub.state import State
from relaychat.hub.turn import Turn
from relaychat.model.errors import CidPassed, CidReused
from relaychat.model.events import Fault, WhoIs
from relaychat.model.words import Word
from relaychat.store.verify import verify
from relaychat.testing.snapshot import contradictions, durable
from relaychat.testing.world import SimulatedWorld
from tests.hub.chatter import ACCOUNTS, Chatter, Talkers
from tests.hub.support import HubTestCase, RecordingPeer

TURNS = 25
"""Of each seed."""
SEEDS = range(16)


class EvenTurn(Turn):
    """A turn whose chance is taken back with it: how often something was decided
    changes no token."""

    def __init__(self, house: House, state: State, refusing: bool = False) -> None:
        super().__init__(house, state, refusing)
        self._random = cast(SimulatedWorld, house.world)._random
        self._chance = self._random.getstate()

    def roll_back(self) -> None:
        super().roll_back()
        self._random.setstate(self._chance)


class Listing:
    """What is done to a hub, turn by turn, so that it can be done to another."""

    def __init__(self) -> None:
        self.turns: list[tuple[list[tuple[int, Any]], float]] = []
        """In each: who asks for what, and how long it takes then."""
        self.forms: list[Any] = []


class RunTests(HubTestCase):
    """Each test is a seed."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(Hub, "drafts", EvenTurn)
        for name in ACCOUNTS:
            self.account(name)

    def talk(self, seed: int, people: type[Chatter]) -> Listing:
        """Let people talk, and write down what they did."""
        self.chance = random.Random(seed)
        chatter, listing = people(self, self.chance), Listing()
        chatter.resumes = False
        self.all: list[RecordingPeer] = []
        for _ in range(TURNS):
            start = len(chatter.asked)
            for _ in range(self.chance.choice([1, 2, 5, 15])):
                chatter.step()
            self.all = [peer for peer, _ in chatter.came]
            asked = [(self.all.index(p), what) for p, what in chatter.asked[start:]]
            seconds = self.chance.choice([0, 0, 0.01, 2, 400])
            listing.turns.append((asked, seconds))
            self.run_hub()
            self.run_hub(seconds)
        listing.forms = [peer.form for peer in self.all]
        return listing

    def again(self, listing: Listing) -> None:
        """The same, each command and each loss in a turn by itself, and with nothing
        remembered of where somebody spoke last."""
        self.all = []
        for asked, seconds in listing.turns:
            for number, what in asked:
                while len(self.all) <= number:
                    self.all.append(self.peer(listing.forms[len(self.all)]))
                self.all[number].spoken = None
                if what is None:
                    self.hub.lost(self.all[number], "lost", "gone")
                else:
                    self.all[number].ask(what)
                self.run_hub()
            self.run_hub(seconds)

    def outcome(self) -> dict[str, Any]:
        """What it all came to."""
        self.assertEqual((self.reports, self.doubts), ([], []))
        self.assertEqual(contradictions(self.hub.state), [])
        found = {
            room: [(line.row._replace(chain=b""), line.digest) for line in lines]
            for room, lines in self.ledger.rooms.items()
        }
        state = durable(self.hub.state)
        for room in state["rooms"].values():
            room["log"] = room["log"] and room["log"][:3]
        told = [by_subject(peer.words()) for peer in self.all]
        return {"log": found, "state": state, "told": told}

    def whole(self) -> None:
        """All chains are proved."""
        for head in self.ledger.heads.values():
            proved = self.successResultOf(ensureDeferred(verify(self.store, head)))
            self.assertTrue(proved.whole, proved)

    def test_as_by_itself(self) -> None:
        """Whatever is said, and whatever happens between it."""
        for seed in SEEDS:
            self.setUp()
            listing = self.talk(seed, Talkers if seed % 4 else Chatter)
            together = self.outcome()
            self.whole()
            self.setUp()
            self.again(listing)
            by_itself = self.outcome()
            for part, expected in by_itself.items():
                self.assertEqual(together[part], expected, f"seed {seed}: {part}")


def by_subject(words: list[Word]) -> dict[str, list[bytes]]:
    """What was told of each room, with the answers that belong there, and of the rest:
    readers are told one room after the other in a turn."""
    told: dict[str, list[bytes]] = {}
    for word in words:
        if isinstance(word, WhoIs):
            # Counted from the end of the turn before.
            word = replace(word, idle_s=0)
        elif isinstance(word, Fault) and word.code == CidReused.code:
            # Outside of the log, a turn knows more of its own ids than the next one.
            word = replace(word, code=CidPassed.code, text=CidPassed.default)
        subject = getattr(word, "room", "") or type(word).__name__
        told.setdefault(subject, []).append(msgspec.json.encode(word))
    return told
