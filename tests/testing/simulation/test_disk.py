"""The simulated disk: what was synced stays, and nothing else."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from relaychat.store.api import Batch, Committed, Failed, Head, InDoubt, Outcome, Row
from relaychat.testing.simulation.disk import Disk, DiskStore
from relaychat.testing.simulation.process import Process
from relaychat.testing.world import SimulatedWorld

CHAIN = bytes(16)


class DiskTests(TestCase):
    """A store on a disk, and the store of the next server on the same."""

    def setUp(self) -> None:
        self.world = SimulatedWorld()
        self.disk = Disk("seed")
        self.disk.kill = self.kill
        self.kills = 0
        self.boot()

    def boot(self) -> None:
        """A server."""
        self.process = Process(self.world, "seed", self.fail)
        self.store = DiskStore(self.disk, self.process)
        self.store.open(())
        self.answers: list[Outcome] = []

    def kill(self) -> None:
        """kill -9 of the server."""
        self.kills += 1
        self.process.kill()
        self.store.crash()

    def commit(self, seq: int) -> None:
        """A row into room 1."""
        row = Row(1, seq, 0, b"{}", CHAIN)
        batch = Batch([row], [Head(1, seq - 1, seq, 0, CHAIN)])
        self.store.commit(batch).addCallback(self.answers.append)

    def seqs(self) -> list[int]:
        """What the ledger holds."""
        return [line.seq for line in self.disk.ledger.rooms.get(1, [])]

    def test_in_order(self) -> None:
        """Commits take time, and are carried out and answered in their order."""
        for seq in (1, 2, 3):
            self.commit(seq)
        self.assertEqual((self.seqs(), self.answers), ([], []))
        self.world.advance(1)
        self.assertEqual(self.answers, [Committed(1), Committed(2), Committed(3)])
        self.assertEqual(self.store.under_way, 0)
        self.assertEqual(len(self.disk.committed_us[1]), 3)

    def test_killed_in_between(self) -> None:
        """Killed before the sync, the commit never was; killed behind it, it is there,
        and nobody was told."""
        self.disk.troubles.append("kill_before")
        self.commit(1)
        self.world.advance(1)
        self.assertEqual((self.seqs(), self.answers, self.kills), ([], [], 1))
        self.boot()
        self.disk.troubles.append("kill_after")
        self.commit(1)
        self.world.advance(1)
        self.assertEqual((self.seqs(), self.answers, self.kills), ([1], [], 2))
        self.assertEqual(self.disk.befell.total(), 2)

    def test_killed_while_it_waits(self) -> None:
        """What had not been synced when the server died is gone."""
        self.disk.slow_s = 1.0
        self.commit(1)
        self.world.advance(0.5)
        self.kill()
        self.world.advance(5)
        self.assertEqual((self.seqs(), self.answers), ([], []))

    def test_full(self) -> None:
        """A full disk, and a commit that fails, keep nothing, and say so."""
        self.disk.full = True
        self.commit(1)
        self.world.advance(1)
        self.disk.calm()
        self.disk.troubles.append("fail")
        self.commit(1)
        self.commit(1)
        self.world.advance(1)
        kinds = [type(answer) for answer in self.answers]
        self.assertEqual(kinds, [Failed, Failed, Committed])
        self.assertEqual(self.seqs(), [1])

    def test_doubt(self) -> None:
        """In doubt both ways: kept, or not; the next server finds out."""
        for kept, seqs in ((False, []), (True, [1])):
            self.disk.troubles.append("doubt_kept" if kept else "doubt_lost")
            self.commit(1)
            self.world.advance(1)
            self.assertIsInstance(self.answers[0], InDoubt)
            self.assertTrue(self.disk.in_doubt)
            self.assertEqual(self.seqs(), seqs)
            self.kill()
            self.boot()

    def test_reads(self) -> None:
        """Reads take time, see what was committed before, and die with the server."""
        self.commit(1)
        self.world.advance(1)
        found: list[object] = []
        for read in (
            self.store.page(1, 0, 9, 9),
            self.store.merged({1: 0}, 9),
            self.store.proofs(1, 0, 9),
            self.store.about(1, 1),
            self.store.seek(1, 0),
            self.store.high(1),
            self.store.first(1, 1),
            self.store.record("room", "1"),
        ):
            read.addCallback(found.append)
        self.assertEqual(found, [])
        self.world.advance(1)
        self.assertEqual(len(found), 8)
        self.store.page(1, 0, 9, 9).addCallback(found.append)
        self.kill()
        self.world.advance(1)
        self.assertEqual(len(found), 8)

    def test_close(self) -> None:
        """Closing waits for what was given, and lets another server in."""
        self.commit(1)
        closed: list[None] = []
        self.store.close().addCallback(closed.append)
        self.world.advance(1)
        self.assertEqual((len(self.answers), closed), (1, [None]))
        self.boot()
