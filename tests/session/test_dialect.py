"""What the base class does for a line protocol, in both directions."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from relaychat.model import commands, events
from relaychat.model.errors import BadSyntax
from relaychat.model.words import Word
from relaychat.session.dialect import Asked, Dialect, Shown
from relaychat.session.session import Session
from relaychat.session.table import render, verb
from relaychat.testing.relay import RelayTestCase


class Lines(Dialect):
    """One verb for each thing that a verb may return."""

    name = "lines"

    def opening(self) -> Asked:
        """A greeting, before anything is read."""
        return "200 ready"

    @verb("IAM <nick> [<room>]")
    def iam(self, nick: str, room: str = "") -> Asked:
        """Say hello, and perhaps join."""
        if room:
            return [commands.Hello(nick), commands.Join(room)]
        return commands.Hello(nick)

    @verb("SAY <room> <text...>")
    def say(self, room: str, text: str) -> Asked:
        """Say something."""
        return commands.Say(room, text)

    @verb("NAME")
    def whoami(self) -> Asked:
        """Say who one is."""
        return self.session.name

    @verb("TIME", early=True)
    def clock(self) -> Asked:
        """Answer by itself, at any time."""
        return ["early", "or\r\nlate"]

    @verb("JOIN <room>")
    def join(self, room: str) -> Asked:
        """Join."""
        return commands.Join(room)

    @verb("EMPTY [<alone>]", early=True)
    def empty(self, alone: str = "") -> Asked:
        """Answer with an empty line, or with one between two others."""
        return "" if alone else ["above", "", "below"]

    @verb("NOBODY")
    def nobody(self) -> Asked:
        """Ask for nothing: a list of rooms may be empty."""
        return []

    @verb("NOTHING", early=True)
    def nothing(self) -> Asked:
        """Say nothing."""
        return None

    @verb("LEAVE", early=True)
    def leave(self) -> Asked:
        """Have the last word, and hang up."""
        return ["goodbye", b"!\0", commands.Bye(), "never"]

    @verb("REFUSE")
    def refuse(self) -> Asked:
        """Refuse."""
        raise BadSyntax("never")

    @verb("BREAK")
    def breaks(self) -> Asked:
        """Have a bug."""
        raise KeyError("secret")

    @render(events.Said)
    def said(self, event: events.Said) -> str:
        """A line."""
        return f"{event.sender} {event.text}"

    @render(events.Joined)
    def joined(self, event: events.Joined) -> list[str]:
        """Some lines."""
        return [f"{event.sender} joined", event.room]

    @render(events.Left)
    def left(self, event: events.Left) -> bytes:
        """Whole frames."""
        return f"{event.sender} left\r\n".encode()

    @render(events.TopicSet)
    def topic(self, event: events.TopicSet) -> None:
        """Nothing."""
        return

    @render(events.Fault)
    def faults(self, event: events.Fault) -> str:
        """An error."""
        return f"500 {event.code} {event.text}"

    @render(events.RoomShown)
    def shown(self, event: events.RoomShown) -> Shown:
        """An answer. It may name the session, which a form has none of."""
        return f"201 {self.session.name} is in {event.room}"


class Whole(Lines):
    """Shows a quit as one event."""

    @render(events.UserQuit)
    def quits(self, event: events.UserQuit) -> str:
        """A line for all rooms."""
        return f"{event.nick} quit"


class Led(Lines):
    """Brings whom it welcomes into a room."""

    name = "led"

    @render(events.Welcome)
    def welcome(self, event: events.Welcome) -> None:
        """Nothing is said; two things are asked."""
        self.session.ask(commands.Join("#tea"), commands.SetTopic("#tea", "biscuits"))


class Asking(Led):
    """Asks one thing after the other, and more because of an answer."""

    name = "asking"

    @render(events.Welcome)
    def welcome(self, event: events.Welcome) -> None:
        """Nothing is said."""
        self.session.ask(commands.Join("#tea"))
        self.session.ask(commands.Who(event.nick))
        self.session.ask(commands.Say("#tea", "here I am"))

    @render(events.WhoIs)
    def about(self, event: events.WhoIs) -> None:
        """Nothing is said."""
        self.session.ask(commands.Say("#tea", f"{event.nick}? That is me"))
        self.session.ask(commands.SetTopic("#tea", "biscuits"))


class Counting(Lines):
    """Knows how much was said in a room before: what it asks for, it needs before it
    reads on."""

    name = "counting"
    pipelined = False

    def opening(self) -> None:
        """Nothing is said."""
        self.count = 0

    @verb("COUNT")
    def counted(self) -> str:
        """Say how much was said."""
        return f"{self.count} said"

    @render(events.RoomShown)
    def shown(self, event: events.RoomShown) -> None:
        """Nothing is said; something is asked."""
        self.session.ask(commands.History(event.room))

    @render(events.Page)
    def page(self, event: events.Page) -> str:
        """A line."""
        self.count = sum(isinstance(one, events.Said) for one in event.events)
        return "counted"


class Numbered(Lines):
    """Counts what it tells its peer."""

    name = "numbered"
    shared = False
    told = 0

    @render(events.Said)
    def said(self, event: events.Said) -> str:
        """With its number, and whose it is."""
        self.told += 1
        return f"{self.session.name}'s {self.told}: {event.text}"


class OwnTests(RelayTestCase):
    """A dialect whose sessions render their own events."""

    dialect = Numbered

    def setUp(self) -> None:
        """Two who count, the first from earlier on, and one who does not."""
        super().setUp()
        self.ann, self.ann_wire = self.connect("ann", "#tea")
        self.ann.dataReceived(b"SAY #tea one\n")
        self.bob, self.bob_wire = self.connect("bob", "#tea")
        self.cat, self.cat_wire = self.connect("cat", "#tea", dialect=Lines)
        self.ann_wire.clear()
        self.bob_wire.clear()

    def readers(self) -> int:
        """The forms by which the room is read."""
        return len(self.relay.hub.state.rooms["#tea"].readers)

    def test_each_its_own(self) -> None:
        """Events are told by each session's own instance."""
        self.cat.dataReceived(b"SAY #tea two\n")
        self.assertEqual(self.ann_wire.value(), b"ann's 2: two\r\n")
        self.assertEqual(self.bob_wire.value(), b"bob's 1: two\r\n")
        self.assertEqual(self.cat_wire.value(), b"cat two\r\n")

    def test_caught_up(self) -> None:
        """So is what a reader missed while it did not read."""
        self.bob_wire.hold()
        for number in range(3):
            self.cat.say(commands.Say("#tea", "x" * 30_000 + str(number)))
        self.assertEqual(self.readers(), 2)
        self.bob_wire.release()
        self.relay.run()
        self.assertEqual(self.readers(), 3)
        numbers = [line[:7] for line in self.bob_wire.value().splitlines()]
        self.assertEqual(numbers, [b"bob's 1", b"bob's 2", b"bob's 3"])

    def test_nothing_is_left(self) -> None:
        """Who has gone is nobody's form, however they went."""
        self.assertEqual(self.readers(), 3)
        self.ann.say(commands.Part("#tea"))
        self.bob.connectionLost()
        self.assertEqual(self.readers(), 1)


