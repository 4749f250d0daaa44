"""What does not fit, in words for people."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from twisted.trial.unittest import SynchronousTestCase

from relaychat.wire.misfit import Misfit, expected, misfit


class Inner(Struct, forbid_unknown_fields=True):
    colour: Literal["red", "green", "blue"]
    one: Literal["alone"] = "alone"


class Outer(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(pattern="^[a-z]+$", description="small letters")] = "a"
    short: Annotated[str, Meta(min_length=1, max_length=3)] = "abc"
    count: Annotated[int, Meta(ge=1, le=9)] | None = None
    part: Annotated[float, Meta(gt=0)] = 1.0
    inner: Inner | None = None
    several: tuple[Inner, ...] = ()
    named: dict[str, Inner] = msgspec.field(default_factory=dict)
    yes: bool = True


class MisfitTests(SynchronousTestCase):
    """One line of words for each thing that can be wrong."""

    def refuse(self, value: object) -> Misfit:
        """What is said of a value that is no Outer."""
        error = self.assertRaises(
            msgspec.ValidationError, msgspec.convert, value, Outer
        )
        return misfit(str(error), expected(Outer))

    def test_words(self) -> None:
        """Types and bounds are told in words, with the field."""
        cases: list[tuple[Any, str, str]] = [
            (3, "", "expected an object, got an integer"),
            ({"short": 3}, "short", "expected a string, got an integer"),
            ({"short": ""}, "short", "expected a string of at least 1 character"),
            ({"short": "four"}, "short", "expected a string of at most 3 characters"),
            ({"count": 0}, "count", "expected an integer, 1 or more"),
            ({"count": 10}, "count", "expected an integer, 9 or less"),
            ({"count": "1"}, "count", "expected an integer or null, got a string"),
            ({"part": 0.0}, "part", "expected a number, more than 0.0"),
            ({"yes": None}, "yes", "expected true or false, got null"),
            ({"several": {}}, "several", "expected an array, got an object"),
        ]
        for value, field, text in cases:
            self.assertEqual(self.refuse(value), (field, text))

    def test_fields(self) -> None:
        """A field too many or too few is told by its path."""
        self.assertEqual(self.refuse({"x": 1}), ("x", "there is no such field"))
        self.assertEqual(self.refuse({"inner": {}}), ("inner.colour", "is needed"))
        many = {"several": [{"colour": "red", "x": 1}]}
        self.assertEqual(self.refuse(many), ("several[0].x", "there is no such field"))

    def test_choices(self) -> None:
        """What is one of some words, or has a form, is told so, however deep."""
        colours = "expected blue, green or red"
        for where, field in (
            ({"inner": {"colour": "tea"}}, "inner.colour"),
            ({"several": [{"colour": "tea"}]}, "several[0].colour"),
            ({"named": {"a": {"colour": "tea"}}}, "named[...].colour"),
        ):
            self.assertEqual(self.refuse(where), (field, colours))
        alone = {"inner": {"colour": "red", "one": "two"}}
        self.assertEqual(self.refuse(alone), ("inner.one", "expected alone"))
        self.assertEqual(self.refuse({"name": "A"}), ("name", "expected small letters"))
