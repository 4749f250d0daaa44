"""Many people doing anything that can be done, at random, from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from relaychat.hub.state import Room
from relaychat.model import commands as c
from relaychat.model.policy import PolicyChange, RoleName
from tests.hub.support import PLAIN, TERSE, HubTestCase, RecordingPeer

ACCOUNTS = ["Ann", "bob", "zoë"]
GUESTS = ["guy", "gal", "Gil", "gęś", "gеl"]
ROOMS = ["#a", "#B", "#c", "@Ann", "@bob", "@guy", "@gal", "@zoë", "@nobody"]
DEVICES = ["d1", "d2", "d3"]
ROLES: list[RoleName] = ["member", "voice", "operator", "owner"]


class Chatter:
    """Drives the hub of a test case. ``step`` does one thing without letting the hub
    run."""

    def __init__(self, case: HubTestCase, chance: random.Random) -> None:
        self.case = case
        self.chance = chance
        self.peers: list[RecordingPeer] = []
        self.came: list[tuple[RecordingPeer, dict[str, c.Cursor] | None]] = []
        """Who came, and with which cursors."""
        self.cids: dict[str, int] = {}
        self.devices: dict[RecordingPeer, str] = {}
        self.rooms = ROOMS
        self.resumes = True
        """Whether some come with cursors."""
        self.asked: list[tuple[RecordingPeer, c.Command | None]] = []
        """What was asked so far, in order; None: the connection was lost."""

    def step(self) -> None:
        """Something happens."""
        dice = self.chance.random()
        here = [peer for peer in self.peers if not peer.gone]
        if len(here) < 2 or (dice < 0.07 and len(here) < 8):
            self.come()
        elif dice < 0.11:
            self.go(self.chance.choice(here))
        else:
            peer = self.chance.choice(here)
            self.ask(peer, self.command(peer))

    def ask(self, peer: RecordingPeer, command: c.Command) -> None:
        """One of them asks for something."""
        self.asked.append((peer, command))
        peer.ask(command)

    def come(self) -> None:
        """Somebody connects."""
        chance = self.chance
        peer = self.case.peer(chance.choice([PLAIN, PLAIN, TERSE]))
        account = chance.random() < 0.5
        nick = chance.choice(ACCOUNTS if account else GUESTS)
        device = chance.choice([None, *DEVICES])
        window_s = chance.choice([0, 0, 300])
        resume = self.cursors() if self.resumes and self._coin() else None
        stays = account and chance.random() < 0.3
        hello = self.case.hello(nick, account, device, window_s, stays, resume)
        self.came.append((peer, resume))
        if device is not None:
            self.devices[peer] = device
        self.peers.append(peer)
        if chance.random() < 0.2:
            self.ask(peer, c.Claim(chance.choice(GUESTS)))
        self.ask(peer, hello)

    def go(self, peer: RecordingPeer) -> None:
        """A connection is lost."""
        self.peers.remove(peer)
        self.asked.append((peer, None))
        self.case.hub.lost(peer, "lost", "gone")

    def cursors(self) -> dict[str, c.Cursor]:
        """Some cursors, most of them good."""
        rooms = self.case.hub.state.rooms.values()
        return {room.name: self._cursor(room) for room in rooms if self._coin()}

    def _cursor(self, room: Room) -> c.Cursor:
        epoch = room.epoch if self.chance.random() < 0.9 else "other"
        return c.Cursor(epoch, self.chance.randint(0, room.seq + 1))

    def _coin(self) -> bool:
        return self.chance.random() < 0.5

    def _room(self) -> str:
        near = self.chance.random() < 0.8
        return self.chance.choice(self.rooms[:3] if near else self.rooms)

    def _nick(self) -> str:
        return self.chance.choice(ACCOUNTS + GUESTS)

    def _seq(self) -> int:
        seqs = [room.seq for room in self.case.hub.state.rooms.values()]
        return self.chance.randint(1, max(seqs, default=0) + 1)

    def _cid(self, peer: RecordingPeer) -> int | None:
        device = self.devices.get(peer)
        if device is None or self._coin():
            return None if self.chance.random() < 0.98 else 1
        last = self.cids.get(device, 0)
        if last and self.chance.random() < 0.2:
            return self.chance.randint(max(1, last - 5), last)
        self.cids[device] = last + self.chance.choice([1, 1, 1, 3])
        return self.cids[device]

    def _policy(self) -> PolicyChange:
        chance = self.chance
        some: dict[str, object] = {
            name: self._coin()
            for name in ("invite_only", "moderated", "secret", "members_only")
            if chance.random() < 0.2
        }
        pick = chance.random()
        if pick < 0.2:
            some["key"] = chance.choice(["", "key"])
        elif pick < 0.3:
            some["limit"] = chance.choice([0, 2])
        elif pick < 0.5:
            some["history"] = chance.choice(["all", "since_join"])
        elif pick < 0.52:
            some["history"] = "none"
        return msgspec.convert(some, PolicyChange)

    def command(self, peer: RecordingPeer) -> c.Command:
        """Something that somebody may ask for."""
        if self.asked and self.chance.random() < 0.03:
            again = [one for _, one in self.asked if one and hasattr(one, "cid")]
            if again:
                return self.chance.choice(again)
        make: Callable[[], c.Command] = self.chance.choices(
            [row[0] for row in self._table(peer)], [row[1] for row in self._table(peer)]
        )[0]
        return make()

    def _table(self, peer: RecordingPeer) -> list[tuple[Callable[[], c.Command], int]]:
        chance, room, nick, seq = self.chance, self._room, self._nick, self._seq
        return [
            (lambda: c.Join(room(), chance.choice(["", "key"])), 20),
            (lambda: c.Say(room(), f"text {chance.random()}", cid=self._cid(peer)), 30),
            (lambda: c.Say(room(), chance.choice(["", "\0"]), cid=self._cid(peer)), 1),
            (lambda: c.Edit(room(), seq(), "better", self._cid(peer)), 6),
            (lambda: c.Redact(room(), seq(), "", self._cid(peer)), 6),
            (lambda: c.React(room(), seq(), "+1", self._coin(), self._cid(peer)), 4),
            (lambda: c.Part(room()), 5),
            (lambda: c.Rename(nick()), 4),
            (lambda: c.SetAway(chance.choice(["", "tea"])), 2),
            (lambda: c.SetTopic(room(), chance.choice(["", "news"])), 3),
            (lambda: c.SetRole(room(), nick(), chance.choice(ROLES)), 5),
            (lambda: c.SetPolicy(room(), self._policy()), 5),
            (lambda: c.Invite(room(), nick()), 4),
            (lambda: c.Kick(room(), nick()), 3),
            (lambda: c.Ban(room(), nick(), self._coin(), chance.random() < 0.2), 4),
            (lambda: c.Mark(room(), seq()), 3),
            (lambda: c.Type(room()), 2),
            (lambda: c.Bye(), 1),
            (lambda: c.Ping("x"), 1),
            (lambda: c.Who(nick()), 2),
            (lambda: c.ListRooms(), 1),
            (lambda: c.ListMembers(room()), 1),
        ]


class Talkers(Chatter):
    """People who mostly say several things at once, to one place or nearly, while
    others get in between."""

    def step(self) -> None:
        """Somebody says some things, or anything happens."""
        here = [peer for peer in self.peers if not peer.gone and peer.user]
        if len(here) < 3 or self.chance.random() < 0.2:
            super().step()
            return
        chance = self.chance
        peer, plain = chance.choice(here), self._coin()
        room = self._place(peer)
        for _ in range(chance.choice([2, 3, 5, 9, 70])):
            if chance.random() < 0.15:
                other = chance.choice([peer, *here])
                self.ask(other, self._between(other, room))
            if chance.random() < 0.02:
                room = self._place(peer)
            cid = None if plain else self._cid(peer)
            self.ask(peer, c.Say(room, self._text(), cid=cid, id=chance.randint(1, 9)))

    def _between(self, peer: RecordingPeer, room: str) -> c.Command:
        """What may change where they speak, or anything."""
        near: list[Callable[[], c.Command]] = [
            lambda: c.Part(room),
            lambda: c.Join(room, "key"),
            lambda: c.Kick(room, self._nick()),
            lambda: c.Redact(room, self._seq()),
            lambda: c.SetPolicy(room, self._policy()),
            lambda: c.Rename(self._nick()),
        ]
        return self.chance.choice(near)() if self._coin() else self.command(peer)

    def _place(self, peer: RecordingPeer) -> str:
        """Mostly a room that they are in."""
        mine = sorted(room.name for room in peer.me.rooms)
        if mine and self.chance.random() < 0.8:
            return self.chance.choice(mine)
        if self._coin():
            self.ask(peer, c.Join(self._room(), "key"))
        return self._room()

    def _text(self) -> str:
        if self.chance.random() < 0.03:
            return self.chance.choice(["", "a\rb", "\0", "x" * 40_000])
        return self.chance.choice(["a", "bc", "gr\u00fc\u00df", "d e f"])
