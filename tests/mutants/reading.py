"""Faults of catching up and resuming, of what may be read, and of a restart."""

from __future__ import annotations

from typing import Any

from relaychat.hub import decide, hub, people, records
from relaychat.hub.catchup import CatchUp
from relaychat.hub.facts import Restarted
from relaychat.hub.peer import Peer
from relaychat.hub.state import Member, Room
from relaychat.hub.tail import Tail, Tails
from relaychat.model.commands import Cursor
from relaychat.store.ledger import Ledger
from relaychat.store.memory import MemoryStore
from tests.mutants.planting import Plant, mutant


@mutant
def page_boundary(plant: Plant) -> None:
    """The last entry of a page that is read for a reader is not shown."""
    merged = MemoryStore.merged

    def short(store: MemoryStore, cursors: dict[int, int], limit: int) -> Any:
        read = merged(store, cursors, limit + 1)
        return read.addCallback(
            lambda entries: entries[1:] if len(entries) > limit else entries
        )

    plant(MemoryStore, "merged", short)


@mutant
def live_one_early(plant: Plant) -> None:
    """A reader that lacks one event is live already."""
    step = CatchUp.step

    def early(catch_up: CatchUp, peer: Peer) -> None:
        if peer.behind is not None and peer not in catch_up._reading:
            for room, seq in peer.behind.items():
                if seq == room.seq - 1:
                    peer.behind[room] = room.seq
        step(catch_up, peer)

    plant(CatchUp, "step", early)


@mutant
def live_one_late(plant: Plant) -> None:
    """A reader is shown the last event once more when it is live again."""
    go_live = CatchUp._go_live

    def late(catch_up: CatchUp, peer: Peer) -> None:
        assert peer.user is not None
        for room in peer.user.rooms:
            for kept in room.tail.after(room.seq - 1):
                peer.send(peer.form.replay(kept.event))
        go_live(catch_up, peer)

    plant(CatchUp, "_go_live", late)


@mutant
def tails_merged_wrongly(plant: Plant) -> None:
    """A reader that was behind is given one entry for each seq, of whichever room."""
    from_tails = CatchUp._from_tails

    def merged(catch_up: CatchUp, lagging: dict[Room, int]) -> Any:
        rows = from_tails(catch_up, lagging)
        return list({event.seq: (room, event, by) for room, event, by in rows}.values())

    plant(CatchUp, "_from_tails", merged)


@mutant
def tail_with_a_hole(plant: Plant) -> None:
    """A tail is taken for whole that begins one entry too late."""

    def covers(tail: Tail, after: int, seq: int) -> bool:
        return after >= seq or (bool(tail.count) and tail.first() <= after + 2)

    plant(Tail, "covers", covers)


@mutant
def epoch_ignored(plant: Plant) -> None:
    """A cursor of a room's former life is good for its present one."""

    def standing(room: Room, resume: dict[str, Cursor]) -> Cursor | None:
        cursor = resume.get(room.name)
        return cursor if cursor is not None and cursor.seq <= room.seq else None

    plant(people, "_standing", standing)


@mutant
def history_open_to_all(plant: Plant) -> None:
    """A member may read what was said while they were not in, whatever the policy."""
    plant(Member, "may_read", lambda *_: True)


@mutant
def too_much_withheld(plant: Plant) -> None:
    """A member who was in before may read nothing of that time."""
    plant(Member, "may_read", lambda member, seq: seq >= member.joined)


@mutant
def restart_loses_member(plant: Plant) -> None:
    """After a restart one of a room's members is not in it any more."""
    load = records.load

    def careless(snapshot: Any) -> Any:
        state = load(snapshot)
        for room in state.rooms.values():
            if len(room.members) > 2:
                user = next(iter(room.members))
                del room.members[user], user.rooms[room]
        return state

    plant(hub, "load", careless)


@mutant
def restart_forgets_guests(plant: Plant) -> None:
    """Guests of before a restart stay in their rooms for ever."""
    facts: dict[Any, Any] = {**decide.FACTS, Restarted: lambda *_: None}
    plant(decide, "FACTS", facts)


@mutant
def redacted_in_tail(plant: Plant) -> None:
    """What was redacted is still shown out of the memory."""
    plant(Tails, "replace", lambda *_: None)


@mutant
def redacted_in_log(plant: Plant) -> None:
    """What was redacted stays in the log."""
    write = Ledger.write

    def keeping(ledger: Ledger, batch: Any) -> Any:
        batch.blanks.clear()
        return write(ledger, batch)

    plant(Ledger, "write", keeping)


@mutant
def two_of_a_device(plant: Plant) -> None:
    """A new session of a device does not end the one before."""
    plant(people, "_fence", lambda *_: None)
