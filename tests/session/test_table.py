"""Dialect classes: what their tables hold, and what is an error while they are made."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from relaychat.model import commands, events
from relaychat.model.words import Word
from relaychat.session.dialect import Dialect
from relaychat.session.table import TableError, render, verb


class Base(Dialect):
    """A dialect to derive from."""

    @verb("SAY <room> <text...>")
    def say(self, room: str, text: str) -> commands.Say:
        """Say something.

        Anything.
        """
        return commands.Say(room, text)

    @render(events.Said, events.Edited)
    def said(self, event: events.Said | events.Edited) -> str:
        """Both alike."""
        return event.text


class InheritanceTests(SynchronousTestCase):
    """Tables are per class, and a class has those of its bases."""

    def test_rows(self) -> None:
        """A row knows its syntax and says in a line what it does."""
        row = Base.verbs["SAY"]
        self.assertEqual(row.syntax.text, "SAY <room> <text...>")
        self.assertEqual(row.about, "Say something.")

    def test_override(self) -> None:
        """A method of the same name takes the row over; with a syntax, it replaces
        it."""

        class Plain(Base):
            def say(self, room: str, text: str) -> commands.Say:
                return commands.Say(room, "plain")

        class Other(Base):
            @verb("TELL <room> <text...>")
            def say(self, room: str, text: str) -> commands.Say:
                return commands.Say(room, "other")

        self.assertIs(Plain.verbs["SAY"].method, Plain.say)
        self.assertEqual(set(Other.verbs), {"HELP", "TELL"})
        self.assertEqual(set(Base.verbs), {"HELP", "SAY"})

    def test_dropping(self) -> None:
        """None in the place of a method drops its row."""

        class Silent(Base):
            say = None  # type: ignore[assignment]
            said = None  # type: ignore[assignment]

        self.assertEqual(set(Silent.verbs), {"HELP"})
        self.assertEqual(Silent.renderers, {})

    def test_acks_only_where_success_is_told(self) -> None:
        """A dialect without words for success is not asked for them by the hub."""

        class Told(Base):
            @render(events.Done)
            def done(self, event: events.Done) -> str:
                return "ok"

        class Whole(Dialect):
            def encode(self, event: Word) -> bytes:
                return b"."

        class Asked(Base):
            acks = True

        self.assertEqual(
            (Base.acks, Told.acks, Whole.acks, Asked.acks), (False, True, True, True)
        )


class ErrorTests(SynchronousTestCase):
    """A class that can't be is an error where it is written."""

    def test_one_word_one_method(self) -> None:
        """Two methods of one word, however it is capitalised."""
        with self.assertRaises(TableError) as raised:

            class _Twice(Base):
                @verb("say <text...>")
                def shout(self, text: str) -> None:
                    raise NotImplementedError

        self.assertEqual(
            str(raised.exception), "_Twice: SAY is the verb of say, and shout"
        )

    def test_one_event_one_method(self) -> None:
        """Two renderers of one kind of event."""
        with self.assertRaises(TableError) as raised:

            class _Twice(Base):
                @render(events.Edited)
                def edited(self, event: events.Edited) -> None:
                    raise NotImplementedError

        self.assertIn("Edited is rendered by said and by edited", str(raised.exception))

    def test_method_fits_syntax(self) -> None:
        """A method takes what its syntax gives, with and without the optional ones."""
        with self.assertRaises(TableError):

            class _Few(Dialect):
                @verb("SAY <room> <text...>")
                def say(self, room: str) -> None:
                    raise NotImplementedError

        with self.assertRaises(TableError) as raised:

            class _Strict(Dialect):
                @verb("SAY <room> [<text...>]")
                def say(self, room: str, text: str) -> None:
                    raise NotImplementedError

        self.assertEqual(
            str(raised.exception),
            "_Strict.say is not 'SAY <room> [<text...>]': missing a required argument: "
            "'text'; what may be left out needs a default",
        )

    def test_names_of_the_base(self) -> None:
        """A verb can't take the place of a method that the framework calls."""
        with self.assertRaises(TableError) as raised:

            class _Encode(Dialect):
                @verb("ENCODE <text>")
                def encode(self, text: str) -> None:  # type: ignore[override]
                    raise NotImplementedError

        self.assertIn("encode: the base needs that name", str(raised.exception))

    def test_bad_syntax(self) -> None:
        """A syntax that can't be read."""
        self.assertRaises(ValueError, verb, "SAY room")


class Orders(Base):
    """Knows two kinds of custom events."""

    @render("tea/order", "tea/cup")
    def order(self, event: events.Custom) -> str:
        """Its value."""
        return f"{event.kind} {event.value}"


class AllOrders(Orders):
    """Knows the others as well."""

    @render(events.Custom)
    def other(self, event: events.Custom) -> str:
        """That it is there."""
        return "something"


class CustomTests(SynchronousTestCase):
    """Renderers of custom events."""

    def test_by_kind(self) -> None:
        """Each kind has its own; what nobody knows is not told."""
        for kind, known, everything in (
            ("tea/order", b"tea/order 2\r\n", b"tea/order 2\r\n"),
            ("tea/cup", b"tea/cup 2\r\n", b"tea/cup 2\r\n"),
            ("tea/pot", b"", b"something\r\n"),
        ):
            event = events.Custom("#tea", 1, 0, "ann", kind, 2)
            self.assertEqual(Base.form().render(event), b"")
            self.assertEqual(Orders.form().render(event), known)
            self.assertEqual(AllOrders.form().render(event), everything)

    def test_wrong(self) -> None:
        """A kind is written as the hub takes it, and has one renderer."""
        self.assertRaises(ValueError, render, "order")
        with self.assertRaises(TableError) as raised:

            class _Twice(Orders):
                @render("tea/cup")
                def cup(self, event: events.Custom) -> str:
                    raise NotImplementedError

        self.assertIn("tea/cup is rendered by order", str(raised.exception))
