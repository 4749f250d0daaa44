"""The syntax of a verb: grammar, arity check and usage error in one string."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from relaychat.model.errors import BadSyntax
from relaychat.session.syntax import Syntax


class GrammarTests(SynchronousTestCase):
    """What a syntax string may be."""

    def test_parts(self) -> None:
        """Its word, its names, how many are needed, and whether the last is the
        rest."""
        syntax = Syntax("KICK <room> <nick> [<reason...>]")
        self.assertEqual(syntax.word, "KICK")
        self.assertEqual(syntax.names, ["room", "nick", "reason"])
        self.assertEqual((syntax.required, syntax.rest), (2, True))

    def test_bad_ones(self) -> None:
        """Whatever can't be parsed in one way only is an error where it is written."""
        for text in (
            "",
            "<room>",
            "SAY room",
            "SAY  <room>",
            "SAY <Room>",
            "SAY [<room>",
            "SAY <room>]",
            "SAY <text...> <room>",
            "SAY [<room>] <text>",
            "SAY <room> <room>",
            "SAY <text..>",
        ):
            self.assertRaises(ValueError, Syntax, text)


class SplitTests(SynchronousTestCase):
    """Arguments of a line."""

    def test_rest_is_kept_as_it_is(self) -> None:
        """Spaces between words don't count, those inside the rest do."""
        syntax = Syntax("SAY <room> <text...>")
        self.assertEqual(syntax.split("  #a   two  lumps "), ["#a", "two  lumps "])

    def test_optional(self) -> None:
        """An optional parameter may be missing, the rest too."""
        syntax = Syntax("JOIN <room> [<key>]")
        self.assertEqual(syntax.split("#a"), ["#a"])
        self.assertEqual(syntax.split("#a  k "), ["#a", "k"])
        self.assertEqual(Syntax("BYE [<reason...>]").split(""), [])

    def test_arity(self) -> None:
        """Too few and too many are answered with the syntax."""
        for text, line in (
            ("SAY <room> <text...>", "#a"),
            ("SAY <room> <text...>", "#a  "),
            ("JOIN <room>", "#a #b"),
            ("JOIN <room>", ""),
            ("LIST", "x"),
        ):
            error = self.assertRaises(BadSyntax, Syntax(text).split, line)
            self.assertEqual(error.text, f"usage: {text}")


class BindTests(SynchronousTestCase):
    """Parameters that a codec has parted."""

    def test_bind(self) -> None:
        """The rest takes what is left over; without one it is dropped."""
        say = Syntax("SAY <room> <text...>")
        self.assertEqual(say.bind(["#a", "two  lumps"]), ["#a", "two  lumps"])
        self.assertEqual(say.bind(["#a", "two", "lumps"]), ["#a", "two lumps"])
        self.assertEqual(Syntax("JOIN <room> [<key>]").bind(["#a"]), ["#a"])
        self.assertEqual(Syntax("JOIN <room>").bind(["#a", "k"]), ["#a"])

    def test_too_few(self) -> None:
        """Too few are answered with the syntax."""
        error = self.assertRaises(
            BadSyntax, Syntax("SAY <room> <text...>").bind, ["#a"]
        )
        self.assertEqual(error.text, "usage: SAY <room> <text...>")
