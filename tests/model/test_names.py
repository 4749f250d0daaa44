"""Names, texts and masks: what they may hold, and when two are the same."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from relaychat.model import names
from relaychat.model.errors import BadName, BadText, RelayError, TooLong


def allowed(check: object, name: str) -> bool:
    """Whether a check passes a name; anything but a refusal is a bug."""
    assert callable(check)
    try:
        check(name)
    except RelayError:
        return False
    return True


class NickTests(SynchronousTestCase):
    """Which nicks there may be."""

    def test_folded(self) -> None:
        """A nick is returned folded: capitals of ASCII, and nothing else."""
        self.assertEqual(names.check_nick("Bob[1]"), "bob[1]")
        self.assertEqual(
            names.check_nick("R\N{LATIN SMALL LETTER E WITH ACUTE}my"), "rémy"
        )

    def test_allowed(self) -> None:
        """Letters of all scripts, marks, digits and pictures make a nick."""
        for nick in ("a", "x" * 30, "_-_", "日本", "\u0939\u093f\u0928", "tea🍵", "`"):
            self.assertTrue(allowed(names.check_nick, nick), nick)

    def test_taken_for_something_else(self) -> None:
        """What reads as a room, mask, server, list, prefix or number is no nick."""
        for nick in (
            *("#a", "&a", "@a", "+a", "%a", "~a", "$a", ":a", "-a", "1a", "*", "a*"),
            *("a!b", "a@b", "a?", "a,b", "a.b", "a b", "", "a:", "a\n", "a\0", "a\x7f"),
        ):
            self.assertFalse(allowed(names.check_nick, nick), nick)

    def test_one_spelling(self) -> None:
        """Beyond ASCII a capital, a ligature or a composed pair is refused (H13)."""
        for nick in ("Élodie", "e\u0301lodie", "ﬁn", "Ⅷx", "ａ", "straße"):
            with self.assertRaises(BadName):
                names.check_nick(nick)

    def test_unseen(self) -> None:
        """Characters that leave no trace, and lone marks in front, are refused."""
        for nick in (
            "a\u200db",
            "a\u00adb",
            "a\ufe0f",
            "a\u115f",
            "\u0301a",
            "a\ud800",
        ):
            with self.assertRaises(BadName):
                names.check_nick(nick)

    def test_signs(self) -> None:
        """Signs that look like punctuation are refused, pictures are not."""
        for nick in ("a\u2215b", "a\u00d7", "a\u20ac", "a\u00b4"):
            with self.assertRaises(BadName):
                names.check_nick(nick)

    def test_length(self) -> None:
        """30 characters are the limit, and 64 bytes."""
        with self.assertRaises(TooLong):
            names.check_nick("x" * 31)
        self.assertTrue(allowed(names.check_nick, "日" * 21))
        with self.assertRaises(TooLong):
            names.check_nick("日" * 22)

    @given(st.text(max_size=40))
    def test_any_text(self, name: str) -> None:
        """Any text is passed or refused; what is passed has one stable fold."""
        if allowed(names.check_nick, name):
            folded = names.check_nick(name)
            self.assertEqual(folded, names.fold(name))
            self.assertEqual(folded, names.check_nick(folded))
            self.assertEqual(folded, unicodedata.normalize("NFKC", folded).casefold())
            self.assertFalse(allowed(names.check_room, name))


class RoomTests(SynchronousTestCase):
    """Which rooms there may be."""

    def test_allowed(self) -> None:
        """After the sigil nearly everything may stand."""
        for room in ("#a", "##", "#Ops.EU/1", "#日本語", "#" + "x" * 63, "#a:b"):
            self.assertEqual(names.check_room(room), room.lower())

    def test_refused(self) -> None:
        """No sigil, nothing behind it, space, comma, bell or a control: no room."""
        for room in (
            *("a", "#", "", "@a,b", "#a b", "#a,b", "#a\x07", "#a\0", "#\n", "#a\x7f"),
            *("#\u00a0", "#a\u202e", "#É", "#\ud800"),
        ):
            with self.assertRaises(BadName):
                names.check_room(room)

    def test_length(self) -> None:
        """64 characters are the limit, and 160 bytes."""
        for room in ("#" + "x" * 64, "#" + "日" * 54):
            with self.assertRaises(TooLong):
                names.check_room(room)


class SkeletonTests(SynchronousTestCase):
    """Look-alikes have one skeleton."""

    def test_scripts(self) -> None:
        """Cyrillic, Greek and digits that are drawn like Latin are found out."""
        self.assertEqual(names.skeleton("раураl"), names.skeleton("paypal"))
        self.assertEqual(names.skeleton("οlga"), names.skeleton("0lga"))

    def test_accents_count(self) -> None:
        """An accent is seen, in either normal form and on either script's letter."""
        self.assertNotEqual(names.skeleton("rené"), names.skeleton("rene"))
        self.assertEqual(names.skeleton("rené"), names.skeleton("ren\u0435\u0301"))

    def test_other_letters_stay(self) -> None:
        """A name in a script of its own is its own skeleton."""
        self.assertEqual(names.skeleton("日本"), "日本")

    @given(st.text(max_size=40))
    def test_skeleton_of_a_skeleton(self, name: str) -> None:
        """Reducing twice changes nothing."""
        once = names.skeleton(name)
        self.assertEqual(
            names.skeleton(once).replace("rn", "m"), once.replace("rn", "m")
        )


