"""The relay does what the reference model says; and the model would notice if not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from relaychat.hub import doors, lookup, pages, queries, rule, speech
from relaychat.hub.peer import Peer
from relaychat.hub.state import Member
from relaychat.model.policy import Policy
from relaychat.model.scope import Scope
from tests.authorisation.play import STEPS, Play
from tests.authorisation.stage import Difference

SEEDS = 4
FOUND_WITHIN = 40
"""Runs within which each planted fault has to be found."""


class ModelTests(SynchronousTestCase):
    """The short form of ``python -m tests.authorisation``."""

    def test_no_difference(self) -> None:
        """2,000 random steps on native and IRC wires, and every read path."""
        plays = [Play(seed) for seed in range(1, SEEDS + 1)]
        for play in plays:
            play.run(STEPS)
        self.assertEqual(SEEDS * STEPS, 2000)
        self.assertGreater(sum(play.allowed for play in plays), 800)
        self.assertGreater(sum(play.refused for play in plays), 400)
        self.assertGreater(sum(play.told for play in plays), 800)
        self.assertGreater(sum(play.seen for play in plays), 600)


def everybody(member: object, events: Any) -> list[Any]:
    """Pages that hide nothing."""
    return list(events)


def nothing(*arguments: Any) -> None:
    """No check at all."""


def first_stay_only(member: Member, seq: int) -> bool:
    """Who comes back reads all from their first stay on."""
    first = min([member.joined, *(one for one, _ in member.past)])
    return member.room.open_history or seq >= first


def rule_without_secret(policy: Policy) -> str:
    """Secret rooms show newcomers what was before them."""
    closed = policy.history == "all" and (policy.key or policy.invite_only)
    return "since_join" if closed else policy.history


FAULTS: dict[str, tuple[object, str, object]] = {
    "history is open to whoever joins": (Member, "may_read", lambda one, seq: True),
    "stays that are over count for ever": (Member, "may_read", first_stay_only),
    "pages hide nothing": (pages, "shown_to", everybody),
    "secret rooms have open logs": (Policy, "rule", rule_without_secret),
    "tokens see all rooms": (Peer, "sees", lambda peer, room: True),
    "tokens may do anything": (Scope, "check", nothing),
    "bans don't keep out": (doors, "banned", lambda room, user: False),
    "bans don't silence": (lookup, "banned", lambda room, user: False),
    "lists show secret rooms": (queries, "_listed", lambda room, user, peer: True),
    "policies are anybody's": (
        rule,
        "require_role",
        lambda user, room, least: lookup.member_in(user, room),
    ),
    "kicks are anybody's": (
        doors,
        "require_role",
        lambda user, room, least: lookup.member_in(user, room),
    ),
    "outsiders speak": (speech, "require_voice", nothing),
    "who is out goes on hearing": (doors, "unfollow", nothing),
}


def planted(fault: str) -> Callable[[TeethTests], None]:
    """A test that a fault is found."""

    def test(self: TeethTests) -> None:
        where, name, instead = FAULTS[fault]
        self.patch(where, name, instead)
        for seed in range(1, FOUND_WITHIN + 1):
            try:
                Play(seed).run(STEPS)
            except (Difference, KeyError):
                return
        self.fail(f"nobody noticed that {fault}")

    test.__doc__ = f"It is found that {fault}."
    return test


class TeethTests(SynchronousTestCase):
    """Planted faults, each found."""


for index, fault in enumerate(FAULTS):
    setattr(TeethTests, f"test_fault_{index}", planted(fault))
