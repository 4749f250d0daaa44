"""What is wrong with a value that does not fit its type, in plain words.

msgspec's own words name Python's types and regular expressions. Here they become words
for people: which field, what was expected, what came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from msgspec import inspect

_KINDS = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
    "array": "an array",
    "object": "an object",
}
"""What the types are called in JSON."""
_kinds = re.compile(r"`([a-z]+(?: \| [a-z]+)*)`")
_length = re.compile(r" of length ([<>])= (\d+)$")
_bound = re.compile(r" ([<>])(=?) (\S+)$")
_field = re.compile(r"^Object (missing required|contains unknown) field `(.*)`$", re.S)
_choice = re.compile(r"^(Invalid enum value)|^Expected `str` matching regex")
_place = re.compile(r" - at `(?:key` in `)?\$\.?(.*)`$", re.S)


class Misfit(NamedTuple):
    """A value that does not fit."""

    field: str
    """Where it is: ``policy.limit``, empty for the whole."""
    text: str


Expects = dict[tuple[str, bool], str]
"""By the name of a field, and whether it is one of some words: in another command the
field of that name may be a pattern."""


def expected(kind: Any) -> Expects:
    """What fields of a type expect, where its name does not say it: one of some words,
    or what their ``Meta`` has as a description."""
    return dict(_described("", inspect.type_info(kind)))


def _described(name: str, kind: inspect.Type) -> Iterator[tuple[tuple[str, bool], str]]:
    if isinstance(kind, inspect.Metadata):
        schema = kind.extra_json_schema or {}
        if "description" in schema:
            yield (name, False), schema["description"]
        yield from _described(name, kind.type)
    elif isinstance(kind, inspect.LiteralType):
        *others, last = [str(value) for value in kind.values]
        yield (name, True), f"{', '.join(others)} or {last}" if others else last
    elif isinstance(kind, inspect.StructType):
        for field in kind.fields:
            yield from _described(field.encode_name, field.type)
    elif isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from _described(name, one)
    elif isinstance(kind, inspect.VarTupleType):
        yield from _described(name, kind.item_type)
    elif isinstance(kind, inspect.DictType):
        yield from _described(name, kind.value_type)


def misfit(message: str, expects: Expects) -> Misfit:
    """The words for msgspec's, given what ``expected`` said of the type."""
    found = _place.search(message)
    path = found[1] if found else ""
    if found:
        message = message[: found.start()]
    wrong = _field.match(message)
    if wrong:
        path = f"{path}.{wrong[2]}".lstrip(".")
        text = "is needed" if wrong[1][0] == "m" else "there is no such field"
        return Misfit(path, text)
    choice = _choice.match(message)
    name = path.rpartition(".")[2].removesuffix("[...]")
    words = expects.get((name, bool(choice[1]))) if choice else None
    if words:
        return Misfit(path, f"expected {words}")
    text = _kinds.sub(_in_words, message)
    text = _length.sub(_of_length, text)
    text = _bound.sub(_within, text)
    return Misfit(path, text[:1].lower() + text[1:])


def _in_words(found: re.Match[str]) -> str:
    return " or ".join([_KINDS.get(one, one) for one in found[1].split(" | ")])


def _of_length(found: re.Match[str]) -> str:
    count = int(found[2])
    most = "at most" if found[1] == "<" else "at least"
    return f" of {most} {count} character{'' if count == 1 else 's'}"


def _within(found: re.Match[str]) -> str:
    way = "less" if found[1] == "<" else "more"
    return f", {found[3]} or {way}" if found[2] else f", {way} than {found[3]}"