class VerbTests(RelayTestCase):
    """From lines to commands."""

    dialect = Lines

    def test_opening(self) -> None:
        """What is said first needs no question."""
        _, wire = self.open()
        self.assertEqual(wire.value(), b"200 ready\r\n")

    def test_list_of_commands(self) -> None:
        """Several commands of one line are carried out in their order, also if the
        first is the hello that the others need."""
        ann, wire = self.open()
        wire.clear()
        ann.dataReceived(b"iam ann #tea\n")
        self.assertEqual(wire.value(), b"ann joined\r\n#tea\r\n201 ann is in #tea\r\n")

    def test_own_answers(self) -> None:
        """A string is one line, whatever is in it; a list is lines."""
        ann, wire = self.connect("ann")
        ann.dataReceived(b"NAME\nTIME\nNOTHING\n\n   \n")
        self.assertEqual(wire.value(), b"ann\r\nearly\r\nor  late\r\n")

    def test_empty_lines(self) -> None:
        """An empty string is an empty line, alone and in a list."""
        ann, wire = self.connect("ann")
        ann.dataReceived(b"EMPTY alone\nEMPTY\n")
        self.assertEqual(wire.value(), b"\r\nabove\r\n\r\nbelow\r\n")
        lines = Lines.form()
        self.assertEqual(lines.pack(""), b"\r\n")
        self.assertEqual(lines.pack([]), b"")

    def test_asked_by_the_dialect(self) -> None:
        """What a dialect asks by itself goes in front of what the peer has said
        meanwhile."""
        ann, wire = self.open(Led)
        wire.clear()
        ann.dataReceived(b"IAM ann\nSAY #tea one\nSAY #tea two\n")
        self.assertEqual(
            wire.value(),
            b"ann joined\r\n#tea\r\n201 ann is in #tea\r\nann one\r\nann two\r\n",
        )

    def test_asked_one_by_one(self) -> None:
        """What is asked for piece by piece is carried out in that order, whether the
        peer has said something meanwhile or not; what follows from an answer goes
        first."""
        for more, heard in (
            (b"", b""),
            (b"NAME\nSAY #tea one\n", b"ann\r\nann one\r\n"),
        ):
            ann, wire = self.open(Asking)
            wire.clear()
            ann.dataReceived(b"IAM ann\n" + more)
            self.assertEqual(
                wire.value(),
                b"ann joined\r\n#tea\r\n201 ann is in #tea\r\n"
                b"ann ann? That is me\r\nann here I am\r\n" + heard,
            )
            ann.say(commands.Bye())

    def test_not_pipelined(self) -> None:
        """Where nothing is pipelined, a frame is read when all before it is answered,
        and what the dialect asked because of it as well."""
        bob, _ = self.connect("bob", "#tea")
        bob.say(commands.Say("#tea", "one"), commands.Say("#tea", "two"))
        for data in (b"IAM ann #tea\nCOUNT\nTIME\n", b"JOIN #tea\nCOUNT\nTIME\n"):
            ann, wire = self.open(Counting)
            if data.startswith(b"JOIN"):
                ann.say(commands.Hello("eve"))
            wire.clear()
            ann.dataReceived(data)
            _, _, told = wire.value().partition(b"#tea\r\n")
            self.assertEqual(told, b"counted\r\n2 said\r\nearly\r\nor  late\r\n")

    def test_last_word(self) -> None:
        """Answers and commands of one list keep their places; bytes stay as they are.
        So who answers and then says bye has hung up, before hello as well."""
        for peer, wire in (self.open(), self.connect("ann")):
            wire.clear()
            peer.dataReceived(b"LEAVE\nTIME\n")
            self.assertEqual(wire.value(), b"goodbye\r\n!\0")
            self.assertTrue(wire.closed)

    def test_early(self) -> None:
        """Before hello only an early verb answers by itself."""
        ann, wire = self.open()
        wire.clear()
        ann.dataReceived(b"TIME\nNAME\n")
        self.assertEqual(
            wire.value(), b"early\r\nor  late\r\n500 out_of_order say hello first\r\n"
        )

    def test_nothing_before_hello(self) -> None:
        """Nor does a verb that asks for nothing at all go unanswered there."""
        ann, wire = self.open()
        wire.clear()
        ann.dataReceived(b"NOBODY\n")
        self.assertEqual(wire.value(), b"500 out_of_order say hello first\r\n")
        ann, wire = self.connect("ann")
        ann.dataReceived(b"NOBODY\n")
        self.assertEqual(wire.value(), b"")

    def test_help_for_one(self) -> None:
        """HELP with a word shows its row, and refuses a word that is none."""
        ann, wire = self.connect("ann")
        ann.dataReceived(b"HELP say\nHELP no\n")
        self.assertEqual(
            wire.value(),
            b"SAY <room> <text...>  Say something.\r\n"
            b"500 unknown_command no such command: no\r\n",
        )

    def test_refusing(self) -> None:
        """A verb may refuse."""
        ann, wire = self.connect("ann")
        ann.dataReceived(b"REFUSE\n")
        self.assertEqual(wire.value(), b"500 bad_syntax never\r\n")

    def test_bug(self) -> None:
        """A bug in a verb is answered without a word of it, and reported."""
        ann, wire = self.connect("ann")
        ann.dataReceived(b"BREAK\nNAME\n")
        self.assertEqual(
            wire.value(),
            b"500 internal something went wrong here; it has been logged\r\nann\r\n",
        )
        bug = self.relay.bugs.pop()
        self.assertIn("lines session of memory: decoding a frame failed", bug)
        self.assertIn("KeyError: 'secret'", bug)


