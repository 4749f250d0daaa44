"""A small IRC dialect: enough for clients, bots and load generators to live in rooms.

RFC 2812 and Modern IRC; what is offered is announced truly in 004 and 005.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from relaychat.model import commands, events
from relaychat.model.commands import Command
from relaychat.model.errors import TooLong
from relaychat.model.names import NICK_LIMIT, ROOM_LIMIT, fold, identity
from relaychat.model.words import Word
from relaychat.session.dialect import Asked, Shown
from relaychat.session.irc.numerics import error_line, safe
from relaychat.session.irc.render import PREFIXES, IrcEvents, letters_of
from relaychat.session.link import Framer
from relaychat.session.table import render, verb
from relaychat.wire.framing import LineFramer
from relaychat.wire.irc import LINE_BYTES, parse, split

BODY_BYTES = LINE_BYTES - 2
"""A line without its end and its tags."""
TAG_BYTES = 4096
"""The tags that a client sends, ``@`` and space included."""
TARGETS = 4
"""Targets of one PRIVMSG or NOTICE."""

_plain_message = re.compile(r"PRIVMSG ([^ :,][^ ,]*) :([^\x01].*)", re.DOTALL).fullmatch
"""Nearly all that is ever said: to one target, and no CTCP."""


class Irc(IrcEvents):
    """One IRC client. ``USER`` and ``NICK`` together are its hello."""

    name = "irc"
    alpn = ("irc",)
    line_limit = BODY_BYTES + TAG_BYTES
    whole_lists = True
    _nick = ""
    _known = ""
    _refused = ""
    _user = False
    _password: str | None = None
    _negotiating = False
    _reason_bytes = 300
    _topic_bytes = 390

    _prefix = "\n"
    """What its last message began with, up to the text: mostly the next one as well."""
    _target = ""
    """Where that went."""

    # -- lines ----------------------------------------------------------------

    def framer(self) -> Framer:
        """See ``Dialect.framer``."""
        self._lines = LineFramer(self.line_limit)
        return self._lines

    def plain_messages(self, data: bytes) -> list[commands.Say] | None:
        """See ``Dialect.plain_messages``: whole lines, none of them CTCP."""
        if not self._lines.between or data[-2:] != b"\r\n":
            return None
        try:
            lines = data.decode().split("\r\n")
        except UnicodeDecodeError:
            return None
        lines.pop()
        if data.count(b"\n") != len(lines):
            return None
        if len(data) > BODY_BYTES and (
            not data.isascii() or max(map(len, lines)) > BODY_BYTES
        ):
            return None
        prefix, target = self._prefix, self._target
        said: list[commands.Say] = []
        for line in lines:
            if not line.startswith(prefix):
                message = _plain_message(line)
                if message is None:
                    return None
                target = message[1] if message[1][0] == "#" else f"@{message[1]}"
                prefix = line[: message.start(2)]
                self._prefix, self._target = prefix, target
            text = line[len(prefix) :]
            if not text or text[0] == "\x01":
                return None
            said.append(commands.Say(target, text))
        return said

    def decode(self, frame: bytes) -> Sequence[Word]:
        """The commands of a line."""
        if len(frame) > BODY_BYTES:
            _check_length(frame)
        try:
            line = frame.decode()
        except UnicodeDecodeError:
            return self.words(self._not_utf8(frame))
        message = _plain_message(line)
        if message is not None:
            target, text = message.groups()
            return (commands.Say(target if target[0] == "#" else f"@{target}", text),)
        word, parameters = parse(line)
        if not word:
            return ()
        row = self.row(word)
        return self.run(row, row.syntax.bind(parameters))

    def _not_utf8(self, frame: bytes) -> str:
        word = parse(frame.decode("utf-8", "replace"))[0].upper()
        command = word if word in self.verbs else "*"
        return (
            f":{self._server} FAIL {command} INVALID_UTF8 :This relay takes UTF-8 only"
        )

    @property
    def _server(self) -> str:
        return self.session.server

    def _me(self) -> str:
        # Who has quit is told the rest of the turn by the name that it had.
        self._known = self.session.name or self._known
        return self._known or "*"

    def _numeric(self, number: str, rest: str, me: str = "") -> str:
        return f":{self._server} {number} {me or self._me()} {rest}"

    # -- registration ---------------------------------------------------------

    @verb("PASS <password...>", early=True)
    def password(self, password: str) -> Asked:
        """The account's password, before NICK and USER."""
        if self.session.ready:
            return self._numeric("462", ":You may not reregister")
        self._password = password
        return None

    @verb("CAP <subcommand> [<names...>]", early=True)
    def cap(self, subcommand: str, names: str = "") -> Asked:
        """Capabilities: none are offered yet."""
        if subcommand.upper() == "END":
            self._negotiating = False
            return self._hello()
        if not self.session.ready and subcommand.upper() in ("LS", "REQ"):
            self._negotiating = True
        me, what = self._me(), subcommand.upper()
        if what in ("LS", "LIST"):
            return f":{self._server} CAP {me} {what} :"
        if what == "REQ":
            return f":{self._server} CAP {me} NAK :{names.removeprefix(':')}"
        return self._numeric("410", f"{safe(subcommand)} :Invalid CAP command")

    @verb("NICK [<nick>]", early=True)
    def nick(self, nick: str = "") -> Asked:
        """Take a nick."""
        if not nick:
            return self._numeric("431", ":No nickname given")
        if self.session.ready:
            return commands.Rename(nick)
        self._nick, self._refused = nick, ""
        # With a password it may be one's own nick, in use by another of one's sessions.
        asked: list[Command] = [] if self._password else [commands.Claim(nick)]
        hello = self._hello()
        return [*asked, hello] if hello is not None else asked

    @verb("USER <user> <mode> <unused> <realname>", early=True)
    def user(self, user: str, mode: str, unused: str, realname: str) -> Asked:
        """Say who one is."""
        if self.session.ready:
            return self._numeric("462", ":You may not reregister")
        if not realname:
            return self._numeric("461", "USER :Not enough parameters")
        self._user = True
        return self._hello()

    def _hello(self) -> Command | None:
        if self.session.ready or self._negotiating or not (self._user and self._nick):
            return None
        return commands.Hello(self._nick, self._password, client="irc")

    @verb("PING [<token>]", early=True)
    def ping(self, token: str = "") -> Asked:
        """Ask for a PONG with the same token."""
        if not token:
            return self._numeric("409", ":No origin specified")
        return commands.Ping(_cut(token, 400))

    @verb("PONG [<token>] [<more>]", early=True)
    def pong(self, token: str = "", more: str = "") -> Asked:
        """The answer to the server's PING."""
        return commands.Pong()

    @verb("QUIT [<reason>]", early=True)
    def quit(self, reason: str = "") -> Asked:
        """Leave."""
        return commands.Bye(_cut(reason, self._reason_bytes))

    # -- rooms ----------------------------------------------------------------

    @verb("JOIN <rooms> [<keys>]")
    def join(self, rooms: str, keys: str = "") -> Asked:
        """Enter rooms."""
        wanted = zip_longest(rooms.split(","), keys.split(","), fillvalue="")
        return [commands.Join(name, key) for name, key in wanted if name]

    @verb("PART <rooms> [<reason>]")
    def part(self, rooms: str, reason: str = "") -> Asked:
        """Leave rooms."""
        reason = _cut(reason, self._reason_bytes)
        return [commands.Part(name, reason) for name in rooms.split(",") if name]

    @verb("TOPIC <room> [<text>]")
    def topic(self, room: str, text: str | None = None) -> Asked:
        """Show or set a topic."""
        if text is not None:
            return commands.SetTopic(room, _cut(text, self._topic_bytes))
        return commands.Show(room, id="topic")

    @verb("NAMES [<room>]")
    def names(self, room: str = "") -> Asked:
        """Show who is in a room."""
        if not room:
            return self._numeric("366", "* :End of /NAMES list")
        return commands.Show(room, id="names")

    @verb("MODE <target> [<changes...>]")
    def mode(self, target: str, changes: str = "") -> Asked:
        """Show modes."""
        if not target.startswith("#"):
            if fold(target) != fold(self._me()):
                return self._numeric("502", ":Can't change mode for other users")
            return self._numeric("221", "+")
        if changes:
            if changes.lstrip("+") in ("b", "e"):
                return self._numeric("368", f"{safe(target)} :End of channel ban list")
            letter = safe(changes).lstrip("+-")[:1] or "*"
            return self._numeric("472", f"{letter} :is unknown mode char to me")
        return commands.Show(target, id="mode")

    @verb("WHO [<mask>] [<fields>]")
    def who(self, mask: str = "*", fields: str = "") -> Asked:
        """Nothing yet but the end of the list."""
        return self._numeric("315", f"{safe(mask)} :End of /WHO list")

    # -- messages -------------------------------------------------------------

    @verb("PRIVMSG [<targets>] [<text>]")
    def privmsg(self, targets: str = "", text: str = "") -> Asked:
        """Say something to rooms or people."""
        return self._say(targets, text, "text")

    @verb("NOTICE [<targets>] [<text>]")
    def notice(self, targets: str = "", text: str = "") -> Asked:
        """Say something that no program answers."""
        asked = self._say(targets, text, "notice")
        return asked if isinstance(asked, list) else None

    def _say(self, targets: str, text: str, kind: commands.Kind) -> Asked:
        names = [name for name in targets.split(",") if name]
        if not names:
            return self._numeric("411", ":No recipient given (PRIVMSG)")
        if not text:
            return self._numeric("412", ":No text to send")
        if len(names) > TARGETS:
            return self._numeric("407", f"{safe(targets)} :Too many targets")
        if text.startswith("\1ACTION ") and kind == "text":
            kind, text = "action", text[8:].rstrip("\1")
        return [
            commands.Say(name if name.startswith("#") else f"@{name}", text, kind)
            for name in names
        ]

    # -- answers --------------------------------------------------------------

    def outcome(self, command: Command, result: Word) -> Shown:
        """What answers a command: its replies, or a numeric for its error."""
        if isinstance(result, events.Fault):
            return self._fault(command, result)
        if isinstance(result, events.RoomShown):
            return None if result.again else self._shown_for(command.id, result)
        return self.encode(result)

    def _shown_for(self, asked: object, shown: events.RoomShown) -> list[str]:
        if asked == "topic":
            none = self._numeric("331", f"{shown.room} :No topic is set")
            return self._topic(shown) or [none]
        if asked == "mode":
            return [
                self._numeric("324", f"{shown.room} {letters_of(shown.policy)}"),
                self._numeric("329", f"{shown.room} {shown.created // 1000}"),
            ]
        return self._shown(shown) if asked != "names" else self._members(shown)

    def _fault(self, command: Command, fault: events.Fault) -> Shown:
        if isinstance(command, commands.Say) and command.kind == "notice":
            return None
        if isinstance(command, commands.Show) and command.id == "names":
            return self._numeric("366", f"{safe(command.room)} :End of /NAMES list")
        if isinstance(command, commands.Claim):
            self._refused, self._nick = self._nick, ""
        elif fault.command in ("hello", "enter"):
            # Its claim was refused just before, in the same words.
            if self._refused:
                return None
            if fault.code in ("nick_in_use", "bad_name", "too_long"):
                self._nick = ""
        return error_line(self._server, self._me(), fault)

    @render(events.Fault)
    def fault_line(self, fault: events.Fault) -> str:
        """An error that belongs to no command."""
        return error_line(self._server, self._me(), fault)

    @render(events.Welcome)
    def welcome(self, welcome: events.Welcome) -> list[str]:
        """The burst: 001 to 005, then 422."""
        self._reason_bytes = welcome.limits["reason_bytes"]
        self._topic_bytes = welcome.limits["topic_bytes"]
        server, software = self._server, welcome.software
        # Another session may have renamed them since, which is told behind this.
        me = self._known = welcome.nick
        source = identity(me, welcome.account)
        return [
            self._numeric("001", f":Welcome to {server}, {source}", me),
            self._numeric("002", f":Your host is {server}, running {software}", me),
            self._numeric("003", ":This relay keeps what is said in its rooms"),
            self._numeric(
                "004", f"{server} {software.replace(' ', '-')} o beiklmnostv"
            ),
            self._numeric("005", f"{_tokens(welcome)} :are supported by this server"),
            self._numeric("422", ":There is no message of the day"),
        ]

    @render(events.RoomShown)
    def room_shown(self, shown: events.RoomShown) -> list[str] | None:
        """A room that this session finds itself in: as if it had just joined."""
        if shown.direct is not None:
            return None
        if shown.entered:
            return self._shown(shown)
        account = self.session.account
        return [
            f":{identity(self._me(), account)} JOIN {shown.room}",
            *self._shown(shown),
        ]

    def _shown(self, shown: events.RoomShown) -> list[str]:
        return [*self._topic(shown), *self._members(shown)]

    def _members(self, shown: events.RoomShown) -> list[str]:
        end = self._numeric("366", f"{shown.room} :End of /NAMES list")
        return [*self._names(shown), end]

    def _topic(self, shown: events.RoomShown) -> list[str]:
        if not shown.topic:
            return []
        return [
            self._numeric("332", f"{shown.room} :{shown.topic}"),
            self._numeric(
                "333", f"{shown.room} {shown.topic_by} {shown.topic_at // 1000}"
            ),
        ]

    def _names(self, shown: events.RoomShown) -> list[str]:
        symbol = "@" if shown.policy.secret else "="
        head = self._numeric("353", f"{symbol} {shown.room} :")
        room = BODY_BYTES - len(head.encode())
        lines: list[str] = []
        names: list[str] = []
        size = 0
        for member in shown.members:
            name = f"{PREFIXES[member.role]}{member.nick}"
            size += 1 + (len(name) if name.isascii() else len(name.encode()))
            if size > room and names:
                lines.append(head + " ".join(names))
                names, size = [], len(name.encode()) + 1
            names.append(name)
        return [*lines, head + " ".join(names)] if names else lines

    @render(events.Pinged)
    def pinged(self, event: events.Pinged) -> str:
        """PING."""
        return f"PING :{event.token}"

    @render(events.Ponged)
    def ponged(self, event: events.Ponged) -> str:
        """PONG."""
        return f":{self._server} PONG {self._server} :{event.token}"

    @render(events.Goodbye)
    def goodbye(self, event: events.Goodbye) -> str:
        """ERROR, before the connection closes."""
        return f"ERROR :{event.text}"

    @render(events.Invitation)
    def invitation(self, event: events.Invitation) -> str:
        """INVITE."""
        source = identity(event.sender, event.account)
        return f":{source} INVITE {self._me()} {event.room}"


