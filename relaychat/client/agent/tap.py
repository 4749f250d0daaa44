"""The service behind ``twistd relaychat-client``: the agent (see ``agent``)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from twisted.application.service import Service
from twisted.python import usage

from relaychat.client.address import BadAddress
from relaychat.client.agent.agent import Agent
from relaychat.client.api import Client
from relaychat.client.cli.options import default_nick, default_server
from relaychat.client.dial import Trusting
from relaychat.client.pins import Pins
from relaychat.client.state import StateError, agent_socket, state_root
from relaychat.net.dial import BadServer


class Options(usage.Options):
    """What stands behind ``twistd relaychat-client``."""

    synopsis = "[options] [ROOM ...]"
    longdesc = (
        "Keeps a link to a relay and an outbox for all programs of this user: the "
        "commands of relaychat with the same server and nick go through it. It is in "
        "the rooms named, and logs what happens in all of them."
    )
    optParameters = [
        ["server", "s", "", "Endpoint, host or link; as for the command relaychat."],
        ["nick", "n", "", "Account or guest name; as for the command relaychat."],
        ["password-file", "p", "", "Log in with the password in this file."],
        ["ca", None, "", "Trust this authority's certificate (PEM)."],
        ["fingerprint", None, "", "Pin the certificate by its SHA-256."],
        [
            "certificate",
            None,
            "",
            "Show this certificate (PEM, with its key).",
        ],
        ["state", None, "", "In place of the XDG state folder."],
    ]

    def parseArgs(self, *rooms: str) -> None:
        """The rooms to follow."""
        self["rooms"] = rooms


def makeService(options: Options) -> Service:
    """The service of these options. Ends the program with a line if they are wrong."""
    from twisted.internet import reactor

    path, shown = options["password-file"], options["certificate"]
    server = options["server"] or os.environ.get("RELAYCHAT_SERVER", "")
    nick = options["nick"] or os.environ.get("RELAYCHAT_NICK", "")
    server = server or default_server()
    if server.startswith("unix:"):
        server = f"unix:{os.path.abspath(server.removeprefix('unix:'))}"
    try:
        password = (
            Path(path).read_text(encoding="utf-8").rstrip("\r\n")
            if path
            else os.environ.get("RELAYCHAT_PASSWORD")
        )
        root = state_root(options["state"], dict(os.environ))
        client = Client(
            reactor,
            server,
            nick or default_nick(),
            password=password,
            name="agent",
            state=root,
            trusting=Trusting(
                Path(options["ca"]) if options["ca"] else None,
                options["fingerprint"],
                Pins(root),
                shows=Path(shown) if shown else None,
            ),
        )
        where = client.address
        socket = agent_socket(root, where.server, where.nick)
        return Agent(reactor, client, socket, options["rooms"])
    except (BadAddress, BadServer, StateError, OSError) as error:
        sys.exit(f"relaychat-client: {error}")
