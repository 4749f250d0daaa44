"""Checks of what a dialect makes of what it is sent."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Sequence
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from relaychat.model.commands import Say
from relaychat.session.session import Session
from relaychat.session.states import State
from relaychat.testing.conforming.material import pieces
from relaychat.testing.conforming.trial import ROOM, Failed, Trial
from relaychat.testing.relay import Speaker

STREAMS = 24
FRAMES = 12
SEGMENTS = 4000
"""Of a stream at most: single bytes, but where frames are very long."""
ENDLESS_BYTES = 2 * 1024 * 1024
"""Of a frame that never ends."""
HELD_BYTES = 512 * 1024
"""What a session may hold of it at most: a frame of 64 KiB and its copies."""
SHOWN_BYTES = 60
SHARED = (type, ModuleType, FunctionType, MethodType, BuiltinFunctionType)
"""What is no session's own."""


def fuzz(trial: Trial) -> str:
    """The same bytes, in one segment, in pieces and one by one, are answered alike, and
    nothing that a peer sends is a bug, or keeps others from speaking."""
    for _ in range(STREAMS):
        data = trial.material.stream(FRAMES)
        step = 1 + len(data) // SEGMENTS
        small = [data[at : at + step] for at in range(0, len(data), step)]
        ways = ([data], pieces(data, trial.chance), small)
        for entered in (False, True):
            _answers(trial, ways[1], entered, lingering=True)
            whole, *others = [_answers(trial, way, entered) for way in ways]
            for other, size in zip(others, ("pieces", "bytes"), strict=True):
                if other != whole:
                    raise Failed(f"{_differ(whole, other)} in {size}; {_shown(data)}")
    return f"{STREAMS} streams of {FRAMES} frames, before and after hello"


def _answers(
    trial: Trial, way: Sequence[bytes], entered: bool, lingering: bool = False
) -> bytes:
    """What a peer is sent that says this, and the words of others. ``lingering``: each
    piece is answered before the next one comes; else they come too fast for that, so
    that how they are cut makes no difference to what they do."""
    trial.fresh()
    bob, bob_wire = trial.native("bob", ROOM)
    ann, wire = trial.enter("ann", ROOM) if entered else trial.open()
    for piece in way:
        ann.session.receive(piece)
        if lingering:
            trial.relay.run()
    trial.relay.run()
    bob_wire.clear()
    bob.say(Say(ROOM, "still here"))
    if b"still here" not in bob_wire.value():
        raise Failed(f"nobody else can speak after {_shown(b''.join(way))}")
    ann.connectionLost()
    trial.relay.world.advance(3600)
    trial.sound()
    return wire.value() + (b"(hung up on)" if wire.closed else b"")


def _differ(one: bytes, other: bytes) -> str:
    """Where two answers part."""
    at = next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    at = max(0, at - 20)
    return f"answered {_shown(one[at:])} in one segment, {_shown(other[at:])}"


def _shown(data: bytes) -> str:
    short = data if len(data) <= SHOWN_BYTES else data[:SHOWN_BYTES] + b"..."
    return repr(short)


def hello(trial: Trial) -> str:
    """Before hello nothing reaches a room: every verb alone, then frames by chance."""
    rows = [*trial.dialect.verbs.values()] * 4
    firsts = [trial.material.row(row) + b"\n" for row in rows]
    firsts += [trial.material.frame() for _ in range(STREAMS)]
    for first in firsts:
        trial.fresh()
        ann, _ = trial.open()
        ann.dataReceived(first)
        newcomer = ann.session.state in (State.NEW, State.CLOSED)
        if newcomer and trial.relay.hub.state.rooms:
            raise Failed(f"{_shown(first)} made a room before hello")
        trial.sound()
    return f"{len(firsts)} first words"


def limits(trial: Trial) -> str:
    """Of a frame that never ends little is held, whatever it begins with."""
    beginnings = [b"", b"\xff" * 64, b"\x7f" * 64, b"9" * 64, *trial.learned[:4]]
    for beginning in beginnings:
        trial.fresh()
        ann, wire = trial.enter("ann", ROOM)
        held = _held(ann, beginning)
        if held > HELD_BYTES and not wire.closed:
            raise Failed(
                f"holds {held // 1024} KiB of a frame that begins with"
                f" {_shown(beginning)} and never ends: the framer has no limit"
            )
        trial.sound()
    return f"{len(beginnings)} frames of {ENDLESS_BYTES >> 20} MiB"


def _held(ann: Speaker, beginning: bytes) -> int:
    """Bytes that are held after a frame that never ends was sent."""
    receive = ann.dataReceived
    receive(beginning[:-1])
    block = b"z" * 65536
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(ENDLESS_BYTES // len(block)):
            receive(block)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before


def memory(trial: Trial) -> str:
    """Bad frames, ever so many, leave nothing behind in a session."""
    sizes = []
    ann, wire = trial.enter("ann", ROOM)
    for _ in range(3):
        for _ in range(200):
            if wire.closed:
                ann, wire = trial.enter("ann", ROOM)
            ann.dataReceived(trial.material.frame())
            wire.clear()
        sizes.append(_size(ann.session))
    if sizes[2] - sizes[1] > HELD_BYTES // 8:
        raise Failed(
            f"what is kept of a session grows: {sizes} bytes, by 200 frames each"
        )
    trial.sound()
    return "600 frames"


def _size(session: Session) -> int:
    """Bytes of what the dialect keeps of a session, its framer's included."""
    waiting: list[Any] = [vars(session.speech), session._framer]
    seen = {id(session)}
    size = 0
    while waiting:
        one = waiting.pop()
        if id(one) not in seen and not isinstance(one, SHARED):
            seen.add(id(one))
            size += sys.getsizeof(one)
            waiting += gc.get_referents(one)
    return size


def usage(trial: Trial) -> str:
    """HELP shows the table, and a wrong count of arguments is answered with its
    row."""
    rows = [] if not trial.dialect.text else list(trial.dialect.verbs.values())
    for row in rows:
        if not row.syntax.required:
            continue
        trial.fresh()
        ann, wire = trial.enter("ann", ROOM)
        wire.clear()
        ann.dataReceived(f"{row.syntax.word}\n".encode())
        trial.sound()
        if not wire.value():
            raise Failed(f"{row.syntax.word} without its arguments is not answered")
    bare = [row.syntax.word for row in rows if not row.about]
    told = f"; without a line in HELP: {', '.join(bare)}" if bare else ""
    return f"{len(rows)} verbs{told}"
