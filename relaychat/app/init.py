"""``relaychat init``: a private authority and a certificate of its own for the relay.

::

    FOLDER/                mode 0700, its files 0600
      ca.pem               the authority: for the clients (--ca)
      ca.key               its key: needed to renew, may be kept elsewhere
      server.pem           the relay's certificate, for a year
      server.key           its key
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple, NoReturn

import click

from relaychat.app.certificate import (
    Issued,
    hosts_of,
    make_authority,
    make_server,
    read_issued,
)
from relaychat.client.cli.output import note, write
from relaychat.client.cli.run import LOCAL, REFUSED, USAGE
from relaychat.net.tls import colons
from relaychat.store.folder import make_folder, put_file

LOOPBACK = ("localhost", "127.0.0.1", "::1")
FAR_AWAY = (
    (socket.AF_INET, "192.0.2.1"),
    (socket.AF_INET6, "2001:db8::1"),
)
"""Addresses that nobody has: on the way there a machine uses its own that others
see."""
ANY_PORT = 9


class Files(NamedTuple):
    """Where a folder has what."""

    authority: Path
    authority_key: Path
    server: Path
    server_key: Path

    @classmethod
    def of(cls, folder: Path) -> Files:
        """Those of a folder."""
        names = ("ca.pem", "ca.key", "server.pem", "server.key")
        return cls(*[folder / name for name in names])


@click.command()
@click.option(
    "--folder",
    default="relaychat-tls",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to put the four files.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    help="A host name or address that clients use; any number of them. Default: this "
    "machine's.",
)
@click.option(
    "--renew", is_flag=True, help="A new certificate, by the authority that is there."
)
@click.option("--force", is_flag=True, help="Overwrite what is there.")
def init(folder: Path, names: tuple[str, ...], renew: bool, force: bool) -> None:
    """Make a private authority and a certificate for the relay.

    Clients that trust the authority trust the relay, also after the certificate was
    renewed.
    """
    files, now = Files.of(folder.absolute()), datetime.now(UTC)
    try:
        if renew:
            _renew(files, names, now)
        else:
            _make(files, names, now, force)
        made = read_issued(files.server, files.server_key)
    except OSError as error:
        _leave(LOCAL, f"{error.filename}: {error.strerror}")
    except ValueError as error:
        _leave(USAGE, str(error))
    write("\n".join([*_told(files, made, renew), ""]))


def _make(files: Files, names: Sequence[str], now: datetime, force: bool) -> None:
    there = [str(file) for file in files if file.exists()]
    if there and not force:
        _leave(
            REFUSED,
            f"{', '.join(there)}: there already; --renew makes a new certificate by the"
            " same authority, --force makes all anew, and no client will trust it",
        )
    hosts = [*(names or _own_names()), *LOOPBACK]
    authority = make_authority(f"relaychat at {hosts[0]}", now)
    server = make_server(hosts[0], hosts, now, authority)
    make_folder(files.authority.parent)
    put_file(files.authority_key, authority.key_pem())
    put_file(files.authority, authority.certificate_pem())
    _put_server(files, server)


def _renew(files: Files, names: Sequence[str], now: datetime) -> None:
    """For the names that are given, else for those that it had."""
    authority = read_issued(files.authority, files.authority_key)
    old = read_issued(files.server, files.server_key)
    hosts = [*names, *LOOPBACK] if names else hosts_of(old.certificate)
    _put_server(files, make_server(hosts[0], hosts, now, authority))


def _put_server(files: Files, server: Issued) -> None:
    put_file(files.server_key, server.key_pem())
    put_file(files.server, server.certificate_pem())


def _own_names() -> list[str]:
    """What this machine is called, and the addresses that others see of it."""
    names = [socket.getfqdn(), socket.gethostname()]
    return [name for name in names if name not in LOOPBACK] + list(_addresses())


def _addresses() -> Iterator[str]:
    for family, far in FAR_AWAY:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((far, ANY_PORT))  # No datagram is sent by this.
                address = ip_address(probe.getsockname()[0])
        except OSError:
            continue
        if not address.is_link_local:
            yield str(address)


def _told(files: Files, made: Issued, renewed: bool) -> Iterator[str]:
    hosts, until = hosts_of(made.certificate), made.certificate.not_valid_after_utc
    yield f"{files.server}: for {', '.join(hosts)}; until {until:%Y-%m-%d}"
    if renewed:
        yield "The relay takes it within a minute, or at once: relaychat ctl reload"
        yield "\nWho trusts the authority notices nothing. Who trusts a fingerprint:\n"
        yield f"relaychat trust --forget tls:{hosts[0]}:7601"
    else:
        yield "\nInto the configuration of the relay, whose user has to read them:\n"
        yield "[tls.default]"
        yield f"certificate = {json.dumps(str(files.server))}"
        yield f"key = {json.dumps(str(files.server_key))}"
        yield "\nClients trust it by its authority, also after it was renewed:\n"
        yield f"relaychat chat --server tls:{hosts[0]}:7601 --ca {files.authority}"
        yield "\nor by its fingerprint, until it is renewed:\n"
    yield f"relaychat trust tls:{hosts[0]}:7601"
    yield f"SHA-256 {colons(made.fingerprint)}"
    if not renewed:
        yield f"\nBefore {until:%Y-%m-%d}: relaychat init --renew"
        yield f"Keep {files.authority_key} to yourself: who has it can be your relay."


def _leave(code: int, text: str) -> NoReturn:
    note(text)
    sys.exit(code)
