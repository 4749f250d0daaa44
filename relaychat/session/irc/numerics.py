"""IRC's numbers: one table from our error codes to numerics, and how a numeric is
written.

Sources: RFC 2812 section 5, Modern IRC "Numerics", IRCv3 standard replies for what has
no number.
"""

from __future__ import annotations

from typing import NamedTuple

from relaychat.model.events import Fault


class Numeric(NamedTuple):
    """An error reply: its number, what stands between nick and text, and the text."""

    number: str
    middle: str
    text: str


ABOUT, COMMAND, NOTHING = "about", "command", ""

ERRORS: dict[str, Numeric] = {
    "already_in_room": Numeric("443", ABOUT, "is already on channel"),
    "bad_key": Numeric("475", ABOUT, "Cannot join channel (+k)"),
    "bad_name": Numeric("403", ABOUT, "No such channel"),
    "bad_syntax": Numeric("461", ABOUT, "Not enough parameters"),
    "bad_text": Numeric("412", NOTHING, "No text that can be sent"),
    "banned": Numeric("474", ABOUT, "Cannot join channel (+b)"),
    "cannot_speak": Numeric("404", ABOUT, "Cannot send to channel"),
    "denied": Numeric("404", ABOUT, "Refused by this server's rules"),
    "forbidden": Numeric("482", ABOUT, "You're not channel operator"),
    "guests_not_allowed": Numeric("464", NOTHING, "An account is needed here"),
    "invite_only": Numeric("473", ABOUT, "Cannot join channel (+i)"),
    "login_failed": Numeric("464", NOTHING, "Password incorrect"),
    "nick_in_use": Numeric("433", ABOUT, "Nickname is already in use"),
    "no_such_room": Numeric("403", ABOUT, "No such channel"),
    "no_such_user": Numeric("401", ABOUT, "No such nick/channel"),
    "not_in_room": Numeric("442", ABOUT, "You're not on that channel"),
    "out_of_order": Numeric("451", NOTHING, "You have not registered"),
    "room_full": Numeric("471", ABOUT, "Cannot join channel (+l)"),
    "too_long": Numeric("417", NOTHING, "Input line was too long"),
    "unknown_command": Numeric("421", ABOUT, "Unknown command"),
    "user_not_in_room": Numeric("441", ABOUT, "They aren't on that channel"),
}
"""By error code. What is not here is told as a standard reply: FAIL."""

_ERRONEOUS = Numeric("432", ABOUT, "Erroneous nickname")
_NO_ROOM = ERRORS["no_such_room"]

SPECIAL: dict[tuple[str, str], Numeric] = {
    **{
        ("bad_name", about): _ERRONEOUS for about in ("claim", "enter", "hello", "nick")
    },
    **{
        ("too_long", about): _ERRONEOUS for about in ("claim", "enter", "hello", "nick")
    },
    **{("too_long", about): _NO_ROOM for about in ("join", "part", "show", "send")},
    ("not_in_room", "send"): ERRORS["cannot_speak"],
    ("too_many", "join"): Numeric("405", ABOUT, "You have joined too many channels"),
}
"""By error code and command, where IRC has a number of its own for the two together."""

VERBS = {"claim": "NICK", "enter": "NICK", "hello": "NICK", "send": "PRIVMSG", "": "*"}
"""Commands by the name that they have in IRC, where it is another one."""


def error_line(server: str, nick: str, fault: Fault) -> str:
    """The line that tells an error."""
    about = fault.about.removeprefix("@")
    numeric = SPECIAL.get((fault.code, fault.command)) or ERRORS.get(fault.code)
    if numeric is None:
        verb = VERBS.get(fault.command, fault.command.upper())
        return f":{server} FAIL {verb} {fault.code.upper()} :{fault.text}"
    middle = f" {safe(about)}" if numeric.middle == ABOUT else ""
    return f":{server} {numeric.number} {nick}{middle} :{numeric.text}"


def safe(parameter: str) -> str:
    """A peer's word as a middle parameter: it may not end the parameter or the line."""
    word = parameter.partition(" ")[0][:64].lstrip(":")
    return word or "*"
