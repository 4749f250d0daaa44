"""The command ``relaychat``. What it does is in the modules beside this one, which are
imported when they are needed: help is there at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relaychat import __version__
from relaychat.client.cli.asking import moment
from relaychat.client.cli.options import (
    DEFAULT_TCP,
    EXIT_CODES,
    as_json,
    connection,
    room_key,
    target,
    timeout,
)

if TYPE_CHECKING:
    from relaychat.model.commands import Kind


@click.group(epilog=EXIT_CODES)
@click.version_option(__version__, prog_name="relaychat")
def main() -> None:
    """Chat through a relay, from a terminal or a script."""


@main.command(epilog=EXIT_CODES)
@click.argument("rooms", nargs=-1)
@room_key
@as_json
@click.option(
    "--discover",
    is_flag=True,
    help="With the best relay that answers on this network (see: relaychat discover).",
)
@connection
def chat(rooms: tuple[str, ...], discover: bool, **options: Any) -> None:
    """Chat line by line; /help lists what else a line may be.

    It works under a pipe too: what stands on stdin is said, then it leaves.
    """
    from relaychat.client.cli.chat import chat_job
    from relaychat.client.cli.run import run

    if not discover:
        where = target(options)
        named = [where.room] if where.room else []
        run(chat_job(where, [*rooms] or named, **options))
        return

    from relaychat.client.cli.choice import UNNAMED, found_first

    for name in ("server", "agent"):
        if _typed(name):
            raise click.UsageError(f"--discover finds a server itself: no --{name}")
    where = target({**options, "server": UNNAMED, "agent": False})
    rest = {name: options[name] for name in ("key", "json")}
    run(
        found_first(
            where, DEFAULT_TCP, lambda found: chat_job(found, list(rooms), **rest)
        )
    )


def _typed(name: str) -> bool:
    """Whether an option stands on the command line."""
    source = click.get_current_context().get_parameter_source(name)
    return source == click.core.ParameterSource.COMMANDLINE


@main.command(epilog=EXIT_CODES)
@click.argument("room")
@click.argument("text")
@click.option("--notice", "kind", flag_value="notice", help="As a notice.")
@click.option("--action", "kind", flag_value="action", help="As an action (/me).")
@room_key
@as_json
@timeout
@connection
def send(room: str, text: str, kind: Kind | None, **options: Any) -> None:
    """Send TEXT to ROOM ("#ops"), or to one person ("@ann").

    It returns when the message is safely in the log. A lost connection does not double
    it.
    """
    from relaychat.client.cli.once import send_job
    from relaychat.client.cli.run import run

    run(send_job(target(options), room, text, kind=kind or "text", **options))


@main.command(
    epilog=EXIT_CODES, short_help="Follow a room, through restarts of the server."
)
@click.argument("room")
@click.option(
    "--after", "since", type=click.IntRange(0), help="Begin after this seq; 0: all."
)
@click.option(
    "--cursor",
    "cursors",
    type=click.Path(path_type=Path),
    help="Remember in this file how far it came, and go on there.",
)
@room_key
@as_json
@connection
def tail(room: str, **options: Any) -> None:
    """Follow ROOM for ever, through restarts of the server, losing and doubling
    nothing."""
    from relaychat.client.cli.run import run
    from relaychat.client.cli.tail import tail_job

    run(tail_job(target(options), room, **options))


@main.command(epilog=EXIT_CODES, short_help="Write what a room's log holds.")
@click.argument("room")
@click.option("-n", "--limit", default=100, show_default=True, help="Events; 0: all.")
@click.option("--before", type=click.IntRange(1), help="Only below this seq.")
@click.option("--after", type=click.IntRange(0), help="Only above this seq, the first.")
@click.option(
    "--since",
    metavar="TIME",
    callback=moment,
    help="Only from this time on, the first: 2h, 3d (ago), 2026-01-31, "
    "2026-01-31T18:30.",
)
@click.option("--until", metavar="TIME", callback=moment, help="Only before this time.")
@click.option(
    "--join", is_flag=True, help="Go in first if you are not in it; the room is told."
)
@room_key
@as_json
@timeout
@connection
def history(room: str, **options: Any) -> None:
    """Write what ROOM's log holds, oldest first: the latest, unless told otherwise.

    Members may read it, and leave no trace by that. Guests are members of nothing when
    they come: they need --join.
    """
    from relaychat.client.cli.once import history_job
    from relaychat.client.cli.run import run

    run(history_job(target(options), room, **options))


@main.command(epilog=EXIT_CODES, short_help="Send stdin or a file, one line a message.")
@click.argument("room")
@click.option(
    "--from", "file", type=click.Path(path_type=Path), help="Read this, not stdin."
)
@click.option("--stream", default="", help="A name for the input, in place of its own.")
@click.option(
    "--replay", is_flag=True, help="Stdin is the same from its start each time."
)
@click.option(
    "--fresh",
    is_flag=True,
    help="Forget earlier runs: what they sent, and what they left unsent.",
)
@click.option("--keep-going", is_flag=True, help="Leave out messages that are refused.")
@room_key
@connection
def pipe(room: str, **options: Any) -> None:
    """Send stdin, or a file, to ROOM: one line a message, in order, each exactly once.

    Started again after any interruption it goes on where it was; of a file that was
    sent to its end it sends what has been added. An empty line is sent
    as a space, bytes that are not UTF-8 (and NUL, CR) as \\xNN, and a very long line as
    several messages.
    """
    from relaychat.client.cli.run import run
    from relaychat.client.pipe.pipe import Options, pipe_job

    where = target(options)
    run(pipe_job(where, room, Options(**options)))


@main.command(
    epilog=EXIT_CODES,
    short_help="Run any program as a bot.",
    context_settings={"ignore_unknown_options": True},
)
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--room", "rooms", multiple=True, help="Be in this room, and in more.")
@click.option("--name", default="", help="Tells two of one program and nick apart.")
@click.option(
    "--memory",
    "memory_mib",
    default=512,
    show_default=True,
    help="Address space it may take, MiB; 0: no limit.",
)
@click.option(
    "--rate",
    "rate_per_s",
    default=20.0,
    show_default=True,
    help="Lines it may write, per second.",
)
@click.option(
    "--start-s", default=10.0, show_default=True, help="Seconds until its hello."
)
@click.option(
    "--line-s", default=300.0, show_default=True, help="Seconds until a line is done."
)
@click.option(
    "--deaths",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="Of it on the same line until that is set aside; 0: never.",
)
@click.option("--env", multiple=True, help="NAME=VALUE in its environment.")
@room_key
@connection
def bot(words: tuple[str, ...], **options: Any) -> None:
    """Run the program WORDS as a bot: -- PROGRAM [ARGUMENT ...].

    It reads one JSON object a line, and answers each with {"type":"done"}; until then
    the line comes again. It is started again when it ends.
    """
    from relaychat.client.bots.bot import bot_job
    from relaychat.client.bots.program import Options
    from relaychat.client.cli.run import run

    where = target(options)
    run(bot_job(where, words, Options(**options)))


@main.command(epilog=EXIT_CODES, short_help="Trust a server by its certificate.")
@click.argument("server", required=False)
@click.option("--fingerprint", default="", help="Trust it if it has this SHA-256.")
@click.option("--yes", is_flag=True, help="Trust it without asking.")
@click.option("--forget", is_flag=True, help="Trust it no more.")
@click.option("--state", metavar="FOLDER", help="In place of the XDG state folder.")
def trust(
    server: str | None, fingerprint: str, yes: bool, forget: bool, state: str | None
) -> None:
    """Trust SERVER (a domain, or HOST:PORT) by its certificate's fingerprint, which is
    shown.

    From then on it has to show this certificate and no other. Without a SERVER: list
    those that are trusted so.
    """
    from relaychat.client.cli import pinning
    from relaychat.client.state import state_root

    root = state_root(state, dict(os.environ))
    if server is None:
        pinning.list_pins(root)
    elif forget:
        pinning.forget(server, root)
    else:
        pinning.trust(server, root, fingerprint, yes)
