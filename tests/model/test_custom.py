"""What may be in events of kinds of one's own."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from relaychat.model.custom import DEPTH, check_kind, check_value
from relaychat.model.errors import BadName, BadText, TooLong


def nested(depth: int) -> Any:
    """Arrays in arrays."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


class CustomTests(SynchronousTestCase):
    """Kinds and values."""

    def test_kinds(self) -> None:
        """A vendor and a kind, in lower case."""
        for good in ("a/b", "example.org/order", "x-1/tea_cup.2"):
            check_kind(good)
        for bad in ("", "a", "a/", "/b", "A/b", "a/b/c", "a b/c", "a/b\n", "-/x"):
            self.assertRaises(BadName, check_kind, bad)
        self.assertRaises(BadName, check_kind, "a/" + "b" * 33)

    def test_values(self) -> None:
        """All of JSON, and nothing else of Python's."""
        fine: list[Any] = [None, True, "", 1.5, 2**53 - 1, [], {}, {"a": [{"b": None}]}]
        for good in fine:
            check_value(good, 100)
        for bad in (
            2**53,
            -(2**53),
            float("nan"),
            float("inf"),
            b"x",
            (1,),
            {1: 2},
            {"a": {3}},
            object(),
            "\ud800",
        ):
            self.assertRaises(BadText, check_value, bad, 100)

    def test_bounds(self) -> None:
        """How deep, and how much of it."""
        check_value(nested(DEPTH - 1), 100)
        self.assertRaises(BadText, check_value, nested(DEPTH), 100)
        check_value("x" * 8, 10)
        self.assertRaises(TooLong, check_value, "x" * 9, 10)
        self.assertRaises(TooLong, check_value, "é" * 5, 10)

    def test_endless(self) -> None:
        """What holds itself is too deep."""
        value: list[Any] = []
        value.append(value)
        self.assertRaises(BadText, check_value, value, 100)

    @given(st.recursive(st.none() | st.booleans() | st.text(), st.lists, max_leaves=9))
    def test_any(self, value: Any) -> None:
        """Any such value is taken or refused in words."""
        try:
            check_value(value, 60)
        except (BadText, TooLong) as error:
            self.assertTrue(error.text)
