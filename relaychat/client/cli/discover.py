"""The command ``relaychat discover``."""

from __future__ import annotations

from typing import Any

import click

from relaychat.client.cli.options import EXIT_CODES
from relaychat.client.lan.findings import ORDERS
from relaychat.net.datagrams import PORT


@click.command(epilog=EXIT_CODES, short_help="List the relays of this network.")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0.1, 60),
    default=2.0,
    show_default=True,
    help="Seconds to listen for answers.",
)
@click.option(
    "--ask",
    multiple=True,
    metavar="HOST",
    help="Ask this host too: another VLAN hears no broadcast.",
)
@click.option(
    "--interface",
    "interfaces",
    multiple=True,
    metavar="NAME",
    help="Ask by this network interface, and by no others but those named so.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True)
@click.option("--mdns/--no-mdns", default=True, help="Also listen for announcements.")
@click.option(
    "--sort",
    type=click.Choice(list(ORDERS)),
    default="capacity",
    show_default=True,
    help="What is best: free capacity (then latency, then free disk), latency, free "
    "disk; or by name.",
)
@click.option("--best", is_flag=True, help="Only the best one's address, for --server.")
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object a line, as they come."
)
def discover(best: bool, as_json: bool, **options: Any) -> None:
    """Ask the network which relays are there, and list them, best first.

    What they say of themselves is not proved. Whom you talk to is decided by TLS, as
    always.
    """
    from relaychat.client.cli.found import discover_job
    from relaychat.client.cli.run import run
    from relaychat.client.lan.search import Options

    run(discover_job(Options(**options), best, as_json))
