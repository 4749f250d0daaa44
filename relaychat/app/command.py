"""The command ``relaychat``: the client's commands, and those that need the server's
parts or the test tools. These are loaded when they are called or listed."""

from __future__ import annotations

from importlib import import_module

import click

from relaychat.client.cli.command import main as client

LATER = {
    "account": "relaychat.client.cli.account",
    "backup": "relaychat.app.backup",
    "chaos": "relaychat.testing.chaos_command",
    "ctl": "relaychat.client.cli.ctl",
    "discover": "relaychat.client.cli.discover",
    "doctor": "relaychat.doctor.command",
    "init": "relaychat.app.init",
    "lookup": "relaychat.client.cli.lookup",
    "restore": "relaychat.app.backup",
    "simulate": "relaychat.testing.simulation.command",
    "test-dialect": "relaychat.testing.dialect_command",
    "verify": "relaychat.app.verify",
}
"""Where a command is found, under its own name."""


class Commands(click.Group):
    """The client's group, and more."""

    def list_commands(self, context: click.Context) -> list[str]:
        """All names."""
        return sorted([*super().list_commands(context), *LATER])

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of this name."""
        if name not in LATER:
            return super().get_command(context, name)
        found: click.Command = getattr(
            import_module(LATER[name]), name.replace("-", "_")
        )
        return found


main = Commands(
    "relaychat",
    client.commands,
    callback=client.callback,
    params=client.params,
    help=client.help,
    epilog=client.epilog,
)
