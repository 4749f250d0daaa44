"""Checks of what a dialect shows, and to whom."""

from __future__ import annotations

import random
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from relaychat.hub.peer import Form
from relaychat.model import events
from relaychat.model.words import Word
from relaychat.testing.conforming.trial import ROOM, Failed, Trial
from relaychat.testing.link import HELD_BYTES

BURST = 1000
"""Messages for one that does not read: more than is held for it."""
PLAIN = "plain"
FORGED = "FORGED"
"""Begins no line: else whoever writes a message could say what he likes in the relay's
name."""
NAMED = {
    "room": ROOM, "epoch": "00ff", "nick": "ann", "sender": "bob", "account": "bob",
    "to": "ann", "direct": "ann", "mask": "*!*@*", "occurrence": "00ff",
}  # fmt: skip
"""What is no free text: names are checked before they come to anybody's ears."""
KINDS = "relaychat_kinds"
"""Where a renderer of custom events says which ones it knows."""
VALUES: tuple[Any, ...] = (
    None, True, 0, -1.5, "", "x", [], {}, [None], {"": None}, {"x": [{}]},
)  # fmt: skip
"""What anybody may put into a custom event of any kind."""
LEFT_OUT = (type(None), msgspec.UnsetType)
EVIL = (
    "",
    f"a\n{FORGED}\n\t{FORGED}\n",
    "\u202e\u2028\x85\x1b[31m",
    "x" * 5000,
    "{0} %s <b> \" ' \\",
    "☕\U0001f600",
)


def order(trial: Trial) -> str:
    """All sessions are shown a room's events in the order of their seq, each once."""
    speaker, _ = trial.native("bob", ROOM)
    readers = [trial.enter(nick, ROOM) for nick in ("ann", "zed")]
    for _, wire in readers:
        wire.clear()
    kept = trial.events()
    for command in trial.chatter(60):
        speaker.say(command)
    shown = 0
    for ann, wire in readers:
        expected = b"".join(_always(ann.session.form, event) for event in kept)
        if not ann.session.control and wire.value() != expected:
            raise Failed("not all sessions are shown all events, in their order")
        shown += len(expected)
    trial.sound()
    return f"{len(kept)} events" if shown else "shows nothing of a room"


def _always(form: Form, event: Word) -> bytes:
    """What a form shows of an event. Raises Failed if that depends on the day."""
    once, again = form.render(event), form.render(event)
    if once != again:
        raise Failed(f"{type(event).__name__} is shown as {once!r}, then as {again!r}")
    return once


def backpressure(trial: Trial) -> str:
    """Little is held for a reader that does not read; nothing is lost for it, and it
    sees the same as one that always read."""
    speaker, _ = trial.native("bob", ROOM)
    _, fast = trial.enter("ann", ROOM)
    _, slow = trial.enter("zed", ROOM)
    for wire in (fast, slow):
        wire.clear()
    slow.hold()
    most = 0
    for command in trial.chatter(BURST):
        speaker.say(command)
        most = max(most, slow.held_bytes)
    if most > 2 * HELD_BYTES:
        raise Failed(f"{most} bytes were held for one that did not read")
    for _ in range(BURST):
        slow.release()
        trial.relay.run()
        if not slow.full:
            break
    trial.sound()
    if fast.value() and slow.value() != fast.value():
        raise Failed("who fell behind was not shown what the others were")
    return f"{len(fast.value()) // 1024} KiB, {most // 1024} KiB held"


def apart(trial: Trial) -> str:
    """No state is shared between sessions, and none is kept in the class."""
    kept = _state(trial.dialect)
    (ann, wire), (bob, _) = trial.enter("ann", ROOM), trial.enter("bob", ROOM)
    for _ in range(100):
        if not wire.closed:
            ann.dataReceived(trial.material.frame())
    mine, others = vars(ann.session.speech), vars(bob.session.speech)
    for name, value in mine.items():
        if _changes(value) and value is others.get(name):
            raise Failed(f"two sessions share self.{name}")
    now = _state(trial.dialect)
    for name in now:
        if now[name] != kept.get(name):
            raise Failed(f"{trial.dialect.__name__}.{name} is a class's, and changes")
    trial.sound()
    return f"{len(mine)} attributes"


