"""``relaychat lookup``: what the DNS says of a name, a service or an address.

Without a type: how the commands would find the relay of that domain. An address is
looked up backwards, and each name that comes of it forwards again: whoever owns an
address may write any name behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Any

import click
import msgspec

from relaychat.client import dial
from relaychat.client.cli import output
from relaychat.client.cli.options import EXIT_CODES
from relaychat.client.cli.run import (
    REFUSED,
    UNREACHABLE,
    USAGE,
    Job,
    Trouble,
    run,
    together,
)
from relaychat.client.cli.show import clean, json_line
from relaychat.net.dial import BadServer
from relaychat.net.names import (
    BadName,
    LookupFailed,
    Names,
    NoSuchName,
    NoSuchRecord,
    Refused,
    server_of,
)
from relaychat.net.records import TYPES, Ptr, Record, Srv, is_minimal
from relaychat.net.service import IRC, NATIVE, in_order

_CODES: dict[type[LookupFailed], int] = {
    BadName: USAGE,
    NoSuchName: REFUSED,
    NoSuchRecord: REFUSED,
    Refused: REFUSED,
}
"""The exit codes of what is an answer; that there is none has UNREACHABLE."""
BEHIND = 8
"""Names behind an address that are looked up forwards; there should be one."""
NO_ANY = (
    "the name server does not answer ANY (many don't: RFC 8482); ask for one type, or"
    " leave --type out"
)


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record as it is shown."""

    record: Record
    confirmed: bool | None = None
    """Of a name behind an address: whether it leads back to it."""

    def text(self, width: int) -> str:
        """For people: as in a zone file."""
        one = self.record
        back = {None: "", True: "  (and back)", False: "  (BUT NOT BACK)"}
        return (
            f"{one.name:<{width}}  {one.ttl_s:>6}  {one.kind:<5}  {clean(one.data)}"
            f"{back[self.confirmed]}"
        )

    def json(self) -> str:
        """For programs: one object."""
        found = msgspec.to_builtins(self.record)
        if self.confirmed is not None:
            found["confirmed"] = self.confirmed
        return json_line(msgspec.json.encode(found))


@click.command(epilog=EXIT_CODES, short_help="Ask the DNS about a name.")
@click.argument("name")
@click.option(
    "--type",
    "kind",
    type=click.Choice(sorted(TYPES), case_sensitive=False),
    metavar="TYPE",
    help=f"Only this: {', '.join(TYPES)}. SRV of a bare domain: those of relays.",
)
@click.option(
    "--server", metavar="ADDRESS[:PORT]", help="Ask this name server, not the system's."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def lookup(name: str, kind: str | None, server: str | None, as_json: bool) -> None:
    """Look NAME up in the DNS: its addresses, and where its relay is.

    Of an address: the name behind it, and whether that leads back to it.
    """
    run(lookup_job(name, kind, server, as_json))


def lookup_job(name: str, kind: str | None, server: str | None, as_json: bool) -> Job:
    """The job of the command."""

    async def job(reactor: Any) -> int:
        try:
            asked = (
                Names(reactor, [server_of(server)]) if server else dial.names(reactor)
            )
            lines = await _lines(asked, name, kind)
        except (BadServer, LookupFailed) as failed:
            code = USAGE if isinstance(failed, BadServer) else _code(failed)
            raise Trouble(code, str(failed)) from None
        width = max(len(line.record.name) for line in lines)
        for line in lines:
            output.write((line.json() if as_json else line.text(width)) + "\n")
        if not as_json and kind is None:
            for note in _notes(name, [line.record for line in lines]):
                output.note(note)
        return 0

    return job


def _code(failed: LookupFailed) -> int:
    return _CODES.get(type(failed), UNREACHABLE)


async def _lines(names: Names, name: str, kind: str | None) -> list[Line]:
    if _is_address(name) and kind in (None, "PTR"):
        return await _behind(names, name)
    if kind is None:
        return [Line(one) for one in await _of_domain(names, name)]
    if kind == "SRV" and not name.startswith("_"):
        services = [(f"{service}.{name}", kind) for service in (NATIVE, IRC)]
        return [Line(one) for one in await _each(names, services)]
    try:
        found = await names.lookup(name, kind)
    except Refused as failed:
        raise Refused(f"{failed}: {NO_ANY}" if kind == "ANY" else failed) from None
    if kind == "ANY" and is_minimal(found):
        raise Refused(f"{name}: {NO_ANY}")
    return [Line(one) for one in found]


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


async def _of_domain(names: Names, name: str) -> list[Record]:
    questions = [(name, "A"), (name, "AAAA")]
    if not name.startswith("_"):
        questions += [
            (f"{NATIVE}.{name}", "SRV"),
            (f"{NATIVE}.{name}", "TXT"),
            (f"{IRC}.{name}", "SRV"),
        ]
    return await _each(names, questions)


async def _each(names: Names, questions: Sequence[tuple[str, str]]) -> list[Record]:
    """What several questions, asked at once, are answered with. Raises LookupFailed if
    none has an answer: of the first one."""
    answers = await together(_or_failed(names, *question) for question in questions)
    found: dict[Record, None] = {}  # An alias is in the answers of several types.
    for answer in answers:
        if not isinstance(answer, LookupFailed):
            found |= dict.fromkeys(answer)
    if found:
        return list(found)
    failed = [one for one in answers if isinstance(one, LookupFailed)]
    grave = [one for one in failed if not isinstance(one, NoSuchName | NoSuchRecord)]
    raise (grave or failed)[0]


async def _or_failed(names: Names, name: str, kind: str) -> list[Record] | LookupFailed:
    try:
        return await names.lookup(name, kind)
    except LookupFailed as failed:
        return failed


async def _behind(names: Names, address: str) -> list[Line]:
    """The names behind an address, each with whether it leads back."""
    here = ip_address(address)
    kind = "A" if here.version == 4 else "AAAA"
    lines = []
    found = await names.lookup(here.reverse_pointer, "PTR")
    for one in found[:BEHIND]:
        if not isinstance(one, Ptr):
            lines.append(Line(one))
            continue
        forward = await _or_failed(names, one.host, kind)
        addresses = [] if isinstance(forward, LookupFailed) else forward
        back = any(getattr(other, "address", "") == str(here) for other in addresses)
        lines.append(Line(one, back))
    return lines


def _notes(name: str, found: Sequence[Record]) -> Iterator[str]:
    """How relaychat would go there."""
    ours = [
        one
        for one in found
        if isinstance(one, Srv) and one.name.lower().startswith(f"{NATIVE}.")
    ]
    if not ours:
        return
    offered = [one for one in ours if one.is_offered]
    if not offered:
        yield f"{name} says that it has no relay"
        return
    targets = [f"{one.host}:{one.port}" for one in in_order(offered, _likeliest)]
    yield f"--server {name} goes to {', then '.join(targets)}"


def _likeliest() -> float:
    """In place of chance: the heaviest of equals first."""
    return 0.999999
