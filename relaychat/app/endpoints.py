"""The fourth door: kinds of endpoints, by the prefix of an endpoint string.

Twisted's own and its plugins come first. Any other prefix is the name of an entry
point, or the string begins with ``module:Class``. What is found is an
``IStreamServerEndpointStringParser``, or a class of such.
"""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from typing import Any, cast

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import (
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import getPlugins

from relaychat.app.finding import ENDPOINT, CannotFind
from relaychat.net.listen import parts_of, unquoted

TWISTED = frozenset({"ssl", "tcp", "unix"})
"""Prefixes that ``serverFromString`` knows without a plugin."""

_named = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)


def server_endpoint(reactor: Any, description: str) -> IStreamServerEndpoint:
    """The endpoint of a string, by whoever knows its prefix.

    Raises CannotFind, and what ``serverFromString`` raises (ValueError, TypeError,
    LookupError).
    """
    prefix, *parts = parts_of(description)
    announced = bool(entry_points(group=ENDPOINT.group, name=prefix))
    if prefix in TWISTED or prefix in _plugins():
        if announced:
            raise CannotFind(
                f"the endpoint {prefix!r} is announced twice: by Twisted or a plugin of"
                " its, and by a package"
            )
        made: IStreamServerEndpoint = serverFromString(reactor, description)
        return made
    name = prefix
    if not announced and parts and parts[0].isidentifier():
        name = f"{prefix}:{parts.pop(0)}"
    return _parsed(ENDPOINT.find(name), reactor, parts)


def _plugins() -> set[str]:
    found = getPlugins(cast(Any, IStreamServerEndpointStringParser))
    return {plugin.prefix for plugin in found}


def _parsed(found: Any, reactor: Any, parts: list[str]) -> IStreamServerEndpoint:
    """What a parser makes of the parts behind the prefix."""
    positional, named = [], {}
    for part in parts:
        match = _named.fullmatch(part)
        if match:
            named[match["name"]] = unquoted(match["value"])
        else:
            positional.append(unquoted(part))
    parser = found() if isinstance(found, type) else found
    made: IStreamServerEndpoint = parser.parseStreamServer(
        reactor, *positional, **named
    )
    return made
