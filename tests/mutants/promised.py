"""The faults that a relay is proved against everywhere, as far as one node has them.

Left out: a lost wake-up between nodes, for there is one node.
"""

from __future__ import annotations

from typing import Any, cast

from msgspec.structs import replace

from relaychat.client.core import Conversation
from relaychat.client.cursor import Reader, Standing
from relaychat.client.link import Link
from relaychat.client.speech import line
from relaychat.hub import doors, lookup, people
from relaychat.hub.delivery import deliver
from relaychat.hub.hub import Hub
from relaychat.hub.peer import Peer
from relaychat.hub.state import Device, User
from relaychat.hub.turn import Turn
from relaychat.model.commands import Cursor, Resume
from relaychat.model.events import Done
from relaychat.net.outlet import Outlet
from relaychat.session.heartbeat import Heartbeat
from relaychat.store.api import Batch, Failed
from relaychat.store.ledger import Ledger
from relaychat.store.memory import MemoryStore
from relaychat.testing.simulation.disk import DiskStore
from relaychat.testing.simulation.process import Process
from tests.mutants.planting import Plant, delayed, mutant


def acknowledge(turn: Turn, share: float = 1.0) -> None:
    """Acknowledge the first so many of a turn's sends now."""
    acks = [told for told in turn.told if isinstance(told.word, Done)]
    for told in acks[: round(len(acks) * share)]:
        told.peer.send(told.peer.outcome(told.command, told.word))
        turn.told.remove(told)


@mutant
def ack_before_commit(plant: Plant) -> None:
    """Acknowledgements leave before their commit."""
    batch = Turn.batch

    def hasty(turn: Turn) -> Batch:
        acknowledge(turn)
        return batch(turn)

    plant(Turn, "batch", hasty)


@mutant
def publish_before_commit(plant: Plant) -> None:
    """What is said is shown before its commit."""
    batch = Turn.batch

    def hasty(turn: Turn) -> Batch:
        if not turn.spans and not turn.segments:
            told, turn.told = turn.told, []
            for _ in deliver(turn, {}, print):
                pass
            turn.told, turn.rooms, turn.special = told, {}, {}
        return batch(turn)

    plant(Turn, "batch", hasty)


@mutant
def no_unique_key(plant: Plant) -> None:
    """Nobody looks whether a client id was used before."""
    plant(lookup, "settle", lambda *_: None)
    plant(Ledger, "first", lambda *_: None)


@mutant
def ids_in_memory_only(plant: Plant) -> None:
    """Client ids are known as long as the process lives."""
    opened = MemoryStore.open

    def forgetful(store: MemoryStore, kinds: tuple[str, ...]) -> Any:
        store.ledger.cids.clear()
        return opened(store, kinds)

    plant(MemoryStore, "open", forgetful)


@mutant
def resume_from_delivered(plant: Plant) -> None:
    """A device that comes back goes on behind what was written to it last, wherever it
    says that it is."""
    detach, resume_at = people.detach, people.resume_at
    written: dict[Device, dict[str, Cursor]] = {}

    def noting(turn: Turn, peer: Peer, user: User) -> None:
        if peer.device is not None:
            seqs = peer.behind or {room: room.seq for room in user.rooms}
            written[peer.device] = {
                room.name: Cursor(room.epoch, seq) for room, seq in seqs.items()
            }
        detach(turn, peer, user)

    def resumed(turn: Turn, peer: Peer, user: User, resume: Resume) -> None:
        known = written.get(peer.device, {}) if peer.device is not None else {}
        at = {room: known.get(room, cursor) for room, cursor in resume.rooms.items()}
        resume_at(turn, peer, user, replace(resume, rooms=at))

    plant(people, "detach", noting)
    plant(people, "resume_at", resumed)


