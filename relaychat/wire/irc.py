"""Lines of IRC: ``[@tags] [:source] COMMAND [parameters] [:trailing]``.

RFC 2812 section 2.3 and Modern IRC "Client to Server Protocol Structure".
"""

from __future__ import annotations

PARAMETERS = 15
"""At most; what follows the fourteenth is one."""
LINE_BYTES = 512
"""A line as it is sent, its end included, tags not."""


def parse(line: str) -> tuple[str, list[str]]:
    """The command and its parameters; an empty command for an empty line. Tags and
    source are left out: a client's are not believed."""
    if line[:1] in "@: ":
        line = line.lstrip(" ")
        for mark in "@:":
            if line.startswith(mark):
                line = line.partition(" ")[2].lstrip(" ")
    head, colon, trailing = line.partition(" :")
    words = head.split(" ")
    if "" in words:
        words = [word for word in words if word]
    if not words:
        return "", []
    if len(words) > PARAMETERS:
        rest = " ".join(words[PARAMETERS:]) + colon + trailing
        return words[0], [*words[1:PARAMETERS], rest]
    if colon:
        words.append(trailing)
    return words[0], words[1:]


def message_lines(source: str, target: str, text: str, kind: str) -> bytes:
    """A message as PRIVMSG or NOTICE lines: one for each line of its text, and more
    where one does not fit 512 bytes. Nothing is cut off and no character is cut in two.
    """
    verb = "NOTICE" if kind == "notice" else "PRIVMSG"
    head = f":{source} {verb} {target} :".encode()
    before, after = (b"\1ACTION ", b"\1") if kind == "action" else (b"", b"")
    room = LINE_BYTES - 2 - len(head) - len(before) - len(after)
    pieces = [
        piece
        for line in text.split("\n")
        if line
        for piece in split(line.encode(), max(room, 4))
    ]
    return b"".join(
        [b"".join((head, before, piece, after, b"\r\n")) for piece in pieces]
    )


def split(text: bytes, room: int) -> list[bytes]:
    """UTF-8 in pieces of at most ``room`` bytes (4 or more), cut between characters."""
    pieces = []
    while len(text) > room:
        end = room
        while text[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(text[:end])
        text = text[end:]
    pieces.append(text)
    return pieces
