"""What somebody meant who wrote a name that there is none of."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from msgspec import Struct, inspect


def hint(wrong: str, names: Iterable[str]) -> str:
    """What to say behind an error: the name that is closest, or nothing."""
    close = get_close_matches(wrong, sorted(set(names)), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def keys_beside(kind: Any, path: str) -> list[str]:
    """The keys that may stand where ``path`` has its last one, in a section ``kind``:
    of ``listen[...].endpont`` those of a ``[[listen]]``."""
    found = _inner(inspect.type_info(kind))
    for part in path.split(".")[:-1]:
        name = part.partition("[")[0]
        inner = [one.type for one in found.fields if one.encode_name == name]
        found = _inner(inner[0]) if inner else inspect.StructType(kind, ())
    return [one.encode_name for one in found.fields]


def _inner(kind: inspect.Type) -> inspect.StructType:
    """The section that a type is, or has several of; one without keys for others."""
    if isinstance(kind, inspect.VarTupleType):
        return _inner(kind.item_type)
    if isinstance(kind, inspect.StructType):
        return kind
    return inspect.StructType(Struct, ())