class RenderTests(RelayTestCase):
    """From events to lines."""

    dialect = Lines

    def test_kinds_of_renderers(self) -> None:
        """A line, lines, frames, nothing, and nothing at all."""
        ann, wire = self.connect("ann", "#tea")
        bob, _ = self.connect("bob", "#tea")
        bob.say(commands.Say("#tea", "one\ntwo"), commands.Part("#tea"))
        ann.say(commands.SetTopic("#tea", "x"), commands.Rename("anna"))
        self.assertEqual(
            wire.value(), b"bob joined\r\n#tea\r\nbob one two\r\nbob left\r\n"
        )

    def test_share_of_a_quit(self) -> None:
        """Whoever is told of a quit as a whole is not told of each room's share;
        whoever is not, is told of the shares. From the log everybody has the shares
        (H14)."""
        _, lines = self.connect("ann", "#tea", "#milk")
        _, whole = self.connect("eve", "#tea", "#milk", dialect=Whole)
        bob, _ = self.connect("bob", "#tea", "#milk")
        lines.clear()
        whole.clear()
        bob.say(commands.Bye())
        self.assertEqual(lines.value(), b"bob left\r\nbob left\r\n")
        self.assertEqual(whole.value(), b"bob quit\r\n")
        share = events.Left("#tea", 9, 0, "bob", cause="quit", occurrence="1")
        self.assertEqual(Whole.form().render(share), b"")
        self.assertEqual(Whole.form().replay(share), b"bob left\r\n")

    def test_bug_in_an_answer(self) -> None:
        """An answer that can't be shown is left out, and reported."""

        class Broken(Lines):
            """Can't show a room."""

            def shown(self, event: events.RoomShown) -> str:
                """A bug."""
                raise KeyError(event.room)

            def faults(self, event: events.Fault) -> str:
                """Another."""
                raise KeyError(event.code)

        ann, wire = self.connect("ann", dialect=Broken)
        ann.dataReceived(b"WHAT\n")
        ann.say(commands.Join("#tea"))
        self.assertEqual(wire.value(), b"ann joined\r\n#tea\r\n")
        self.assertIn("RoomShown could not be shown", self.relay.bugs.pop())
        self.assertIn("Fault could not be shown", self.relay.bugs.pop())

    def test_answers_by_command(self) -> None:
        """An answer may depend on what was asked, as the dialect asked it."""
        asked: list[commands.Command] = []

        class Curious(Lines):
            """Notes what is answered."""

            def outcome(self, command: commands.Command, result: Word) -> Shown:
                """Another answer than the renderer's, for a hello."""
                asked.append(command)
                if isinstance(command, commands.Hello):
                    return f"hello, {command.nick}"
                return super().outcome(command, result)

        ann, wire = self.open(Curious)
        wire.clear()
        ann.dataReceived(b"IAM ann #tea\n")
        self.assertEqual(asked, [commands.Hello("ann"), commands.Join("#tea")])
        self.assertEqual(
            wire.value(), b"hello, ann\r\nann joined\r\n#tea\r\n201 ann is in #tea\r\n"
        )

    def test_bug_in_something_told(self) -> None:
        """The same for what a session is told unasked."""

        class Broken(Lines):
            """Can't show an invitation."""

            @render(events.Invitation)
            def invited(self, event: events.Invitation) -> str:
                """A bug."""
                raise KeyError(event.room)

        _, wire = self.connect("bob", dialect=Broken)
        ann, _ = self.connect("ann", "#tea")
        ann.say(commands.Invite("#tea", "bob"))
        self.assertEqual(wire.value(), b"")
        self.assertIn("Invitation could not be shown", self.relay.bugs.pop())