def _changes(value: object) -> bool:
    return isinstance(value, list | dict | set | bytearray)


def _state(dialect: type) -> dict[str, str]:
    """The attributes of a class that can change, as they are."""
    return {
        name: repr(value)
        for name, value in vars(dialect).items()
        if _changes(value) and name not in ("verbs", "renderers", "_forms")
    }


def renderers(trial: Trial) -> str:
    """Whatever an event or an answer holds can be shown, and no text of a peer's makes
    a line of its own."""
    ann, _ = trial.enter("ann", ROOM)
    form, own = ann.session.form, ann.session.speech
    count = 0
    for kind in _kinds():
        for text in (PLAIN, *EVIL):
            word = example(kind, text, trial.chance)
            ways = {"shown": own.encode}
            if kind is events.Goodbye:
                # Who is not let in has no session.
                ways["told to who is refused"] = trial.dialect.form().encode
            if not issubclass(kind, events.Answer):
                ways |= {"rendered": form.render, "replayed": form.replay}
            for how, way in ways.items():
                shown = _shown(way, word, how)
                count += 1
                if trial.dialect.text and f"\n{FORGED}".encode() in b"\n" + shown:
                    raise Failed(f"{kind.__name__}: {text!r} makes a line of its own")
    for name in getattr(trial.dialect.renderers.get(events.Custom), KINDS, ()):
        for value in VALUES:
            _shown(form.render, events.Custom(ROOM, 1, 1, "bob", name, value), "shown")
            count += 1
    trial.sound()
    return f"{count} renderings"


def _shown(way: Any, word: Word, how: str) -> bytes:
    try:
        shown = way(word)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        why = f"{type(error).__name__}: {error} ({where})"
        kind = type(word).__name__
        raise Failed(f"{kind} could not be {how}: {why}; {word}"[:300]) from error
    if not isinstance(shown, bytes):
        raise Failed(f"{type(word).__name__} was {how} as {type(shown).__name__}")
    return shown


def _kinds() -> Iterator[type[Word]]:
    """All events and answers, but for the welcome, in which nothing is a peer's."""
    for kind in vars(events).values():
        if (
            isinstance(kind, type)
            and issubclass(kind, Word)
            and kind.__struct_config__.tag != kind.__name__
            and kind is not events.Welcome
        ):
            yield kind


def example(kind: type[Any], text: str, chance: random.Random) -> Any:
    """An instance whose texts are this one, where any text can be."""
    given = {}
    for field in fields(kind):
        if field.name != "id" and (field.required or chance.random() < 0.7):
            given[field.name] = _value(field, field.type, text, chance)
    return kind(**given)


def _value(field: FieldInfo, kind: Any, text: str, chance: random.Random) -> Any:
    kind = _one_of(kind, chance)
    if kind is str:
        return NAMED.get(field.name, text)
    if kind is Any:
        return {"text": text, "numbers": [1, 2.5, None]}
    if kind is bool:
        return chance.random() < 0.5
    if kind is int:
        return chance.choice([1, 2, 1_600_000_000_000])
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return example(kind, text, chance)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple:
        return tuple(_value(field, arguments[0], text, chance) for _ in range(2))
    if origin is dict:
        return {PLAIN: 1}
    if origin is Literal:
        return chance.choice(arguments)
    raise TypeError(f"what is an example of {kind}?")


def _one_of(kind: Any, chance: random.Random) -> Any:
    """A kind without bounds; one of several."""
    while get_origin(kind) in (Annotated, Union, UnionType):
        arguments = get_args(kind)
        if get_origin(kind) is Annotated:
            kind = arguments[0]
        else:
            kind = chance.choice([one for one in arguments if one not in LEFT_OUT])
    return kind