@mutant
def gap_ignored(plant: Plant) -> None:
    """A client takes whatever comes later for the next event."""

    def lenient(reader: Reader, seq: int) -> bool:
        if reader.standing is Standing.OUTSIDE or seq <= reader.seq:
            return False
        reader.seq = seq
        return True

    plant(Reader, "passes", lenient)


@mutant
def batch_partially_acked(plant: Plant) -> None:
    """When a commit fails, some of its commands have been answered."""
    settle = Hub._settle

    def partial(hub: Hub, outcome: Any, turn: Turn, *rest: Any) -> None:
        if isinstance(outcome, Failed):
            acknowledge(turn, 0.5)
        settle(hub, outcome, turn, *rest)

    plant(Hub, "_settle", partial)


@mutant
def two_writers(plant: Plant) -> None:
    """A server that counts as dead still writes what it had under way, and the ledger
    does not prove where a room's head is."""
    commit, crash = DiskStore.commit, DiskStore.crash
    given: dict[DiskStore, list[Batch]] = {}

    def committed(store: DiskStore, batch: Batch) -> Any:
        batches = given.setdefault(store, [])
        batches.append(batch)

        def answered(outcome: Any) -> Any:
            batches.remove(batch)
            return outcome

        return commit(store, batch).addCallback(answered)

    def undead(store: DiskStore) -> None:
        crash(store)
        ledger, world = store._disk.ledger, cast(Process, store._world)._world
        late = [  # Some were written already, only not answered.
            batch
            for batch in given.pop(store, [])
            if not any(ledger.line(row.room, row.seq) for row in batch.rows)
        ]

        def write() -> None:
            for batch in late:
                ledger.write(batch)

        world.later(2.0, write)

    plant(DiskStore, "commit", committed)
    plant(DiskStore, "crash", undead)
    plant(Ledger, "_moved", lambda *_: False)


@mutant
def wall_clock_as_order(plant: Plant) -> None:
    """Entries have the wall clock's time, and readers get them in its order."""
    after = Turn.stamp

    def stamp(turn: Turn, room: Any) -> tuple[int, int]:
        return after(turn, room)[0], turn.at

    def merged(store: MemoryStore, cursors: dict[int, int], limit: int) -> Any:
        lines = [
            line
            for room, seq in cursors.items()
            for line in store.ledger.between(room, seq, 2**63)
        ]
        lines.sort(key=lambda line: line.row.at)
        return store._read(lambda: [line.entry() for line in lines[:limit]])

    plant(Turn, "stamp", stamp)
    plant(MemoryStore, "merged", merged)


@mutant
def retry_with_new_id(plant: Plant) -> None:
    """A client gives what it resends a new id."""
    fresh = iter(range(10**9, 2 * 10**9))
    sent: dict[Conversation, set[int]] = {}

    def flush(conversation: Conversation) -> None:
        known = sent.setdefault(conversation, set())
        for send in conversation.outbox.take() if conversation.ready else ():
            label = send.cid or 0
            again = next(fresh) if label in known else label
            known.add(label)
            conversation._out.append(line(replace(send, id=label, cid=again)))

    plant(Conversation, "_flush_outbox", flush)


@delayed
def heartbeat_off(plant: Plant) -> None:
    """Neither end asks whether the other is still there."""
    plant(Heartbeat, "begin", lambda heart: heart.stop())
    plant(Link, "_pulse", lambda link: None)


@mutant
def cursor_moves_on_write(plant: Plant) -> None:
    """A reader counts as having got what was written to it, though there was no room
    for it."""
    hold = Outlet._hold

    def dropping(outlet: Outlet, payload: bytes, offset: int) -> bool:
        if offset == 0 and outlet.held_bytes > outlet._bounds.full_bytes // 2:
            outlet.full = True
            return False
        return hold(outlet, payload, offset)

    plant(Outlet, "_hold", dropping)


@mutant
def membership_checked_at_join_only(plant: Plant) -> None:
    """Who was in a room once is shown what happens in it ever after."""
    plant(doors, "unfollow", lambda *_: None)
