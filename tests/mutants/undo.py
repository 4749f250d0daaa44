"""Faults of taking a turn back, and of what waits for a store that keeps nothing."""

from __future__ import annotations

from typing import Any

from relaychat.hub import decide, hub
from relaychat.hub.state import Member
from relaychat.hub.turn import Turn
from tests.mutants.planting import Plant, delayed, mutant


@mutant
def inverse_not_noted(plant: Plant) -> None:
    """What is taken out of a mapping is not put back."""

    def drop(turn: Turn, mapping: dict[Any, Any], key: object) -> None:
        mapping.pop(key, None)

    plant(Turn, "drop", drop)


@mutant
def undone_in_order(plant: Plant) -> None:
    """What was changed first is taken back first."""
    back = Turn.roll_back

    def forward(turn: Turn) -> None:
        turn.undo.reverse()
        back(turn)

    plant(Turn, "roll_back", forward)


@mutant
def seq_not_restored(plant: Plant) -> None:
    """A room's log does not go back to where it was."""
    back = Turn.roll_back

    def forgetful(turn: Turn) -> None:
        turn.starts.clear()
        back(turn)

    plant(Turn, "roll_back", forgetful)


@mutant
def chain_not_restored(plant: Plant) -> None:
    """A room's seq goes back to where it was, its chain does not."""
    back = Turn.roll_back

    def forgetful(turn: Turn) -> None:
        chains = {room: room.chain for room in turn.starts}
        back(turn)
        for room, chain in chains.items():
            room.chain = chain

    plant(Turn, "roll_back", forgetful)


@mutant
def role_not_recorded(plant: Plant) -> None:
    """A change of role is not written."""
    plant(Member, "DURABLE", Member.DURABLE - {"role"})


@mutant
def facts_lost_while_full(plant: Plant) -> None:
    """Who goes while the store keeps nothing is forgotten about."""
    decided = decide.decide

    def careless(turn: Turn, items: Any, known: Any, held: Any, report: Any) -> None:
        decided(turn, items, known, [], report)

    plant(hub, "decide", careless)


@mutant
def go_back_n_ignored(plant: Plant) -> None:
    """What was sent behind a message that was refused for now is taken before it."""
    plant(decide, "_go_back", lambda *_: None)


@delayed
def cut_item_lost(plant: Plant) -> None:
    """A command that needs a read of the store first is never carried out."""
    decided = decide.decide

    def careless(turn: Turn, items: Any, known: Any, held: Any, report: Any) -> None:
        try:
            decided(turn, items, known, held, report)
        except decide.Cut as cut:
            del items[cut.index]
            raise

    plant(hub, "decide", careless)
