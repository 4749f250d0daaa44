"""Which decision answers which word, and a turn's decisions one after the other (H2).

Each is pure but for what its turn takes back. What they raise becomes an answer here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from relaychat.hub import (
    doors,
    erasure,
    facts,
    logins,
    nicks,
    people,
    queries,
    rule,
    speech,
)
from relaychat.hub.draft import Need, Settled
from relaychat.hub.lookup import settle
from relaychat.hub.peer import Peer
from relaychat.hub.turn import Turn
from relaychat.model import admission, commands
from relaychat.model.errors import Internal, RelayError, Unavailable
from relaychat.model.events import Fault
from relaychat.store.api import STRETCH_ENTRIES, First

Decide = Callable[[Turn, Peer, Any], None]

COMMANDS: dict[type[commands.Command], Decide] = {
    admission.Enter: people.enter,
    admission.Reflect: queries.reflect,
    commands.Ban: rule.ban,
    commands.Bye: people.bye,
    commands.Claim: nicks.claim,
    commands.Custom: speech.custom,
    commands.Edit: speech.edit,
    commands.History: queries.history,
    commands.Invite: doors.invite,
    commands.Join: doors.join,
    commands.Kick: doors.kick,
    commands.ListMembers: queries.list_members,
    commands.ListRooms: queries.list_rooms,
    commands.ListSessions: queries.list_sessions,
    commands.Mark: speech.mark,
    commands.Part: doors.part,
    commands.Ping: queries.ping,
    commands.Pong: queries.pong,
    commands.React: speech.react,
    commands.Redact: speech.redact,
    commands.Rename: nicks.rename,
    commands.Resume: queries.resume,
    commands.Say: speech.say,
    commands.SetAway: people.away,
    commands.SetPolicy: rule.policy,
    commands.SetRole: rule.role,
    commands.SetTopic: rule.topic,
    commands.Show: queries.show,
    commands.Status: queries.status,
    commands.Stop: queries.stop,
    commands.Type: speech.typing,
    commands.Who: queries.who,
}

DURABLE = frozenset(
    {
        commands.Ban, commands.Edit, commands.Invite, commands.Join, commands.Kick,
        commands.Part, commands.React, commands.Redact, commands.SetPolicy,
        commands.SetRole, commands.SetTopic,
    }
)  # fmt: skip
"""What is not even tried while the store keeps nothing (H3)."""

FACTS: dict[type[facts.Fact], Callable[[Turn, Any], None]] = {
    facts.Blanking: erasure.blanking,
    facts.Closing: people.closing,
    facts.Drained: queries.drained,
    facts.Erased: erasure.erased,
    facts.Expired: people.expired,
    facts.Lost: people.lost,
    facts.ReadOn: queries.read_on,
    facts.Ready: queries.ready,
    facts.Restarted: people.restarted,
    facts.Retry: queries.retry,
    facts.Revoked: logins.revoked,
    facts.Surveyed: queries.surveyed,
}

Item = tuple[Peer | None, Any]
"""A session with its command, or nobody with a fact."""
Known = dict[int, RelayError | First | None]
"""What is settled about items of a turn that is decided again: the refusal, where its
cid was used first, or None to leave it out."""


NONE = -1
"""Index of no item: to know about it is to decide each by itself."""


class Again(Exception):
    """The turn is to be taken back and decided again, with this known about
    one item."""

    def __init__(self, index: int, settled: RelayError | None) -> None:
        super().__init__(index)
        self.index = index
        self.settled = settled


class Cut(Exception):
    """The turn ends before this item, which needs a read of the store first."""

    def __init__(self, index: int, need: Need, touched: bool) -> None:
        super().__init__(index)
        self.index = index
        self.need = need
        self.touched = touched


def decide(
    turn: Turn,
    items: list[Item],
    known: Known,
    held: list[Item],
    report: Callable[[str], None],
) -> None:
    """Decide each item on the state after those before it. Facts that can't be kept now
    are put into ``held``: they wait for the next turn (H3).

    Raises Again, Cut.
    """
    undo, dirty = turn.undo, turn.dirty
    plain = not known and not turn.refusing
    index, end = 0, len(items)
    while index < end:
        peer, item = items[index]
        turn.index = index
        undone, told, touched = len(undo), turn.ordinal, len(dirty)
        run = 1
        try:
            if peer is not None and plain and type(item) is commands.Say:
                run = _say(turn, peer, items, index)
            elif known and index in known:
                _decided(turn, peer, item, known[index])
            elif peer is not None:
                _command(turn, peer, item)
            elif held and turn.refusing and _durable(item):
                held.append((None, item))  # They keep their order.
            else:
                FACTS[type(item)](turn, item)
        except Settled as first:
            turn.answer(first.peer, item, first.result)
            _go_on(turn, first.peer, item)
        except RelayError as error:
            if turn.touched(undone, told, touched):
                raise Again(index, error) from error
            if peer is None:
                held.append((None, item))
            else:
                _refuse(turn, peer, item, error)
        except Need as need:
            touched = turn.touched(undone, told, touched)
            raise Cut(index, need, touched) from need
        except Exception:
            raise _failed(index, peer, item, plain, report) from None
        index += run


def _failed(
    index: int,
    peer: Peer | None,
    item: Any,
    plain: bool,
    report: Callable[[str], None],
) -> Again:
    """What comes of a bug: its command is refused, its fact left out."""
    if plain and type(item) is commands.Say:
        return Again(NONE, None)  # Decided each by itself, they show whose it is.
    report(f"deciding {type(item).__name__} failed")
    return Again(index, Internal() if peer else None)


def _say(turn: Turn, peer: Peer, items: list[Item], index: int) -> int:
    """Messages that follow one another from one session to one place are decided in one
    go, unless a hook is to be asked of each, or one that was refused is waited for
    (H5). Says how many it took."""
    if peer.gone or peer.cut:
        return 1
    first: commands.Say = items[index][1]
    if peer.refused_cid or turn.house.hooks.before_say:
        _command(turn, peer, first)
        return 1
    said, room = [first], first.room
    for place in range(index + 1, min(len(items), index + STRETCH_ENTRIES)):
        other, item = items[place]
        if other is not peer or type(item) is not commands.Say or item.room != room:
            break
        said.append(item)
    return speech.say_on(turn, peer, said)


def _command(turn: Turn, peer: Peer, command: commands.Command) -> None:
    if peer.gone or peer.cut:
        return
    if turn.refusing and type(command) in DURABLE:
        raise Unavailable
    COMMANDS[type(command)](turn, peer, command)
    if peer.refused_cid:
        _go_on(turn, peer, command)


def _durable(fact: facts.Fact) -> bool:
    """Whether something may have to be kept of it."""
    if isinstance(fact, facts.Lost):
        return fact.peer.user is not None and bool(fact.peer.user.rooms)
    return isinstance(fact, facts.Expired | facts.Restarted)


def _decided(
    turn: Turn, peer: Peer | None, item: Any, settled: RelayError | First | None
) -> None:
    if isinstance(settled, RelayError):
        raise settled
    if peer is not None and settled is not None:
        settle(turn, peer, item, settled)


def _refuse(
    turn: Turn, peer: Peer, command: commands.Command, error: RelayError
) -> None:
    turn.answer(peer, command, fault(error, command))
    if isinstance(error, Unavailable):
        _go_back(turn, peer, command)
    else:
        _go_on(turn, peer, command)


def fault(error: RelayError, command: commands.Command) -> Fault:
    """How an error is told to whoever asked."""
    cid = getattr(command, "cid", None)
    asked = command.hello if isinstance(command, admission.Enter) else command
    tag = str(type(asked).__struct_config__.tag)
    return Fault(
        error.code, error.text, error.about, tag, cid, error.retry, id=command.id
    )


def _go_back(turn: Turn, peer: Peer, command: commands.Command) -> None:
    """From the first refused cid on, nothing is taken until it is resent (H5)."""
    cid = getattr(command, "cid", None)
    if cid is not None and not 0 < peer.refused_cid <= cid:
        turn.set(peer, "refused_cid", cid)


def _go_on(turn: Turn, peer: Peer, command: commands.Command) -> None:
    """It has been resent, and is settled now."""
    if peer.refused_cid and getattr(command, "cid", None) == peer.refused_cid:
        turn.set(peer, "refused_cid", 0)