def _tokens(welcome: events.Welcome) -> str:
    """What 005 announces: 13 tokens at most, each true."""
    return (
        f"CASEMAPPING=ascii CHANLIMIT=#:{welcome.limits['rooms_per_user']} "
        f"CHANMODES=be,k,l,imnst CHANNELLEN={ROOM_LIMIT} CHANTYPES=# EXCEPTS=e "
        f"KICKLEN={welcome.limits['reason_bytes']} NICKLEN={NICK_LIMIT} PREFIX=(ov)@+ "
        f"TARGMAX=PRIVMSG:{TARGETS},NOTICE:{TARGETS},JOIN:,PART:,NAMES:1 "
        f"TOPICLEN={welcome.limits['topic_bytes']} UTF8ONLY"
    )


def _cut(text: str, limit_bytes: int) -> str:
    """What of a topic or a reason is within TOPICLEN or KICKLEN."""
    return split(text.encode(), limit_bytes)[0].decode()


def _check_length(frame: bytes) -> None:
    """Raises TooLong for a line whose tags or whose rest are over their limit."""
    body = frame
    if frame.startswith(b"@"):
        tags, _, body = frame.partition(b" ")
        if len(tags) >= TAG_BYTES:
            raise TooLong
    if len(body) > BODY_BYTES:
        raise TooLong
