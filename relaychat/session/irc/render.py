"""What happened, as lines of IRC. Nothing here knows a session (H21)."""

from __future__ import annotations

from collections.abc import Sequence

from relaychat.model import events
from relaychat.model.events import Said
from relaychat.model.names import HOST, identity
from relaychat.model.policy import Policy, RoleName
from relaychat.model.words import Word
from relaychat.session.dialect import Dialect
from relaychat.session.table import render
from relaychat.wire.irc import LINE_BYTES, message_lines

MODES: dict[str, str] = {
    "invite_only": "i",
    "moderated": "m",
    "members_only": "n",
    "secret": "s",
    "topic_locked": "t",
}
"""Fields of a policy that are letters without a parameter (H25)."""
RANKS: dict[RoleName, str] = {"member": "", "voice": "v", "operator": "o", "owner": "o"}
PREFIXES: dict[RoleName, str] = {
    "member": "",
    "voice": "+",
    "operator": "@",
    "owner": "@",
}


def letters_of(policy: Policy) -> str:
    """A room's modes with their parameters, as 324 has them; the key is not shown."""
    letters = "".join([MODES[field] for field in MODES if getattr(policy, field)])
    if policy.key:
        letters += "k"
    if policy.limit:
        letters += "l"
    parameters = [*["*"] * bool(policy.key), *[str(policy.limit)] * bool(policy.limit)]
    return " ".join([f"+{letters}", *parameters])


class IrcEvents(Dialect):
    """The renderers of the IRC dialect."""

    echo = False
    acks = False

    def rendered(self, events: Sequence[Word]) -> list[bytes]:
        """``render`` of each; in short for messages of one sender to one place."""
        frames: list[bytes] = []
        last: Said | None = None
        head = ""
        for event in events:
            if type(event) is not Said or event.kind != "text":
                frames.append(self.render(event))
                continue
            if (
                last is None
                or event.sender is not last.sender
                or event.to is not last.to
                or event.room is not last.room
                or event.account is not last.account
            ):
                last = event
                source = identity(event.sender, event.account)
                head = f":{source} PRIVMSG {event.to or event.room} :"
            text = event.text
            line = f"{head}{text}\r\n".encode()
            if len(line) > LINE_BYTES or not text or "\n" in text:
                line = self.said(event)
            frames.append(line)
        return frames

    @render(events.Said)
    def said(self, event: events.Said) -> bytes:
        """PRIVMSG or NOTICE; as many lines as the text needs, nothing is cut."""
        text = event.text
        source = identity(event.sender, event.account)
        target = event.to or event.room
        if event.kind == "text":
            line = f":{source} PRIVMSG {target} :{text}\r\n".encode()
            if len(line) <= LINE_BYTES and text and "\n" not in text:
                return line
        return message_lines(source, target, text, event.kind)

    @render(events.Edited)
    def edited(self, event: events.Edited) -> bytes | None:
        """An edit is told as a message that says so. In a direct room it is not: the
        event does not say to whom, and IRC has nothing to name the room by."""
        if event.redacted or event.room.startswith("@"):
            return None
        source = identity(event.sender, event.account)
        return message_lines(source, event.room, f"* {event.text}", "text")

    @render(events.Gap)
    def gap(self, event: events.Gap) -> str | None:
        """Messages that can't be had any more are not passed over in silence."""
        if event.room.startswith("@"):
            return None
        return (
            f":{HOST} NOTICE {event.room} :Messages {event.first} to {event.last} "
            "can't be shown any more"
        )

    @render(events.Withheld)
    def withheld(self, event: events.Withheld) -> str | None:
        """Nor are those that one may not read, such as what was said while one read too
        slowly, and left."""
        if event.room.startswith("@"):
            return None
        return (
            f":{HOST} NOTICE {event.room} :Messages {event.first} to {event.last} "
            "are not for you to read"
        )

    @render(events.Joined)
    def joined(self, event: events.Joined) -> list[str]:
        """JOIN, and the role that came with it, but for the first, who sees it in the
        names."""
        lines = [f":{identity(event.sender, event.account)} JOIN {event.room}"]
        rank = RANKS[event.role]
        if rank and event.seq > 1:
            lines.append(f":{HOST} MODE {event.room} +{rank} {event.sender}")
        return lines

    @render(events.Left)
    def left(self, event: events.Left) -> str:
        """PART; from the log, where each room tells it by itself, a quit is one too."""
        reason = f" :{event.reason}" if event.reason else ""
        return f":{identity(event.sender, event.account)} PART {event.room}{reason}"

    @render(events.Kicked)
    def kicked(self, event: events.Kicked) -> str:
        """KICK; without a reason, the kicker's nick is the comment."""
        source = identity(event.sender, event.account)
        return (
            f":{source} KICK {event.room} {event.nick} :{event.reason or event.sender}"
        )

    @render(events.TopicSet)
    def topic_set(self, event: events.TopicSet) -> str:
        """TOPIC."""
        source = identity(event.sender, event.account)
        return f":{source} TOPIC {event.room} :{event.text}"

    @render(events.RoleSet)
    def role_set(self, event: events.RoleSet) -> str | None:
        """MODE with the letters that a change of role comes to."""
        old, new = RANKS[event.was], RANKS[event.role]
        if old == new:
            return None
        letters = (f"-{old}" if old else "") + (f"+{new}" if new else "")
        nicks = " ".join([event.nick] * (bool(old) + bool(new)))
        source = identity(event.sender, event.account)
        return f":{source} MODE {event.room} {letters} {nicks}"

    @render(events.PolicySet)
    def policy_set(self, event: events.PolicySet) -> str | None:
        """MODE with the letters of the fields that changed; the key itself is
        not told."""
        on, off, parameters = "", "", ""
        for field, letter in MODES.items():
            value = getattr(event.policy, field)
            if value is True:
                on += letter
            elif value is False:
                off += letter
        if isinstance(event.policy.key, str):
            on, off = (on + "k", off) if event.keyed else (on, off + "k")
            parameters += " *"
        if isinstance(event.policy.limit, int):
            if event.policy.limit:
                on += "l"
                parameters += f" {event.policy.limit}"
            else:
                off += "l"
        letters = (f"-{off}" if off else "") + (f"+{on}" if on else "")
        if not letters:
            return None
        source = identity(event.sender, event.account)
        return f":{source} MODE {event.room} {letters}{parameters}"

    @render(events.BanSet)
    def ban_set(self, event: events.BanSet) -> str:
        """MODE +b, -b, +e or -e."""
        sign, letter = "-" if event.removed else "+", "e" if event.exception else "b"
        source = identity(event.sender, event.account)
        return f":{source} MODE {event.room} {sign}{letter} {event.mask}"

    @render(events.UserQuit)
    def user_quit(self, event: events.UserQuit) -> str:
        """QUIT, once for all rooms."""
        return f":{identity(event.nick, event.account)} QUIT :{event.reason or 'Quit'}"

    @render(events.UserRenamed)
    def user_renamed(self, event: events.UserRenamed) -> str:
        """NICK, once for all rooms."""
        return f":{identity(event.nick, event.account)} NICK {event.to}"

    @render(events.Renamed)
    def renamed(self, event: events.Renamed) -> str:
        """NICK, from the log."""
        return f":{identity(event.sender, event.account)} NICK {event.nick}"
