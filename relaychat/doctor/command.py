"""``relaychat doctor``: why does it not work here?"""

from __future__ import annotations

import sys

import click

from relaychat.client.cli import output
from relaychat.client.cli.run import USAGE, run
from relaychat.net.datagrams import PORT
from relaychat.net.dial import TLS_PORT

BLOCKED = 1
"""The exit code when something is wrong with the network."""
EPILOG = """
\b
Exit codes: 0 all is well; 1 something is blocked; 2 wrong command line; 130 Ctrl-C.
"""


@click.group()
def doctor() -> None:
    """Find out what is in the way, and what helps."""


@doctor.command(epilog=EPILOG)
@click.argument("address", required=False)
@click.option(
    "--listen", is_flag=True, help="Be the other end, where there is no relay."
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help=f"TCP port. Default: what the other end announces, else {TLS_PORT}.",
)
@click.option(
    "--udp-port",
    type=click.IntRange(1, 65535),
    default=PORT,
    show_default=True,
    help="That of discovery.",
)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def lan(
    address: str | None, listen: bool, port: int | None, udp_port: int, as_json: bool
) -> None:
    """Why is no relay found on this network?

    Asks by every interface: by broadcast, multicast and mDNS, and the machine at
    ADDRESS by UDP and TCP; without ADDRESS the first that answers. The other end is any
    relay, or this command with --listen. Tells what is in the way, and the cure.
    """
    if listen:
        if address is not None:
            raise click.UsageError("--listen takes no ADDRESS")
        from relaychat.doctor.listen import listen_job

        run(listen_job(port or TLS_PORT, udp_port))
    from relaychat.doctor.examine import Examination, place_of
    from relaychat.doctor.show import as_json as json_of
    from relaychat.doctor.show import page
    from relaychat.doctor.verdicts import WELL, diagnose

    try:
        place = place_of(address) if address is not None else None
    except (OSError, ValueError) as error:  # UnicodeError is one too.
        output.note(f"{address}: {getattr(error, 'strerror', None) or error}")
        sys.exit(USAGE)
    report = Examination(place, port, udp_port, output.note).run()
    verdict, hints = diagnose(report, {"udp_port": str(udp_port)})
    show = json_of if as_json else page
    output.write(show(report, verdict, hints))
    sys.exit(0 if verdict.cause == WELL else BLOCKED)
