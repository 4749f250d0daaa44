"""A turn that is taken back leaves no trace, and what is committed is found again:
shown by storms of random commands over a store in trouble."""

from __future__ import annotations

import random
from typing import Any

from relaychat.hub.house import House
from relaychat.hub.hub import Hub
from relaychat.hub.limits import Limits
from relaychat.hub.records import KINDS, load
from relaychat.hub.state import State
from relaychat.hub.turn import Turn
from relaychat.model import commands as c
from relaychat.store.api import Batch, Duplicates, Failed, First, Outcome, Poison
from relaychat.testing.reading import Reading
from relaychat.testing.snapshot import contradictions, durable, snapshot
from tests.hub.chatter import Chatter, Talkers
from tests.hub.support import PLAIN, HubTestCase, RecordingPeer


class CheckedTurn(Turn):
    """A turn that remembers how all was, and makes sure of it when it is taken back."""

    taken_back = 0

    def __init__(self, house: House, state: State, refusing: bool = False) -> None:
        super().__init__(house, state, refusing)
        self.before = snapshot(state)

    def roll_back(self) -> None:
        """Nothing may be left of it."""
        super().roll_back()
        CheckedTurn.taken_back += 1
        after = snapshot(self.state)
        if after != self.before:
            raise AssertionError(difference(self.before, after))


def difference(before: Any, after: Any) -> str:
    """Which things differ, and how."""
    found = []
    for name in {**before, **after}:
        one, other = before.get(name, {}), after.get(name, {})
        found += [
            f"{name}.{field}: {one.get(field)} -> {other.get(field)}"
            for field in {**one, **other}
            if one.get(field) != other.get(field)
        ]
    return "; ".join(found)


class StormTests(HubTestCase):
    """Each test is a seed."""

    people: type[Chatter] = Chatter
    turns = 300

    def setUp(self) -> None:
        super().setUp()
        self.patch(Hub, "drafts", CheckedTurn)

    def storm(self, seed: int, steps: int, trouble: float) -> None:
        """So many turns with some of everything."""
        self.chance = random.Random(seed)
        self.readings: dict[RecordingPeer, Reading] = {}
        chatter = self.people(self, self.chance)
        for _ in range(steps):
            for _ in range(self.chance.choice([1, 1, 2, 5, 15])):
                chatter.step()
            if self.chance.random() < trouble:
                outcomes = [self.outcome] * self.chance.randint(1, 3)
                self.store.script.extend(outcomes)
            if self.chance.random() < 0.1:
                self.drain(chatter)
            seconds = self.chance.choice([0, 0, 0.01, 2, 400])
            self.run_hub(seconds)
            self.check_reports()
            self.read(chatter)
            if self.store.script:
                self.store.script.clear()
                self.run_hub(3)
            self.check()
        self.finish(chatter)

    def read(self, chatter: Chatter) -> None:
        """Everybody who is shown everything reads it, and finds nothing wrong."""
        for peer, resume in chatter.came:
            if peer not in self.readings:
                self.readings[peer] = Reading(resume)
            if peer.form is PLAIN:
                self.readings[peer].read(peer.words())
                self.assertEqual(self.readings[peer].wrong, [])

    def finish(self, chatter: Chatter) -> None:
        """All read what is still to come, and then nobody lacks anything."""
        for peer in chatter.peers:
            peer.taking = True
            self.hub.drained(peer)
        self.run_hub(3)
        self.read(chatter)
        for peer, reading in self.readings.items():
            if peer in chatter.peers and peer.user and peer.form is PLAIN:
                last = reading.last
                rooms = {room.name: room.seq for room in peer.user.rooms}
                self.assertEqual({**rooms, **last}, {**last, **rooms})

    def drain(self, chatter: Chatter) -> None:
        """Some take nothing more, others read again."""
        for peer in chatter.peers:
            if peer.taking:
                peer.taking = self.chance.random() < 0.7
            else:
                peer.taking = True
                self.hub.drained(peer)

    def outcome(self, batch: Batch) -> Outcome:
        """Some trouble that fits this batch."""
        chance, rows = self.chance, batch.rows
        known = {
            index: First(row.room, row.seq, chance.choice([row.cid_hash or 0, 1]))
            for index, row in enumerate(rows)
            if row.cid is not None and chance.random() < 0.5
        }
        pick = chance.random()
        if known and pick < 0.5:
            return Duplicates(known)
        if rows and pick < 0.3:
            return Poison((chance.randrange(len(rows)),))
        return Failed("the disk is full")

    def check_reports(self) -> None:
        """The hub has nothing to report but the trouble that it was given."""
        trouble = ("the store keeps nothing", "the store can't keep")
        bugs = [one for one in self.reported() if not one.startswith(trouble)]
        self.assertEqual("\n".join([*bugs, *self.doubts]), "")

    def check(self) -> None:
        """All fits together, and would be found again after a crash now."""
        self.assertEqual(contradictions(self.hub.state), [])
        found = durable(load(self.ledger.snapshot(KINDS)))
        self.assertEqual(found, durable(self.hub.state))

    def test_fair_weather(self) -> None:
        """Without trouble nothing is left over or forgotten."""
        self.storm(1, self.turns, 0)

    def test_foul_weather(self) -> None:
        """Whatever a commit says, an aborted turn has never been."""
        self.storm(2, self.turns, 0.3)
        self.assertGreater(CheckedTurn.taken_back, self.turns // 10)

    def test_bye(self) -> None:
        """Everybody says goodbye at last, and only what stays is left."""
        self.storm(3, 50, 0.1)
        for peer in list(self.hub.state.peers):
            self.hub.submit(peer, c.Bye())
        self.run_hub(1000)
        self.check()
        self.assertEqual(list(self.hub.state.peers), [])
        self.assertTrue(all(user.account for user in self.hub.state.users.values()))


class SmallStormTests(StormTests):
    """The same where memory holds next to nothing, and turns take little."""

    limits = Limits(
        tail_entries=2, page_entries=3, turn_commands=4, devices=1, invites_per_room=1,
        bans_per_room=2, past_stays=2, rooms_per_user=3,
    )  # fmt: skip


class TalkingStormTests(StormTests):
    """The same where people say many things at once."""

    people = Talkers
    turns = 100


class SmallTalkingStormTests(SmallStormTests):
    """Both."""

    people = Talkers
    turns = 100
