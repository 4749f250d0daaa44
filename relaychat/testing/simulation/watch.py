"""What must hold inside a hub at any time, beside what its clients see.

A turn that is taken back leaves no trace: then the state equals a deep snapshot of what
it was before. And what is durable of the state is what another hub would find in the
store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from relaychat.hub.house import House
from relaychat.hub.hub import Hub
from relaychat.hub.records import KINDS, load
from relaychat.hub.state import State
from relaychat.hub.turn import Turn
from relaychat.net.shell import Connection
from relaychat.session.session import Session
from relaychat.session.states import State as SessionState
from relaychat.store.ledger import Ledger
from relaychat.testing.snapshot import contradictions, durable, snapshot

Report = Callable[[str], None]

ASIDE_BYTES = 512
"""What a session tells beside the hub: signs of life, answers of its own."""


def difference(before: Any, after: Any, place: str = "") -> str:
    """Which things differ, and how; of two snapshots."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return f"{place}: {before} -> {after}"
    return "; ".join(
        difference(before.get(name), after.get(name), f"{place}.{name}".strip("."))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    )


def without_newcomers(before: Any, after: Any) -> Any:
    """What was there before. Connections are opened at any time; until they say hello,
    nobody knows of them."""
    new = {name for name in after if name not in before and _is_nobody(after[name])}
    kept = {name: thing for name, thing in after.items() if name not in new}
    for name, thing in kept.items():
        if "last_session" in thing:
            peers = {
                peer: one for peer, one in thing["peers"].items() if peer not in new
            }
            last = before[name]["last_session"]
            kept[name] = {**thing, "peers": peers, "last_session": last}
    return kept


def _is_nobody(thing: Any) -> bool:
    return thing.get("user", "somebody") is None and not thing.get("control")


def watched(
    wanted: Callable[[], bool], report: Report, taken_back: Callable[[], None]
) -> type[Turn]:
    """Turns that make sure of it when they are taken back. A snapshot is slow: it is
    made where ``wanted`` says so when a turn begins."""

    class WatchedTurn(Turn):
        """A turn that remembers how all was."""

        def __init__(self, house: House, state: State, refusing: bool = False) -> None:
            super().__init__(house, state, refusing)
            self.before = snapshot(state) if wanted() else None

        def roll_back(self) -> None:
            """Nothing may be left of it."""
            super().roll_back()
            taken_back()
            if self.before is not None:
                after = without_newcomers(self.before, snapshot(self.state))
                if after != self.before:
                    changed = difference(self.before, after)
                    report(f"a turn that was taken back left traces: {changed}")

    return WatchedTurn


def audit(hub: Hub, ledger: Ledger, full_bytes: int) -> Iterator[str]:
    """What is wrong with a hub that is idle. A reader is live only while no more than
    ``full_bytes`` are held for it."""
    for found in contradictions(hub.state):
        yield f"the state contradicts itself: {found}"
    kept = durable(load(ledger.snapshot(KINDS)))
    here = durable(hub.state)
    if kept != here:
        yield f"the log has another state than the hub: {difference(kept, here)}"
    for peer in hub.state.peers:
        if isinstance(peer, Session):
            yield from _unsound(peer, full_bytes)


def _unsound(session: Session, full_bytes: int) -> Iterator[str]:
    """What the hub overlooks of a session."""
    if session.state is SessionState.CLOSED:
        yield f"session {session.number} is over, and not gone"
    link = session.link
    live = session.user is not None and session.behind is None
    if live and isinstance(link, Connection):
        held = link.outlet.held_bytes
        if held > full_bytes + ASIDE_BYTES:
            yield f"session {session.number} is live with {held} bytes held for it"
