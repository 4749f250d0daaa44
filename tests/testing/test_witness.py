"""Witnesses in a whole relay in memory: what they write, the checker can use."""

from __future__ import annotations

from relaychat.client.core import Conversation
from relaychat.model.commands import (
    Cursor,
    Hello,
    Kick,
    Part,
    Redact,
    Rename,
    Say,
    SetPolicy,
)
from relaychat.model.policy import PolicyChange
from relaychat.session.irc.dialect import Irc
from relaychat.testing.checker import Report, check
from relaychat.testing.journal import Journal
from relaychat.testing.link import MemoryLink
from relaychat.testing.notes import Refused
from relaychat.testing.relay import RelayTestCase, Speaker
from relaychat.testing.truth import from_ledger
from relaychat.testing.witness import IrcWitness, NativeWitness

ROOM = "#tea"


class Native:
    """A conversation, its witness, and its connection."""

    def __init__(self, case: WitnessTests, nick: str, account: bool = True) -> None:
        self.case = case
        self.nick = nick
        case.relay.account(nick, "secret")
        device = nick.encode().hex().ljust(32, "0")
        hello = Hello(nick, "secret" if account else None, device)
        self.conversation = Conversation(hello)
        self.journal = Journal(nick)
        case.journals.append(self.journal)
        self.witness = NativeWitness(
            self.journal.add, self.conversation, case.world.monotonic_us
        )
        self.conversation.follow(ROOM)
        self.speaker: Speaker
        self.wire: MemoryLink
        self.cid = 0
        self.connect()

    def connect(self) -> None:
        """A new connection."""
        self.speaker, self.wire = self.case.open()
        self.conversation.connected()
        self.push()

    def cut(self) -> None:
        """The connection breaks; what it had sent last is not read."""
        self.speaker.connectionLost()
        for happening in self.conversation.disconnected():
            self.witness.happened(happening)

    def push(self) -> None:
        """Say what there is to say, and hear the answers."""
        while data := self.conversation.data_to_send():
            self.speaker.dataReceived(data)
            self.pull()

    def pull(self) -> None:
        """Hear what there is to hear, all at once."""
        data = self.wire.value()
        self.wire.clear()
        for happening in self.conversation.receive(data):
            self.witness.happened(happening)
        if out := self.conversation.data_to_send():
            self.speaker.dataReceived(out)
            self.pull()

    def send(self, *texts: str, room: str = ROOM) -> None:
        """Say these."""
        for text in texts:
            self.cid += 1
            send = Say(room, text, cid=self.cid)
            self.witness.sent(send)
            self.conversation.send(send)
        self.push()


