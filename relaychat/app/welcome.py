"""What the relay says once it is up: where and how to come in."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from relaychat import __version__
from relaychat.app.config import Config
from relaychat.app.listeners import Door

FIRST_WORDS = """\
On the native wire, one line each:
  {"type":"hello","nick":"ann"}
  {"type":"join","room":"#tea"}
  {"type":"send","room":"#tea","text":"two lumps, please"}"""


def welcome(config: Config, doors: Sequence[Door], hosts: Sequence[object]) -> str:
    """One line for each door, the fingerprints, and the first words, if any door is
    native."""
    lines = [f"relaychat {__version__} is up, its data in {config.server.data}. Doors:"]
    for door, host in zip(doors, hosts, strict=True):
        name = door.listen.name + (", TLS" if door.tls else "")
        how = _how(door, host, config.server.data)
        lines.append(f"  {name:12} {where(host):28} {how}".rstrip())
    for tls in dict.fromkeys(door.tls for door in doors if door.tls):
        lines += [
            f"{one.pair.certificate}, SHA-256: {one.fingerprint}"
            for one in tls.served()
        ]
    if any(door.listen.dialect == "native" for door in doors):
        lines.append(FIRST_WORDS)
    return "\n".join(lines)


def program() -> str:
    """The command ``relaychat`` as it can be typed where the relay was started: by its
    path, if the shell would not find it."""
    beside = Path(sys.executable).with_name("relaychat")
    if shutil.which("relaychat") or not beside.exists():
        return "relaychat"
    return min(str(beside), os.path.relpath(beside), key=len)


def where(host: object) -> str:
    """An address as people write it."""
    if isinstance(host, IPv4Address):
        return f"{host.host}:{host.port}"
    if isinstance(host, IPv6Address):
        return f"[{host.host}]:{host.port}"
    if isinstance(host, UNIXAddress) and host.name is not None:
        return host.name.decode(errors="replace")
    return str(host)


def _how(door: Door, host: object, data: str) -> str:
    """The command that comes in by a door of the common kinds."""
    dialect, tls = door.listen.dialect, door.tls is not None
    if isinstance(host, UNIXAddress):
        if dialect == "control":
            return f"{program()} ctl --data {data} status"
        return f"nc -U {where(host)}" if dialect == "native" else ""
    if not isinstance(host, IPv4Address | IPv6Address):
        return ""
    if dialect == "irc":
        if tls:
            return f"irssi, then /connect -tls {host.host} {host.port}"
        return f"irssi -c {host.host} -p {host.port}"
    if dialect != "native":
        return ""
    if tls:
        return f"openssl s_client -quiet -connect {where(host)}"
    return f"nc {host.host} {host.port}"
