"""Options that several commands have, and what they come to together: whom to go to, as
whom, and whom to trust."""

from __future__ import annotations

import getpass
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from relaychat.client.cli.visit import Target

DATA = "relaychat-data"
SOCKET = f"{DATA}/native.sock"
DEFAULT_TCP = "tcp:127.0.0.1:7600"

EXIT_CODES = """
\b
Exit codes: 0 done; 1 the server refused; 2 wrong command line; 3 the server can't be
reached or did not answer in time; 4 local trouble (state folder, changed input);
130 Ctrl-C; 141 nobody reads the output any more; 143 terminated.
"""

NO_TERMINAL = (
    "--login asks at a terminal, and there is none; give --password-file, or the "
    "password as $RELAYCHAT_PASSWORD"
)

F = TypeVar("F", bound=Callable[..., Any])


def default_server() -> str:
    """The server of this folder, if one has its data here, else that of this
    machine."""
    return f"unix:{SOCKET}" if os.path.exists(SOCKET) else DEFAULT_TCP


def default_nick() -> str:
    """The login name, as far as a nick may look like it."""
    name = "".join(char for char in getpass.getuser() if char.isalnum() or char in "_-")
    return name if name[:1].isalpha() else "guest"


_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_CONNECTION = [
    click.option(
        "--server",
        envvar="RELAYCHAT_SERVER",
        metavar="SERVER",
        help="A domain (example.org), HOST:PORT with TLS, a relaychat:// link, or "
        "tcp:HOST:PORT, tls:HOST:PORT, unix:PATH. Default: the native.sock of "
        "./relaychat-data, else tcp:127.0.0.1:7600.",
    ),
    click.option("--nick", envvar="RELAYCHAT_NICK", help="Account or guest name."),
    click.option("--login", is_flag=True, help="Ask for the account's password."),
    click.option(
        "--password-file",
        type=_FILE,
        help="Log in with the password in this file ($RELAYCHAT_PASSWORD does too).",
    ),
    click.option(
        "--ca",
        type=_FILE,
        help="Trust this authority's certificate (PEM).",
    ),
    click.option(
        "--fingerprint", default="", help="Pin the certificate by its SHA-256."
    ),
    click.option(
        "--trust-new",
        is_flag=True,
        help="If nobody vouches for the server, trust its certificate all the same, "
        "from this first time on and no other (see: relaychat trust).",
    ),
    click.option(
        "--certificate",
        type=_FILE,
        help="Show this certificate of yours (PEM, with its key) if the server asks.",
    ),
    click.option("--state", metavar="FOLDER", help="In place of the XDG state folder."),
    click.option(
        "--agent/--no-agent",
        default=None,
        help="Through the agent of this server and nick (twistd relaychat-client), or "
        "not. Default: if it runs.",
    ),
]


def connection(function: F) -> F:
    """The options of every command that is a client of a server."""
    for option in reversed(_CONNECTION):
        function = option(function)
    return function


def target(options: dict[str, Any]) -> Target:
    """Take the connection options out of a command's, as one thing."""
    from relaychat.client.address import BadAddress, address
    from relaychat.client.cli.visit import Target
    from relaychat.client.dial import Trusting
    from relaychat.client.pins import Pins
    from relaychat.client.state import agent_socket, state_root

    try:
        where = address(options.pop("server") or default_server())
    except BadAddress as error:
        raise click.UsageError(str(error)) from None
    server = where.server
    kind, _, rest = server.partition(":")
    if kind == "unix":  # the state folder is named after it, so it has to be the same
        server = f"unix:{os.path.abspath(rest)}"
    given = options.pop("nick") or where.nick
    nick = given or default_nick()
    state = state_root(options.pop("state"), dict(os.environ))
    return Target(
        server=server,
        nick=nick,
        nick_given=bool(given),
        agent=_agent(options.pop("agent"), agent_socket(state, server, nick)),
        password=_password(options.pop("login"), options.pop("password_file")),
        state=state,
        trusting=Trusting(
            options.pop("ca"),
            options.pop("fingerprint") or where.pin,
            Pins(state),
            options.pop("trust_new"),
            options.pop("certificate"),
        ),
        room=where.room,
        program=click.get_current_context().info_name or "relaychat",
    )


def _agent(wanted: bool | None, path: Path) -> Path | None:
    """The agent's socket, if we go through it."""
    from relaychat.client.agent.agent import answers

    if wanted is None:
        wanted = path.exists() and answers(path)
    return path if wanted else None


def _password(login: bool, file: Path | None) -> str | None:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"{file}: {error}") from None
    if login:
        return _typed_password()
    return os.environ.get("RELAYCHAT_PASSWORD")


def _typed_password() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass("Password: ")
        except getpass.GetPassWarning:
            raise click.UsageError(NO_TERMINAL) from None


room_key = click.option("--key", default="", help="The room's key, if it has one.")
as_json = click.option("--json", is_flag=True, help="One JSON object a line.")
data_folder = click.option(
    "--data",
    envvar="RELAYCHAT_DATA",
    default=DATA,
    show_default=True,
    is_eager=True,  # the help of ``ctl`` asks the server
    type=click.Path(path_type=Path),
    help="The server's data folder.",
)
timeout = click.option(
    "--timeout", "timeout_s", default=30.0, show_default=True, help="Seconds in all."
)
