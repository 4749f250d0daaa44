"""What people call a server: a host, an endpoint string, or a link.

``example.org``
    TLS at the relay of that domain: its SRV records say where; else port 7601.
``chat.example.org:7700``
    TLS at that host and port.
``tcp:HOST:PORT``, ``unix:PATH``, …
    An endpoint string (see ``dial``).
``relaychat://[NICK@]HOST[:PORT][/ROOM][?pin=SHA-256]``
    The same in a link; ``pin`` is the fingerprint that its certificate has to have.

A room in a link is written without its ``#``, or with it at the very end; what has
other signs that mean something in a URL is percent-encoded.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from relaychat.client.trust import digest_of

SCHEME = "relaychat"

_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]/@?#]+)(:(?P<port>[0-9]+))?")


class BadAddress(ValueError):
    """It names no server."""


class Address(NamedTuple):
    """Where, as whom, and what for, as far as it says."""

    server: str
    """An endpoint string."""
    nick: str = ""
    room: str = ""
    pin: str = ""
    """SHA-256 of the certificate."""


def address(text: str) -> Address:
    """What an address says. Raises BadAddress."""
    if "://" in text:
        return _link(text)
    if text.startswith("/"):
        return Address(f"unix:{text}")
    if _HOST.fullmatch(text):
        return Address(_tls(text))
    return Address(text)


def _tls(place: str) -> str:
    found = _HOST.fullmatch(place)
    if found is None:
        raise BadAddress(f"{place}: it is written HOST or HOST:PORT")
    if found["port"] is None:
        return f"tls:{found['host']}"
    port = int(found["port"])
    if not 0 < port < 65536:
        raise BadAddress(f"{place}: a port is a number up to 65535")
    return f"tls:{found['host']}:{port}"


def _link(text: str) -> Address:
    link = urlsplit(text)
    query = parse_qs(link.query, keep_blank_values=True)
    if link.scheme != SCHEME or set(query) - {"pin"}:
        form = f"{SCHEME}://[NICK@]HOST[:PORT][/ROOM][?pin=SHA-256]"
        raise BadAddress(f"{text}: a link is written {form}")
    nick, _, place = link.netloc.rpartition("@")
    room = unquote(link.path[1:] or link.fragment)
    pin = query.get("pin", [""])[0]
    if pin:
        try:
            digest_of(pin)
        except ValueError as error:
            raise BadAddress(f"{text}: {error}") from None
    if room and room[0] not in "#@":
        room = f"#{room}"
    return Address(_tls(unquote(place)), unquote(nick), room, pin)
