"""What a chat shows of what it was not there for."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.task import Clock

from relaychat.client.cli.missed import MOST, WRITE_S, Missed
from relaychat.client.core import Conversation
from relaychat.client.happenings import Entered, Exited, Shown
from relaychat.model.commands import Hello, Join, Say
from relaychat.model.events import Said
from relaychat.testing.relay import RelayTestCase


class MissedTests(RelayTestCase):
    """Ann's chats, one after the other, and Bob, who talks."""

    def setUp(self) -> None:
        super().setUp()
        self.relay.stays = True
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        for name in ("ann", "bob"):
            self.relay.account(name, "secret")
        self.bob, _ = self.open()
        self.bob.say(Hello("bob", "secret"), Join("#tea"))

    def chat(self, *rooms: str, timely: bool = True) -> tuple[list[str], list[str]]:
        """A chat, from its start to its end: what it says of rooms, and what it shows
        of what was said."""
        clock = Clock()
        missed = Missed(clock, self.folder)
        conversation = Conversation(
            Hello("ann", "secret"), everything=True, returning=missed.returning
        )
        for room in rooms:
            conversation.follow(room, cursor=missed.cursor(room))
        missed.follow(conversation, self.fail)
        told, shown = self.talk(missed, conversation)
        if timely:
            clock.advance(WRITE_S)
        missed.close()
        return told, shown

    def talk(
        self, missed: Missed, conversation: Conversation
    ) -> tuple[list[str], list[str]]:
        """One connection."""
        ann, wire = self.open()
        conversation.connected()
        told, shown = [], []
        while data := conversation.data_to_send():
            ann.dataReceived(data)
            read = wire.value()
            wire.clear()
            for one in conversation.receive(read):
                if isinstance(one, Entered):
                    told.append(missed.entered(one.room))
                elif isinstance(one, Shown) and missed.shows(one.event):
                    shown += [one.event.text] if isinstance(one.event, Said) else []
                elif isinstance(one, Exited):
                    missed.left(one.room)
        conversation.disconnected()
        ann.connectionLost()
        return told, shown

    def test_missed(self) -> None:
        """Who comes back is shown what came since, once, in the rooms that it is in,
        and what was said to it alone."""
        self.bob.say(Say("#tea", "before"))
        self.assertEqual(self.chat("#tea"), ([""], []))
        self.bob.say(Say("#tea", "one"), Say("#tea", "two"), Say("@ann", "psst"))
        told, shown = self.chat()
        self.assertEqual(told, ["2 new", "1 new"])
        self.assertEqual(sorted(shown), ["one", "psst", "two"])
        self.assertEqual(self.chat("#tea", timely=False), (["", ""], []))
        self.bob.say(Say("@ann", "more"))
        self.assertEqual(self.chat("#tea"), (["", "1 new"], ["more"]))

    def test_very_much(self) -> None:
        """Of very much the latest part is shown."""
        self.chat("#tea", timely=False)
        self.bob.say(*[Say("#tea", str(n)) for n in range(MOST + 50)])
        told, shown = self.chat("#tea")
        self.assertEqual(told, [f"{MOST + 50} new, the latest {MOST} of them here"])
        self.assertEqual(shown, [str(n) for n in range(50, MOST + 50)])

    def test_cut_off_for_long(self) -> None:
        """What came while the connection was away is told, and so is that not all of it
        is shown; where nothing is remembered, all of it is shown."""
        for folder, words, count in (
            (self.folder, f"{MOST + 9} new, the latest {MOST} of them here", MOST),
            (None, "", MOST + 9),
        ):
            missed = Missed(Clock(), folder)
            conversation = Conversation(Hello("ann", "secret"), everything=True)
            missed.follow(conversation, self.fail)
            told, shown = self.talk(missed, conversation)
            conversation.follow("#tea")
            self.talk(missed, conversation)
            self.bob.say(*[Say("#tea", str(n)) for n in range(MOST + 9)])
            told, shown = self.talk(missed, conversation)
            self.assertEqual((told, len(shown)), ([words], count))

    def test_left_elsewhere(self) -> None:
        """A room that was left meanwhile is not entered again."""
        self.chat("#tea")
        other, _ = self.open()
        other.dataReceived(
            b'{"type":"hello","nick":"ann","password":"secret"}\n'
            b'{"type":"part","room":"#tea"}\n'
        )
        other.connectionLost()
        self.bob.say(Say("#tea", "she is gone"))
        self.assertEqual(self.chat(), ([], []))
        self.assertEqual((self.folder / "chat.json").read_text(), "{}")