class WitnessTests(RelayTestCase):
    """Ann and Bob natively, Cat on IRC."""

    def setUp(self) -> None:
        super().setUp()
        self.relay.stays = True
        self.journals: list[Journal] = []
        self.ann, self.bob = Native(self, "ann"), Native(self, "bob")
        self.cat = Journal("cat")
        self.journals.append(self.cat)
        self.irc = IrcWitness(self.cat.add, "cat", self.world.monotonic_us)
        self.irc_connect()

    def irc_connect(self) -> None:
        """Cat comes in."""
        self.cat_says, self.cat_hears = self.open(Irc)
        self.irc.connected()
        self.irc_say("NICK cat", "USER cat 0 * :cat", f"JOIN {ROOM}")

    def irc_say(self, *lines: str) -> None:
        """Lines of Cat's."""
        for line in lines:
            self.cat_says.dataReceived(f"{line}\r\n".encode())

    def judged(self, healed: bool = True) -> Report:
        """All hear what there is, and are judged: there is nothing wrong."""
        for native in (self.ann, self.bob):
            native.pull()
        for line in self.cat_hears.value().split(b"\r\n"):
            self.irc.line(line)
        self.cat_hears.clear()
        report = check(
            from_ledger(self.relay.store.ledger), self.journals, healed=healed
        )
        self.assertEqual(report.violations, [])
        return report

    def test_talk(self) -> None:
        """Everybody is told everything, and all of it is counted."""
        self.ann.send("one", "two")
        self.bob.send("three")
        self.irc.said(ROOM, "four")
        number = self.irc.said(ROOM, "five")
        self.irc_say(f"PRIVMSG {ROOM} :four", f"PRIVMSG {ROOM} :five", f"PING {number}")
        counts = self.judged().counts
        self.assertEqual((counts.ops, counts.acked), (5, 5))
        # Ann began at seq 1, Bob at 2; Cat has heard its join and the others.
        self.assertEqual((counts.entries, counts.seen, counts.heard), (8, 7 + 6, 4))

    def test_coming_back(self) -> None:
        """A reader that was away goes on where it was; what it missed is in its story,
        and a message without an answer is resent."""
        self.ann.send("one")
        self.bob.cut()
        self.ann.send("two", "three")
        self.bob.connect()
        self.ann.send("four")
        self.assertEqual(self.judged().counts.seen, 7 - 1 + 7 - 2)

    def another_life(self, of: Native, behind: int) -> None:
        """Its process was killed and is started again: its cursor on the disk stands
        so many entries behind, or ahead, of what it was shown."""
        of.cut()
        epoch = of.journal.reading[ROOM]
        seq = of.journal.streams[ROOM, epoch].seq
        of.conversation = Conversation(of.conversation.hello)
        of.conversation.follow(ROOM, cursor=Cursor(epoch, seq - behind))
        of.witness = NativeWitness(
            of.journal.add, of.conversation, self.world.monotonic_us
        )
        of.witness.comes_back(ROOM, Cursor(epoch, seq))

    def test_another_life(self) -> None:
        """What comes again after a crash of the client is passed over once."""
        self.ann.send("one", "two")
        self.bob.pull()
        self.another_life(self.bob, behind=2)
        self.ann.send("three")
        self.bob.connect()
        self.ann.send("four")
        self.assertEqual(self.judged().counts.seen, 7 - 1 + 7 - 2)

    def test_a_hole_between_lives(self) -> None:
        """What no life was shown is found."""
        self.bob.pull()
        self.ann.send("one", "two")
        self.another_life(self.bob, behind=-1)
        self.bob.connect()
        self.bob.pull()
        ledger = from_ledger(self.relay.store.ledger)
        self.assertEqual(check(ledger, self.journals).found, {"I5": 1})

    def test_never_sent(self) -> None:
        """A client whose process was killed before its outbox had a message refuses it
        itself, and uses its number again."""
        self.ann.witness.sent(Say(ROOM, "lost in the crash", cid=1))
        self.ann.journal.add(Refused(1, "never kept"))
        self.ann.send("said instead")
        self.assertEqual(self.judged().counts.refused, 1)
        self.assertEqual(self.ann.journal.strange, [])
        self.ann.witness.sent(Say(ROOM, "again", cid=1))
        self.assertEqual(len(self.ann.journal.strange), 1)

    def test_put_out_and_back(self) -> None:
        """Kicked, with more behind it in the same read; then in again."""
        self.judged()
        self.ann.speaker.say(Kick(ROOM, "bob"))
        self.ann.send("good riddance")
        self.judged()
        self.assertEqual(self.bob.journal.reading, {})
        self.bob.conversation.follow(ROOM)
        self.bob.push()
        self.ann.send("welcome back")
        self.judged()

    def test_parting(self) -> None:
        """Who leaves is told of it, and of nothing further."""
        self.bob.conversation.ask(Part(ROOM))
        self.bob.push()
        self.irc_say(f"PART {ROOM}")
        self.ann.send("just me")
        self.judged()
        self.assertEqual((self.bob.journal.reading, self.cat.reading), ({}, {}))

    def test_names_change(self) -> None:
        """A rename is no other person."""
        self.bob.speaker.say(Rename("rob"))
        self.irc_say("NICK kitty")
        self.ann.send("who is who?")
        self.judged()
        self.assertEqual(self.bob.journal.nicks, ["bob", "rob"])
        self.assertEqual(self.cat.nicks, ["cat", "kitty"])

    def test_withheld(self) -> None:
        """What one may not read is told as such."""
        self.ann.speaker.say(SetPolicy(ROOM, PolicyChange(history="since_join")))
        self.ann.send("before")
        dan = Native(self, "dan")
        dan.cut()
        self.ann.send("meanwhile")
        dan.connect()
        dan.pull()
        self.assertEqual(self.judged().counts.gaps, 0)
        eve = Native(self, "eve")
        eve.conversation.follow(ROOM, since=0)
        self.judged(healed=False)

    def test_redacted(self) -> None:
        """Read before it was blanked, and after."""
        self.ann.send("a slip")
        self.bob.cut()
        self.ann.speaker.say(Redact(ROOM, 4))
        self.bob.connect()
        self.judged()

    def test_refused(self) -> None:
        """What was refused is not in the log; IRC can't tell which it was."""
        self.ann.send("x", room="#nowhere")
        self.irc.said("#nowhere", "y")
        self.irc_say("PRIVMSG #nowhere :y", "PING 1")
        counts = self.judged(healed=False).counts
        self.assertEqual((counts.ops, counts.acked, counts.refused), (2, 0, 1))

    def test_irc_comes_back(self) -> None:
        """Each stay is one of its own; what was said last may be kept or not."""
        self.irc.said(ROOM, "heard?")
        self.cat_says.connectionLost()
        self.irc.disconnected()
        self.ann.send("Cat does not hear this")
        self.irc_connect()
        self.ann.send("but this")
        self.assertEqual(self.judged().counts.heard, 2)
