"""The client's core and a whole relay in memory, in any weather, from a seed."""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.core import Conversation
from relaychat.client.happenings import Happening, Kept, Refused, Shown
from relaychat.model.commands import Hello, Say
from relaychat.model.events import LogEvent, Said
from relaychat.session.native import Native
from relaychat.session.session import Session
from relaychat.store.memory import MemoryStore
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import Relay

ROOM = "#ops"


class Client:
    """A conversation and the connection that it has at the moment."""

    def __init__(self, nick: str) -> None:
        device = nick.encode().hex().ljust(32, "0")
        self.nick = nick
        self.conversation = Conversation(Hello(nick, "secret", device=device), window=5)
        self.link: MemoryLink | None = None
        self.session: Session | None = None
        self.shown: list[LogEvent] = []
        self.kept: dict[int, int] = {}
        self.doubles = 0
        self._taken = 0

    def connect(self, relay: Relay) -> None:
        """A new connection; whatever the old one still held is gone."""
        self.cut(relay)
        self.link = MemoryLink(self.nick)
        self.session = Session(relay.host(Native), self.link)
        self.link.on_drained = self.session.drained
        self._taken = 0
        self.session.open()
        self.conversation.connected()
        self.push()

    def cut(self, relay: Relay | None) -> None:
        """The connection breaks; the relay, if it is there, hears of it."""
        if self.session is not None and relay is not None:
            self.session.lost("cut")
        if self.session is not None:
            self.take(self.conversation.disconnected())
        self.link = self.session = None

    def push(self, count: int | None = None) -> None:
        """What the conversation wants to say reaches the relay, or its beginning."""
        data = self.conversation.data_to_send()
        if self.session is not None and data:
            self.session.receive(data[:count])

    def pull(self, chance: random.Random) -> None:
        """Read some of what the relay sent, in a piece of any size."""
        if self.link is None:
            return
        data = self.link.value()[self._taken :]
        piece = data[: chance.randint(0, len(data))] if chance.random() < 0.5 else data
        self._taken += len(piece)
        self.take(self.conversation.receive(piece))

    def take(self, happenings: list[Happening]) -> None:
        """What came of it."""
        for happening in happenings:
            if isinstance(happening, Shown) and isinstance(happening.event, LogEvent):
                self.shown.append(happening.event)
            elif isinstance(happening, Kept):
                self.kept[happening.send.cid or 0] = happening.done.seq or 0
                self.doubles += happening.done.duplicate
            elif isinstance(happening, Refused):
                raise AssertionError(happening)


class Storm:
    """One run: writers, readers, a relay, and a seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.relay = Relay()
        self.relay.stays = True
        self.writers = [Client("ann"), Client("bob")]
        self.readers = [Client("carl"), Client("dora")]
        self.sent = dict.fromkeys(("ann", "bob"), 0)
        self.crashes = 0
        for client in self.clients:
            self.relay.account(client.nick, "secret")
        for writer in self.writers:
            writer.conversation.enter(ROOM)
        for reader in self.readers:
            reader.conversation.follow(ROOM, since=0)

    @property
    def clients(self) -> list[Client]:
        return [*self.writers, *self.readers]

    def step(self) -> None:
        """Something happens."""
        chance = self.chance
        roll = chance.random()
        client = chance.choice(self.clients)
        if client.session is None or client.conversation.broken:
            client.connect(self.relay)
        elif roll < 0.03:
            client.push(chance.randint(0, 60))
            client.cut(self.relay)
        elif roll < 0.04:
            self.crash()
        elif roll < 0.06:
            self.relay.store.full = not self.relay.store.full
        elif roll < 0.08:
            self.relay.store.hold(reads=chance.random() < 0.5)
        elif roll < 0.14:
            self.relay.store.release()
        elif roll < 0.5 and client in self.writers:
            self.speak(client)
        client.conversation.again()
        client.push()
        self.relay.run()
        client.pull(chance)

    def speak(self, client: Client) -> None:
        """A writer says its next few words."""
        for _ in range(self.chance.randint(1, 8)):
            self.sent[client.nick] += 1
            number = self.sent[client.nick]
            text = f"{client.nick} {number}"
            client.conversation.send(Say(ROOM, text, cid=number))

    def crash(self) -> None:
        """kill -9, and another relay on the same disk."""
        self.crashes += 1
        ledger = self.relay.store.ledger
        self.relay.store.crash()
        for client in self.clients:
            client.cut(None)
        self.relay = Relay(MemoryStore(ledger))
        self.relay.stays = True

    def calm(self) -> None:
        """No more trouble: let everybody come to rest."""
        self.relay.store.full = False
        self.relay.store.release()
        for _ in range(200):
            for client in self.clients:
                if client.session is None or client.conversation.broken:
                    client.connect(self.relay)
                client.conversation.again()
                client.push()
                self.relay.run()
                client.pull(random.Random(0))
            self.relay.world.advance(1)


class StormTests(SynchronousTestCase):
    def check(self, storm: Storm) -> None:
        for writer in storm.writers:
            self.assertEqual(sorted(writer.kept), list(range(1, 1 + len(writer.kept))))
            self.assertEqual(len(writer.kept), storm.sent[writer.nick])
            seqs = [writer.kept[cid] for cid in sorted(writer.kept)]
            self.assertEqual(seqs, sorted(set(seqs)))
        first, *others = [reader.shown for reader in storm.readers]
        self.assertEqual([event.seq for event in first], list(range(1, 1 + len(first))))
        for other in others:
            self.assertEqual(other, first)
        for nick, count in storm.sent.items():
            self.assertEqual(
                [e.text for e in first if isinstance(e, Said) and e.sender == nick],
                [f"{nick} {number}" for number in range(1, count + 1)],
            )
        bugs = [bug for bug in storm.relay.bugs if "disk is full" not in bug]
        self.assertEqual(bugs, [])

    def test_any_weather(self) -> None:
        """Cuts, crashes, a slow and a full disk: each message is in the log once, in
        its sender's order, and each reader is shown the whole log once, in order."""
        crashes = doubles = 0
        for seed in range(30):
            storm = Storm(seed)
            for _ in range(300):
                storm.step()
            storm.calm()
            try:
                self.check(storm)
            except self.failureException as error:
                raise self.failureException(f"seed {seed}: {error}") from error
            crashes += storm.crashes
            doubles += sum(writer.doubles for writer in storm.writers)
        self.assertGreater(crashes, 30)
        self.assertGreater(doubles, 30)
