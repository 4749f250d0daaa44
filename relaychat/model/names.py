"""Names and texts: what they may hold, and when two names are the same (H13, H30).

*Folding*: ``A`` to ``Z`` become ``a`` to ``z``, nothing else changes (IRC calls it
``CASEMAPPING=ascii``). Other characters are allowed only where NFKC and case folding
leave them as they are, so no name has two spellings. For display, capitals stay.

A *nick* is 1 to 30 characters: ASCII letters, digits and ``-_[]{}\\^|`` and the
backtick, and beyond ASCII letters, marks, digits and pictures. It starts with neither a
digit nor ``-`` nor a mark. So it can't be taken for a room, a mask, a server, or for a
prefix and a name.

A *room* is ``#`` and 1 to 63 characters: of ASCII everything but controls, space and
comma, beyond it as for nicks.
"""

from __future__ import annotations

import re
from unicodedata import category, normalize

from relaychat.model.errors import BadName, BadText, TooLong
from relaychat.model.lookalikes import skeleton as skeleton

NICK_LIMIT = 30
"""Characters. What Modern IRC servers allow; half the width of an IRC line's margin."""
NICK_LIMIT_BYTES = 64
"""UTF-8. A nick stands in front of every message, twice with its account."""
ROOM_LIMIT = 64
"""Characters, sigil included (CHANNELLEN)."""
ROOM_LIMIT_BYTES = 160
"""UTF-8. Leaves two thirds of an IRC line to the text."""
MASK_LIMIT_BYTES = 250
"""UTF-8. Longer than the longest ``nick!user@host``."""

_LOWER = {ord(capital): capital.lower() for capital in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_plain_nick = re.compile(r"[A-Za-z\[\]\\^_`{|}][A-Za-z0-9\[\]\\^_`{|}-]*").fullmatch
_plain_room = re.compile(r"#[!-+\--~]+").fullmatch
_SIGNS = ("Sm", "Sc", "Sk")
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
    + "".join(map(chr, range(0xE0100, 0xE01F0)))
)
"""Letters, marks and pictures that leave no trace on the screen."""


def fold(name: str) -> str:
    """The form in which names are compared. Never fails: the fold of a name that is not
    allowed is simply found nowhere."""
    return name.lower() if name.isascii() else name.translate(_LOWER)


def check_nick(name: str) -> str:
    """The folded form of a nick that may be taken.

    :raises BadName: if it holds what a nick may not hold.
    :raises TooLong: if it has more than 30 characters or 64 bytes.
    """
    if len(name) > NICK_LIMIT:
        raise TooLong(f"a nick has at most {NICK_LIMIT} characters", about=name)
    if _plain_nick(name):
        return name.lower()
    plain = "".join([char if char.isascii() else "x" for char in name])
    if not _plain_nick(plain) or category(name[0])[0] == "M":
        raise BadName(
            "a nick is letters, digits and -_[]{}\\^|`, first a letter", about=name
        )
    return _beyond_ascii(name, NICK_LIMIT_BYTES)


def check_room(name: str) -> str:
    """The folded form of a room name that may be used.

    :raises BadName: if it does not start with ``#`` or holds what it may not hold.
    :raises TooLong: if it has more than 64 characters or 160 bytes.
    """
    if len(name) > ROOM_LIMIT:
        raise TooLong(f"a room name has at most {ROOM_LIMIT} characters", about=name)
    if _plain_room(name):
        return name.lower()
    if not _plain_room("".join([char if char.isascii() else "x" for char in name])):
        raise BadName(
            "a room name begins with #, and has no space, comma or control", about=name
        )
    return _beyond_ascii(name, ROOM_LIMIT_BYTES)


def _beyond_ascii(name: str, limit_bytes: int) -> str:
    """Fold a name whose ASCII part is in order, if the rest is as well."""
    folded = fold(name)
    for char in folded:
        kind = "" if char.isascii() else category(char)
        if kind and (kind[0] not in "LMNS" or kind in _SIGNS or char in _INVISIBLE):
            raise BadName(
                "this name holds a character that names may not hold", about=name
            )
    if normalize("NFKC", normalize("NFKC", folded).casefold()) != folded:
        raise BadName(
            "beyond ASCII, names are written in lower case and in normal form",
            about=name,
        )
    if len(folded.encode()) > limit_bytes:
        raise TooLong(f"this name has more than {limit_bytes} bytes", about=name)
    return folded


