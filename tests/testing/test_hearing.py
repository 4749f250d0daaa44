"""What plain IRC is told, laid along the log (I10)."""

from __future__ import annotations

from relaychat.model.events import (
    Edited,
    Joined,
    Left,
    Redacted,
)
from relaychat.testing.notes import Client, Started, Stopped, heard
from tests.testing.written import (
    ROOM,
    CheckerTestCase,
    line,
)

IRC = (
    ":ann!ann@relaychat PRIVMSG #tea :ann one",
    ":bob!bob@relaychat PRIVMSG #tea :bob one",
    ":ann!ann@relaychat PRIVMSG #tea :ann two",
    ":bob!bob@relaychat PRIVMSG #tea :bob two",
)


class HeardTests(CheckerTestCase):
    """Plain IRC, laid along the log (I10)."""

    def hear(self, *lines: str) -> None:
        """Cat joins and hears these."""
        self.written.append(Joined(ROOM, 0, 0, "cat"))
        for text in ("three", "four"):
            for name in ("ann", "bob"):
                self.written.say(name, f"{name} {text}")
        self.reload()
        self.bob = self.journal("cat", Started(ROOM), told=True)
        self.bob.add(line(":cat!~guest@relaychat JOIN #tea"))
        for text in lines:
            self.bob.add(line(text.replace("one", "three").replace("two", "four")))

    def test_all(self) -> None:
        """From one's own join on, all."""
        self.hear(*IRC)
        self.assertEqual(self.good(self.bob).counts.heard, 5)

    def test_own_words(self) -> None:
        """What one says oneself is not told."""
        self.hear(IRC[0], IRC[2])
        self.bob.add(Client("bob"))
        self.good(self.bob)

    def test_broken(self) -> None:
        """Lost, doubled, reordered, altered."""
        for lines in (
            (IRC[0], IRC[2]),
            (IRC[0], IRC[0]),
            (IRC[1], IRC[0]),
            (IRC[0], IRC[1].upper()),
        ):
            self.setUp()
            self.hear(*lines)
            self.bad("I10")

    def test_not_told_the_end(self) -> None:
        """I9: it is still in the room."""
        self.hear(*IRC[:3])
        self.bad("I9", healed=True)

    def test_long_and_edited(self) -> None:
        """A message of two lines, an edit, a quit that was told otherwise."""
        self.hear(*IRC)
        self.written.say("ann", "five\nsix")
        self.written.append(Edited(ROOM, 0, 0, "ann", 3, "seven", "ann"))
        self.written.append(Left(ROOM, 0, 0, "bob", "", "quit", "bob", "occurrence"))
        self.written.say("ann", "eight")
        self.reload()
        for text in ("five", "six", "* seven", "eight"):
            self.bob.add(line(f":ann!ann@relaychat PRIVMSG #tea :{text}"))
        self.good(self.bob)

    def test_blanked(self) -> None:
        """What was heard before it was blanked."""
        self.hear(*IRC)
        self.written.append(Redacted(ROOM, 0, 0, "ann", 8, account="ann"))
        self.written.blank(8)
        self.reload()
        self.good(self.bob)

    def test_blanked_lines_like_others(self) -> None:
        """A long text that was blanked since, whose lines others have, too."""
        self.hear(*IRC)
        self.written.say("bob", "ha\nho")
        slip = self.written.say("ann", "ha\nha\nhu")
        self.written.say("bob", "hi")
        for name, text in zip(
            "bbaaab", ("ha", "ho", "ha", "ha", "hu", "hi"), strict=True
        ):
            nick = {"a": "ann", "b": "bob"}[name]
            self.bob.add(line(f":{nick}!{nick}@relaychat PRIVMSG #tea :{text}"))
        self.written.blank(slip.seq)
        self.reload()
        self.good(self.bob)
        self.bob.add(line(IRC[1].replace("one", "three")))
        self.bad("I10")

    def test_two_stays(self) -> None:
        """Each stay is a piece of the log, the later one behind the earlier."""
        self.hear(IRC[0])
        self.bob.add(Stopped(ROOM))
        self.bob.add(Started(ROOM))
        for text in IRC[2:]:
            self.bob.add(line(text.replace("two", "four")))
        self.good(self.bob)
        self.bob.add(Stopped(ROOM))
        self.bob.add(Started(ROOM))
        self.bob.add(line(IRC[0].replace("one", "three")))
        self.bad("I10")

    def test_same_people_again(self) -> None:
        """Who is still in the room has its latest stay, if the same people came in at
        the same place before."""
        for name in ("cat", "dan"):
            self.written.append(Joined(ROOM, 0, 0, name))
        self.written.say("ann", "three")
        for name in ("cat", "dan"):
            self.written.append(Left(ROOM, 0, 0, name, cause="restart"))
        for name in ("cat", "dan"):
            self.written.append(Joined(ROOM, 0, 0, name))
        self.reload()
        again = self.journal("cat", Started(ROOM), told=True)
        for name in ("cat", "dan"):
            again.add(line(f":{name}!~guest@relaychat JOIN #tea"))
        self.good(again)

    def test_what_is_no_entry(self) -> None:
        """Lines of the server itself, of direct rooms, of users as a whole."""
        for text in (
            ":relaychat NOTICE #tea :Messages 1 to 3 can't be shown any more",
            ":ann!ann@relaychat PRIVMSG cat :psst",
            ":ann!ann@relaychat QUIT :bye",
            "PING :1",
            "",
        ):
            self.assertIsNone(heard(text.encode()), text)
