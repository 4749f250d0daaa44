"""The service behind ``twistd relaychat-client``: a link that stays up, and logs.

It connects, keeps the link, follows the rooms it is told and writes what happens in
them to the log, one line an event.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python import usage

from relaychat import __version__
from relaychat.client.core import Conversation
from relaychat.client.dial import BadServer, Trusting, endpoint, greeting
from relaychat.client.happenings import (
    Complaint,
    Down,
    Entered,
    Happening,
    Parting,
    Rejected,
    Shown,
    Shut,
    Up,
)
from relaychat.client.link import Link
from relaychat.client.pins import Pins
from relaychat.client.show import full_line
from relaychat.client.state import Device, StateError, home, state_root, take_device
from relaychat.model.commands import Hello


class Options(usage.Options):
    """What stands behind ``twistd relaychat-client``."""

    synopsis = "[options] [ROOM ...]"
    longdesc = "Keeps a link to a relay, follows rooms, and logs what happens in them."
    optParameters = [
        ["server", "s", "tcp:127.0.0.1:7600", "Endpoint: tcp:, tls: or unix:."],
        ["nick", "n", "listener", "Account or guest name."],
        ["password-file", "p", "", "Log in with the password in this file."],
        ["ca", None, "", "Trust this authority's certificate (PEM)."],
        ["fingerprint", None, "", "Pin the certificate by its SHA-256."],
        ["state", None, "", "In place of the XDG state folder."],
    ]

    def parseArgs(self, *rooms: str) -> None:
        """The rooms to follow."""
        self["rooms"] = rooms


class Listener(Service):
    """The link, with a log for ears."""

    log = Logger()

    def __init__(self, link_of: Any, device: Device) -> None:
        """``link_of`` makes the link that tells everything to its argument."""
        self._device = device
        self.link: Link = link_of(self.heard)

    def startService(self) -> None:
        super().startService()
        self.link.startService()

    async def _stop(self) -> None:
        await self.link.stopService()
        self._device.close()

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    def heard(self, happening: Happening) -> None:
        """Log what happens."""
        if isinstance(happening, Shown):
            line = full_line(happening.event, room=True)
            if line is not None:
                self.log.info("{line}", line=line)
            return
        text = told(happening)
        if text:
            self.log.info("{text}", text=text)


def told(happening: Happening) -> str:
    """A happening of the link in words; empty for what is not worth a line."""
    match happening:
        case Up(welcome):
            return f"up as {welcome.nick} on {welcome.server}"
        case Down(reason=reason):
            return f"down: {reason}; trying again"
        case Entered(room):
            return f"in {room.room}, at {room.seq}"
        case Shut(room=name, fault=fault):
            return f"not let into {name}: {fault.text}"
        case Rejected(fault) | Complaint(fault):
            return f"refused: {fault.text}"
        case Parting(goodbye):
            return f"the server closes: {goodbye.text}"
    return ""


def makeService(options: Options) -> Service:
    """The service of these options. Ends the program with a line if they are wrong."""
    from twisted.internet import reactor

    path = options["password-file"]
    try:
        password = (
            Path(path).read_text(encoding="utf-8").rstrip("\r\n") if path else None
        )
        root = state_root(options["state"], dict(os.environ))
        where = endpoint(
            reactor,
            options["server"],
            Trusting(
                Path(options["ca"]) if options["ca"] else None,
                options["fingerprint"],
                Pins(root),
            ),
        )
        device = take_device(home(root, options["server"], options["nick"]))
    except (BadServer, StateError, OSError) as error:
        sys.exit(f"relaychat-client: {error}")
    hello = Hello(
        options["nick"],
        password,
        device=device.secret,
        client=f"relaychat-client/{__version__}",
    )
    conversation = Conversation(
        hello, everything=True, greeting=greeting(options["server"])
    )
    for room in options["rooms"]:
        conversation.follow(room)

    def link_of(heard: Any) -> Link:
        return Link(reactor, where, conversation, heard)

    return Listener(link_of, device)