class TextTests(SynchronousTestCase):
    """What a body may hold (H30)."""

    def test_refused(self) -> None:
        """NUL, CR, lone surrogates, nothing and nothing but line feeds are refused."""
        for text in ("a\0", "a\rb", "\ud83d", "a\udc00", "", "\n", "\n\n"):
            with self.assertRaises(BadText):
                names.check_text(text, 100)

    def test_size_in_bytes(self) -> None:
        """The limit counts bytes of UTF-8."""
        names.check_text("é\n" * 3, 9)
        names.check_text("abc", 3)
        for text in ("abcd", "éé"):
            with self.assertRaises(TooLong):
                names.check_text(text, 3)


class Counted(str):
    """A text that counts how often it is searched."""

    searches = 0

    def find(self, *arguments: Any) -> int:
        """Count, and search."""
        self.searches += 1
        return super().find(*arguments)


MASK = st.text("ab*?", max_size=9)
SMALL = st.text("ab", max_size=11)


class MaskTests(SynchronousTestCase):
    """Masks of bans."""

    def test_complete(self) -> None:
        """What a mask leaves out becomes a star."""
        for mask, whole in {
            "Bob": "bob!*@*",
            "bob!ann": "bob!ann@*",
            "ann@host": "*!ann@host",
            "@host": "*!*@host",
            "!@": "*!*@*",
            "a**b***": "a*b*!*@*",
            "a!b!c@d@e": "a!b!c@d@e",
        }.items():
            self.assertEqual(names.complete_mask(mask), whole)

    def test_incomplete(self) -> None:
        """Nothing, spaces, controls and half surrogates make no mask."""
        for mask in ("", "a b", "a\n", "\ud800"):
            with self.assertRaises(BadName):
                names.complete_mask(mask)
        with self.assertRaises(TooLong):
            names.complete_mask("é" * 126)

    def test_case(self) -> None:
        """Case does not count."""
        self.assertTrue(names.matches("B?B!*@*", "bOb!~guest@relay"))

    @given(MASK, SMALL)
    def test_like_an_expression(self, mask: str, text: str) -> None:
        """A mask fits what the regular expression of the same meaning fits."""
        pattern = mask.replace("*", ".*").replace("?", ".")
        self.assertEqual(names.glob(mask, text), bool(re.fullmatch(pattern, text)))

    @given(st.text("abc", max_size=9), SMALL)
    def test_a_star_finds_everything(self, piece: str, around: str) -> None:
        """A piece between stars is found wherever it stands."""
        self.assertTrue(names.glob(f"*{piece}*", around + piece + around))

    def test_hostile_masks(self) -> None:
        """No mask makes the text be searched more than once per letter of the mask."""
        size = 2**12
        for mask, text in (
            ("a*a*a*b", "a" * size),
            ("*a" * 100 + "*b", "a" * size),
            ("*a?b*", "ab" * (size // 2)),
            ("*" + "a?" * 50 + "b*", "a" * size),
        ):
            counted = Counted(text)
            self.assertFalse(names.glob(mask, counted))
            self.assertLessEqual(counted.searches, size * (mask.count("?") + 1) + 200)
