"""``relaychat ctl``: look after a server over its control socket."""

from __future__ import annotations

from pathlib import Path

import click

from relaychat.client.cli.asking import new_password, seconds
from relaychat.client.cli.options import DATA, EXIT_CODES, as_json, data_folder

SOCKET = "control.sock"


class Ctl(click.Group):
    """The commands here, and those that the server's extensions bring: any word that is
    none of these is asked for there."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant, and what is behind it."""
        if self.get_command(context, args[0]) or args[0].startswith("-"):
            return super().resolve_command(context, args)
        return args[0], _call(args[0]), args[1:]

    def format_commands(
        self, context: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Those here, then those of the server, if it runs."""
        super().format_commands(context, formatter)
        from relaychat.client.cli.control import list_calls

        rows = list_calls(self._folder(context) / SOCKET)
        if rows:
            with formatter.section("Commands of this server's extensions"):
                formatter.write_dl(rows)

    def _folder(self, context: click.Context) -> Path:
        """The server's data folder: help is shown before all options were looked at."""
        if "data" in context.params:
            return Path(context.params["data"])
        option = next(one for one in self.params if one.name == "data")
        return Path(str(option.value_from_envvar(context) or DATA))


def _call(name: str) -> click.Command:
    """What asks the server's extensions."""

    @click.command(name, add_help_option=False)
    @as_json
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    @click.pass_obj
    def call(socket: Path, words: tuple[str, ...], json: bool) -> None:
        from relaychat.client.cli.control import call_extension

        call_extension(socket, (name, *words), json)

    return call


@click.group(
    cls=Ctl,
    epilog=EXIT_CODES,
    short_help="Look after the server of this machine.",
)
@data_folder
@click.pass_context
def ctl(context: click.Context, data: Path) -> None:
    """Look after the server of this machine, over its control socket."""
    context.obj = data / SOCKET


@ctl.command()
@as_json
@click.pass_obj
def status(socket: Path, json: bool) -> None:
    """Counts of the whole server."""
    from relaychat.client.cli.control import show_status

    show_status(socket, json)


@ctl.command("rooms")
@as_json
@click.pass_obj
def ctl_rooms(socket: Path, json: bool) -> None:
    """Every room."""
    from relaychat.client.cli.control import show_rooms

    show_rooms(socket, json)


@ctl.command()
@as_json
@click.pass_obj
def sessions(socket: Path, json: bool) -> None:
    """Every session."""
    from relaychat.client.cli.control import show_sessions

    show_sessions(socket, json)


@ctl.command()
@click.pass_obj
def stop(socket: Path) -> None:
    """Stop the server cleanly."""
    from relaychat.client.cli.control import stop_server

    stop_server(socket)


@ctl.command()
@click.pass_obj
def reload(socket: Path) -> None:
    """Have the server read its certificates anew.

    It does so by itself within a minute. What can't be used is told, and the old stays.
    """
    from relaychat.client.cli.control import reload_server

    reload_server(socket)


@ctl.command()
@click.argument("name")
@click.option(
    "--administrator/--no-administrator", "rank", default=None, help="Its rank."
)
@click.pass_obj
def account(socket: Path, name: str, rank: bool | None) -> None:
    """Make an account, or give one a new password, or another rank.

    The password is asked for; without a terminal it is the first line of stdin. An
    account that is there already keeps its password where a rank is named.
    """
    from relaychat.client.cli.control_accounts import add_account

    add_account(socket, name, rank, new_password)


@ctl.command()
@as_json
@click.pass_obj
def accounts(socket: Path, json: bool) -> None:
    """Every account."""
    from relaychat.client.cli.control_accounts import show_accounts

    show_accounts(socket, json)


@ctl.command()
@click.argument("name")
@click.option("--lift", is_flag=True, help="Let it in again.")
@click.pass_obj
def suspend(socket: Path, name: str, lift: bool) -> None:
    """Keep an account out: its sessions end at once."""
    from relaychat.client.cli.control_accounts import suspend_account

    suspend_account(socket, name, lift)


@ctl.command()
@click.argument("name")
@click.option("--expires", callback=seconds, default="1d", show_default=True)
@click.pass_obj
def reset(socket: Path, name: str, expires: int) -> None:
    """Write a token with which the owner of an account sets a new password, once.

    They use it with "relaychat account password --token".
    """
    from relaychat.client.cli.control_accounts import reset_password

    reset_password(socket, name, expires)


@ctl.command()
@click.argument("name")
@click.option("--blank", is_flag=True, help="The text of all its messages goes, too.")
@click.confirmation_option(prompt="Nobody can have this name again. Delete it?")
@click.pass_obj
def delete(socket: Path, name: str, blank: bool) -> None:
    """Delete an account. Its rooms pass on, or close."""
    from relaychat.client.cli.control_accounts import delete_account

    delete_account(socket, name, blank)


@ctl.command()
@click.option("--uses", type=click.IntRange(1, 10_000), default=1, show_default=True)
@click.option("--label", default="", help="For you.")
@click.option("--expires", callback=seconds, default="7d", show_default=True)
@click.pass_obj
def invite(socket: Path, uses: int, label: str, expires: int) -> None:
    """Write a ticket: who has it may register, where the server wants one.

    They use it with "relaychat account register --ticket".
    """
    from relaychat.client.cli.control_accounts import make_ticket

    make_ticket(socket, uses, label, expires)


@ctl.command()
@click.option("--revoke", metavar="TICKET", help="As the list calls it.")
@as_json
@click.pass_obj
def invitations(socket: Path, revoke: str | None, json: bool) -> None:
    """Tickets that are still good; or one that is so no more."""
    from relaychat.client.cli.control_accounts import revoke_ticket, show_tickets

    if revoke:
        revoke_ticket(socket, revoke)
    else:
        show_tickets(socket, json)
