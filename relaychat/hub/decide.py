"""Which decision answers which word. Each is pure but for what its turn takes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from relaychat.hub import doors, facts, people, queries, rule, speech
from relaychat.hub.peer import Peer
from relaychat.hub.turn import Turn
from relaychat.model import admission, commands

Decide = Callable[[Turn, Peer, Any], None]

COMMANDS: dict[type[commands.Command], Decide] = {
    admission.Enter: people.enter,
    admission.Reflect: queries.reflect,
    commands.AddAccount: queries.not_here,
    commands.Ban: rule.ban,
    commands.Bye: people.bye,
    commands.Claim: people.claim,
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
    commands.Rename: people.rename,
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

FACTS: dict[type[facts.Fact], Callable[[Turn, Any], None]] = {
    facts.Closing: people.closing,
    facts.Drained: queries.drained,
    facts.Expired: people.expired,
    facts.Lost: people.lost,
    facts.ReadOn: queries.read_on,
    facts.Ready: queries.ready,
    facts.Restarted: people.restarted,
    facts.Retry: queries.retry,
}
