"""What ``@verb`` and ``@render`` note on methods, and the tables made of it.

Tables are built once per class; a duplicate, a bad syntax or a method that does not fit
its syntax is an error where the class is written.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from relaychat.model.custom import is_kind
from relaychat.model.events import Custom
from relaychat.model.words import Word
from relaychat.session.syntax import Syntax

Method = TypeVar("Method", bound=Callable[..., Any])


class Row(NamedTuple):
    """One verb of a dialect: checked before its method runs."""

    syntax: Syntax
    early: bool
    """Whether it may answer by itself before hello."""
    name: str
    """Of the method."""
    method: Callable[..., Any]

    @property
    def about(self) -> str:
        """What it does, in a line: the first of the method's docstring."""
        return (inspect.getdoc(self.method) or "").partition("\n")[0]


class TableError(TypeError):
    """A dialect class that can't be; raised while the class is made."""


def verb(syntax: str, *, early: bool = False) -> Callable[[Method], Method]:
    """Make a method a verb; ``session.syntax`` has the grammar of its row.

    The method translates: it is called with the arguments as strings and returns a
    command, a list of commands, None, or a line or a list of lines as its own answer.
    It may raise a RelayError. Before hello it may return Hello and what else is legal
    then (``session.states``); an ``early`` verb may also answer by itself.

    Raises ValueError if the syntax can't be read.
    """
    parsed = Syntax(syntax)

    def note(method: Method) -> Method:
        vars(method)["relaychat_verb"] = (parsed, early)
        return method

    return note


def render(*kinds: type[Word] | str) -> Callable[[Method], Method]:
    """Make a method the renderer of these kinds of events and answers. A text stands
    for custom events of that kind. It returns a line, a list of lines, whole frames as
    bytes, or None to say nothing.

    Raises ValueError for a text that is not ``vendor/kind``.
    """
    for kind in kinds:
        if isinstance(kind, str) and not is_kind(kind):
            raise ValueError(f"{kind!r}: a kind of event is written vendor/kind")

    def note(method: Method) -> Method:
        vars(method)["relaychat_renders"] = kinds
        return method

    return note


def control(syntax: str) -> Callable[[Method], Method]:
    """Make a method of a ``Hook`` a command of ``relaychat ctl``; the syntax is written
    as for ``verb``. It is called with the arguments as strings, and returns a line, a
    list of lines or any value of JSON, or a Deferred or a coroutine with one. It may
    raise a RelayError.

    Raises ValueError if the syntax can't be read.
    """
    parsed = Syntax(syntax)

    def note(method: Method) -> Method:
        vars(method)["relaychat_control"] = parsed
        return method

    return note


def controls_of(cls: type) -> dict[str, Row]:
    """The commands for ``relaychat ctl`` of a class. Raises TableError."""
    table: dict[str, Row] = {}
    for name, method, syntax in _noted(cls, "relaychat_control"):
        if syntax.word in table:
            raise TableError(f"{cls.__name__}: {syntax.word} is there twice")
        _fit(cls, method, syntax)
        table[syntax.word] = Row(syntax, True, name, method)
    return table


def _noted(cls: type, note: str) -> Iterator[tuple[str, Callable[..., Any], Any]]:
    """Methods with such a note, of the class and its bases, by name. A method that
    overrides a noted one without a note of its own takes the note over."""
    notes: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if note in getattr(value, "__dict__", ()):
                notes[name] = vars(value)[note]
    for name, noted in notes.items():
        _own(cls, name, note)
        method = getattr(cls, name)
        if method is not None:
            yield name, method, noted


def _own(cls: type, name: str, note: str) -> None:
    """Raises TableError if a method is in the way of one of the base's own."""
    first = [vars(base)[name] for base in cls.__mro__ if name in vars(base)][-1]
    if note not in getattr(first, "__dict__", ()):
        raise TableError(f"{cls.__name__}.{name}: the base needs that name")


def verbs_of(cls: type) -> dict[str, Row]:
    """The verb table, by the word in capitals. Raises TableError."""
    table: dict[str, Row] = {}
    for name, method, (syntax, early) in _noted(cls, "relaychat_verb"):
        word = syntax.word.upper()
        if word in table:
            raise TableError(
                f"{cls.__name__}: {word} is the verb of {table[word].name}, and {name}"
            )
        _fit(cls, method, syntax)
        table[word] = Row(syntax, early, name, method)
    return table


def _fit(cls: type, method: Callable[..., Any], syntax: Syntax) -> None:
    """Raises TableError if a method can't be called as its syntax says."""
    signature = inspect.signature(method)
    for count in {syntax.required, len(syntax.names)}:
        try:
            signature.bind(*("self", *syntax.names)[: count + 1])
        except TypeError as error:
            why = f"{cls.__name__}.{method.__name__} is not {syntax.text!r}: {error}"
            if count < len(syntax.names):
                why += "; what may be left out needs a default"
            raise TableError(why) from None


def renderers_of(cls: type) -> dict[type[Word], Callable[..., Any]]:
    """The renderer table. Raises TableError."""
    table: dict[type[Word] | str, Callable[..., Any]] = {}
    for name, method, kinds in _noted(cls, "relaychat_renders"):
        for kind in kinds:
            if kind in table:
                what = kind if isinstance(kind, str) else kind.__name__
                raise TableError(
                    f"{cls.__name__}: {what} is rendered by "
                    f"{table[kind].__name__} and by {name}"
                )
            table[kind] = method
    own = {kind: method for kind, method in table.items() if isinstance(kind, str)}
    known = {kind: method for kind, method in table.items() if isinstance(kind, type)}
    if own:
        known[Custom] = _by_kind(own, known.get(Custom, _nothing))
    return known


def _by_kind(
    own: Mapping[str, Callable[..., Any]], others: Callable[..., Any]
) -> Callable[..., Any]:
    """The renderer of custom events, of which each kind has its own."""

    def custom(dialect: Any, event: Custom) -> Any:
        return own.get(event.kind, others)(dialect, event)

    vars(custom)["relaychat_kinds"] = tuple(own)
    return custom


def _nothing(dialect: Any, event: Word) -> None:
    """What is said of a kind that nobody knows."""
