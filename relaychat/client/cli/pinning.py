"""``relaychat trust``: see a server's certificate, and trust it by its fingerprint.

The certificate is fetched by a handshake that believes anything, and nothing is said
behind it. That is no risk: what is kept is compared at every later visit. A domain that
publishes fingerprints in the DNS, and shows another certificate, is refused unless the
fingerprint was told otherwise.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import click
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from relaychat.client.address import BadAddress, address
from relaychat.client.cli import output
from relaychat.client.cli.run import LOCAL, REFUSED, UNREACHABLE, USAGE, Trouble, finish
from relaychat.client.cli.show import clean
from relaychat.client.dial import names
from relaychat.client.pins import Pin, Pins
from relaychat.client.state import StateError
from relaychat.client.trust import digest_of, is_among, weakness
from relaychat.net.dial import (
    CONNECT_S,
    TLS_PORT,
    BadServer,
    Place,
    place_of,
    shown_certificate,
)
from relaychat.net.names import LookupFailed
from relaychat.net.service import NotOffered, Target, fingerprints_of, targets_of


class Whereabouts(NamedTuple):
    """Where the relay of a place is to be looked at, and the fingerprints that its
    domain publishes."""

    targets: list[Target]
    announced: list[str]


def list_pins(state: Path) -> None:
    """Show all servers that are trusted so."""
    pins = _read(Pins(state))
    for place, pin in sorted(pins.items()):
        output.write(clean(f"tls:{place} {pin.fingerprint} since {pin.since}") + "\n")


def forget(server: str, state: Path) -> None:
    """Trust a server's certificate no more."""
    try:
        dropped = Pins(state).drop(str(_place(server)))
    except StateError as error:
        _leave(LOCAL, str(error))
    if not dropped:
        _leave(REFUSED, f"{server} was not trusted by its certificate")
    output.note(f"{server}: its certificate is forgotten")


def trust(server: str, state: Path, expected: str, yes: bool) -> None:
    """Show a server's certificate, and trust it: if it has the fingerprint that is
    expected, else if somebody says yes."""
    place, pins = _place(server), Pins(state)
    where = _seek(place)
    shown = _fetch(place, where.targets)
    fingerprint = shown.fingerprint(SHA256()).hex(":").upper()
    lines = _lines(shown, fingerprint)
    if where.announced:
        same = is_among(fingerprint, where.announced)
        lines.append(f"  the DNS    names {'it' if same else 'ANOTHER'} (no proof)")
    output.write("\n".join([f"{server} shows", *lines, ""]))
    pin = _read(pins).get(str(place))
    if pin is not None:
        if pin.fingerprint == fingerprint:
            output.note(f"it is trusted since {pin.since}")
            return
        _leave(
            REFUSED,
            f"THE CERTIFICATE HAS CHANGED: {pin.fingerprint} is trusted since"
            f" {pin.since}. If the relay's owner confirms that it has a new one, forget"
            f" the old one first: relaychat trust --forget {server}",
        )
    if where.announced and not is_among(fingerprint, where.announced) and not expected:
        _leave(
            REFUSED,
            f"{place.host} publishes another fingerprint in the DNS. If the relay's"
            " owner confirms this one, name it with --fingerprint",
        )
    _decide(shown, fingerprint, expected, yes)
    try:
        pins.put(str(place), fingerprint)
    except StateError as error:
        _leave(LOCAL, str(error))
    output.note(f"{server} is trusted from now on, with this certificate only")


def _decide(
    shown: x509.Certificate, fingerprint: str, expected: str, yes: bool
) -> None:
    """Exits unless it is to be trusted."""
    weak = weakness(shown.public_key())
    if weak:
        _leave(REFUSED, f"the certificate {weak}")
    if expected:
        try:
            right = digest_of(expected) == digest_of(fingerprint)
        except ValueError as error:
            _leave(USAGE, str(error))
        if not right:
            _leave(REFUSED, "this is not the fingerprint that was expected")
    elif not yes:
        if not sys.stdin.isatty():
            _leave(USAGE, "nobody is there to ask: give --fingerprint, or --yes")
        question = "Is that what the relay's owner told you, and shall it be trusted?"
        if not click.confirm(question, err=True):
            _leave(REFUSED, "not trusted")


def _place(server: str) -> Place:
    try:
        return place_of(address(server).server)
    except (BadAddress, BadServer) as error:
        _leave(USAGE, str(error))


def _read(pins: Pins) -> dict[str, Pin]:
    try:
        return pins.all()
    except StateError as error:
        _leave(LOCAL, str(error))


def _seek(place: Place) -> Whereabouts:
    """Where a place's relay is; of a domain, by its records in the DNS."""
    if place.port is not None:
        return Whereabouts([Target(place.host, place.port)], [])
    found: list[Whereabouts] = []

    async def job(reactor: Any) -> int:
        try:
            asked = names(reactor)
            targets = await targets_of(asked, place.host, random.random)
            announced = await fingerprints_of(asked, place.host)
        except (LookupFailed, NotOffered) as error:
            raise Trouble(UNREACHABLE, str(error)) from None
        except BadServer as error:
            raise Trouble(USAGE, str(error)) from None
        found.append(Whereabouts(targets or [Target(place.host, TLS_PORT)], announced))
        return 0

    code = finish(job)
    if code:
        sys.exit(code)
    return found[0]


def _fetch(place: Place, targets: list[Target]) -> x509.Certificate:
    """The certificate that the first target shows that can be reached."""
    failed = []
    for target in targets:
        try:
            shown = shown_certificate(*target, place.host, CONNECT_S)
            return x509.load_der_x509_certificate(shown)
        except (OSError, ValueError) as error:
            failed.append(f"{target}: no certificate to be had: {error}")
    return _leave(UNREACHABLE, "; ".join(failed))


def _lines(shown: x509.Certificate, fingerprint: str) -> list[str]:
    try:
        kind = x509.SubjectAlternativeName
        found = shown.extensions.get_extension_for_class(kind).value
        names = [str(name.value) for name in found]
    except (x509.ExtensionNotFound, ValueError):
        names = []
    own = shown.issuer == shown.subject
    signer = "itself" if own else shown.issuer.rfc4514_string()
    since, until = shown.not_valid_before_utc, shown.not_valid_after_utc
    return [
        clean(line)
        for line in (
            f"  for        {', '.join(names) or 'nobody'}",
            f"  signed by  {signer}",
            f"  valid      {since:%Y-%m-%d} to {until:%Y-%m-%d}",
            f"  SHA-256    {fingerprint}",
        )
    ]


def _leave(code: int, text: str) -> NoReturn:
    output.note(text)
    sys.exit(code)