class SilenceTests(RelayTestCase):
    """A dialect without words for it."""

    dialect = Lines

    def test_no_goodbye(self) -> None:
        """Is hung up on without one."""
        _, wire = self.open()
        wire.clear()
        self.world.advance(10)
        self.assertEqual((wire.value(), wire.closed), (b"", True))

    def test_no_ping(self) -> None:
        """Is not asked for a sign of life, and not cut for giving none."""
        _, wire = self.connect("ann", exempt=False)
        self.world.advance(3600)
        self.assertEqual((wire.value(), wire.closed), (b"", False))


class FormTests(SynchronousTestCase):
    """One form for all sessions that are shown events alike (H21)."""

    def test_interned(self) -> None:
        """By class and capabilities."""
        tags = frozenset({"tags"})
        self.assertIs(Lines.form(), Lines.form())
        self.assertIs(Lines.form(tags), Lines.form(frozenset({"tags"})))
        self.assertIsNot(Lines.form(tags), Lines.form())
        self.assertIsNot(Whole.form(), Lines.form())
        self.assertEqual(Lines.form(tags).capabilities, tags)

    def test_knows_no_session(self) -> None:
        """A renderer that asks a form for its session fails at once, not by showing one
        peer's matters to another."""
        shown = events.RoomShown("#tea", "e", 1)
        self.assertRaises(AttributeError, Lines.form().render, shown)
        self.assertTrue(hasattr(Session, "name"))
