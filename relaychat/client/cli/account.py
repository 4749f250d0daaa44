"""``relaychat account``: look after one's own account."""

from __future__ import annotations

from typing import Any

import click

from relaychat.client.cli.asking import asked, new_password, seconds
from relaychat.client.cli.options import EXIT_CODES, as_json, connection, target


@click.group(epilog=EXIT_CODES, short_help="Look after your account.")
def account() -> None:
    """Look after your account: --nick says which, --login asks for its password.

    A device that has logged in once, over TLS or on the server's machine, needs no
    password any more.
    """


@account.command()
@click.option("--ticket", default="", help="An invitation, where one is needed.")
@connection
def register(ticket: str, **options: Any) -> None:
    """Make the account that --nick names, and log this device in to it.

    Its password is that of --password-file or $RELAYCHAT_PASSWORD, else it is asked
    for; without a terminal it is the first line of stdin.
    """
    from relaychat.client.cli.account_jobs import register_job
    from relaychat.client.cli.run import run

    where = target(options)
    run(register_job(where, where.password or new_password(), ticket))


@account.command()
@click.option(
    "--token", default="", help="In place of the old password: see ctl reset."
)
@click.option(
    "--everywhere", is_flag=True, help="End all other sessions, tokens and logins."
)
@connection
def password(token: str, everywhere: bool, **options: Any) -> None:
    """Set a new password.

    The old one and the new one are asked for; without a terminal they are lines of
    stdin.
    """
    from relaychat.client.cli.account_jobs import ask_job, before_hello, nothing
    from relaychat.client.cli.run import run
    from relaychat.model.accounts import SetPassword

    where = target(options)
    if token:
        change = SetPassword(new_password(), name=where.nick, token=token)
        run(before_hello(where, change))
    old = asked("Old password") if where.password is None else where.password
    change = SetPassword(new_password(), old, everywhere=everywhere)
    run(ask_job(where, change, nothing, secret=True))


@account.command()
@click.option("--label", default="", help="For you.")
@click.option(
    "--scope",
    type=click.Choice(["read", "send", "admin"]),
    default="send",
    show_default=True,
    help="Follow one's rooms; take part; all that the account may do.",
)
@click.option("--room", "rooms", multiple=True, help="For this room only; repeatable.")
@click.option("--expires", callback=seconds, help="For so long: 12h, 30d.")
@connection
def token(
    label: str,
    scope: Any,
    rooms: tuple[str, ...],
    expires: int | None,
    **options: Any,
) -> None:
    """Write a new token: what a bot logs in with in place of the password."""
    from relaychat.client.cli.account_jobs import ask_job, show_token
    from relaychat.client.cli.run import run
    from relaychat.model.accounts import MakeToken

    made = MakeToken(label, scope, rooms, expires)
    run(ask_job(target(options), made, show_token))


@account.command()
@as_json
@connection
def tokens(json: bool, **options: Any) -> None:
    """List the tokens."""
    from relaychat.client.cli.account_jobs import ask_job, show_tokens
    from relaychat.client.cli.run import run
    from relaychat.model.accounts import ListTokens

    run(ask_job(target(options), ListTokens(), show_tokens(json)))


@account.command()
@as_json
@connection
def devices(json: bool, **options: Any) -> None:
    """List the devices that have logged in."""
    from relaychat.client.cli.account_jobs import ask_job, show_devices
    from relaychat.client.cli.run import run
    from relaychat.model.accounts import ListDevices

    run(ask_job(target(options), ListDevices(), show_devices(json)))


@account.command()
@click.argument("mark", metavar="TOKEN|DEVICE")
@connection
def revoke(mark: str, **options: Any) -> None:
    """Take back a token or a device, as the lists call it. Its sessions end at once."""
    from relaychat.client.cli.account_jobs import ask_job, nothing
    from relaychat.client.cli.run import run
    from relaychat.model.accounts import Revoke

    either = Revoke(token=mark), Revoke(device=mark)
    run(ask_job(target(options), either[0], nothing, instead=either[1]))


@account.command()
@click.option("--add", metavar="FINGERPRINT", help="Let this certificate log in.")
@click.option("--remove", metavar="FINGERPRINT", help="Let it do so no more.")
@connection
def certificate(add: str | None, remove: str | None, **options: Any) -> None:
    """List the TLS client certificates that log in to the account, or change them."""
    from relaychat.client.cli.account_jobs import ask_job, show_certificates
    from relaychat.client.cli.run import run
    from relaychat.model.accounts import SetCertificates

    asked_for = SetCertificates(add, remove)
    run(ask_job(target(options), asked_for, show_certificates))


@account.command()
@click.option("--blank", is_flag=True, help="The text of all its messages goes, too.")
@click.confirmation_option(prompt="Nobody can have this name again. Delete it?")
@connection
def delete(blank: bool, **options: Any) -> None:
    """Delete the account. Its rooms pass on, or close."""
    from relaychat.client.cli.account_jobs import ask_job, nothing
    from relaychat.client.cli.run import run
    from relaychat.model.accounts import DeleteAccount

    where = target(options)
    secret = asked("Password") if where.password is None else where.password
    gone = DeleteAccount(secret, blank=blank)
    run(ask_job(where, gone, nothing, secret=True))