def check_text(text: str, limit_bytes: int) -> None:
    """Make sure that a body can be kept and shown on every wire (H30).

    :raises BadText: for NUL, CR, a lone surrogate, or nothing but line feeds.
    :raises TooLong: if its UTF-8 has more than ``limit_bytes``.
    """
    if text.isprintable() and text.isascii() and 0 < len(text) <= limit_bytes:
        return  # Nearly all that is ever said.
    if "\0" in text or "\r" in text:
        raise BadText("a text may not hold NUL or CR")
    if not text.strip("\n"):
        raise BadText("the text is empty")
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise BadText("a text may not hold half of a surrogate pair") from None
    if size > limit_bytes:
        raise TooLong(
            f"the text has {size} bytes, and at most {limit_bytes} are allowed"
        )


# -- masks --------------------------------------------------------------------------


HOST = "relaychat"
"""The host part of everybody's mask: no address is ever shown."""


def identity(nick: str, account: str | None) -> str:
    """``nick!user@host``: what masks are matched against, and the source of IRC
    lines."""
    return f"{nick}!{account or '~guest'}@{HOST}"


def complete_mask(mask: str) -> str:
    """Write a mask out as folded ``nick!user@host``; what is missing becomes ``*``.

    :raises BadName: if it is empty or holds a space or a control character.
    :raises TooLong: if its UTF-8 has more than 250 bytes.
    """
    if not mask or " " in mask or not mask.isprintable():
        raise BadName("a mask is nick!user@host, with * and ?", about=mask)
    if len(mask.encode()) > MASK_LIMIT_BYTES:
        raise TooLong(f"a mask has at most {MASK_LIMIT_BYTES} bytes", about=mask)
    nick, bang, rest = mask.partition("!")
    if bang:
        user, _, host = rest.partition("@")
    elif "@" in mask:
        nick, (user, _, host) = "", mask.partition("@")
    else:
        user = host = ""
    whole = f"{nick or '*'}!{user or '*'}@{host or '*'}"
    while "**" in whole:
        whole = whole.replace("**", "*")
    return fold(whole)


def matches(mask: str, identity: str) -> bool:
    """Whether a ``nick!user@host`` fits a mask: ``*`` is any text, ``?`` one character,
    and case does not count. Hostile masks take no longer than others."""
    return glob(fold(mask), fold(identity))


def glob(mask: str, text: str) -> bool:
    """``matches`` without folding."""
    if "*" not in mask:
        return len(mask) == len(text) and _seek(mask, text, 0, len(text)) == 0
    first, *middle, last = mask.split("*")
    here, end = len(first), len(text) - len(last)
    if here > end:
        return False
    if _seek(first, text, 0, here) != 0 or _seek(last, text, end, len(text)) != end:
        return False
    # The leftmost place for each segment leaves the most room for those behind it, so
    # nothing is ever tried twice.
    for segment in middle:
        found = _seek(segment, text, here, end)
        if found < 0:
            return False
        here = found + len(segment)
    return True


def _seek(segment: str, text: str, start: int, end: int) -> int:
    """The first place from ``start`` where a segment fits before ``end``, or -1."""
    if "?" not in segment:
        return text.find(segment, start, end)
    pieces, offset = [], 0
    for piece in segment.split("?"):
        if piece:
            pieces.append((piece, offset))
        offset += len(piece) + 1
    agreed = 0
    # Each piece in turn says where the segment starts at the earliest, until all agree.
    while agreed < len(pieces):
        piece, offset = pieces[0]
        found = text.find(piece, start + offset, end)
        if found < 0:
            return -1
        agreed = agreed + 1 if found == start + offset else 1
        start = found - offset
        pieces.append(pieces.pop(0))
    return start if start + len(segment) <= end else -1
