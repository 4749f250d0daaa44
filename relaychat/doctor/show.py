"""A report as a page for people, 80 columns wide, and as one JSON object."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import msgspec

from relaychat.client.cli.show import clean
from relaychat.doctor.report import PROBES, Outcome, Report, Row
from relaychat.doctor.verdicts import WELL, Told

WIDTH = 79
_NAME = 16
_CELL = 10
_HEADS = ("broadcast", "multicast", "mcast v6", "mDNS", "UDP", "TCP")
_WORDS = {
    Outcome.OK: "yes",
    Outcome.SILENT: "silent",
    Outcome.REFUSED: "refused",
    Outcome.UNREACHABLE: "nobody",
    Outcome.NO_ROUTE: "no route",
    Outcome.DENIED: "denied",
    Outcome.UNABLE: "-",
    Outcome.UNTRIED: "-",
}


def page(report: Report, verdict: Told, hints: Sequence[Told]) -> str:
    """All of it, for people."""
    lines = [*_matrix(report), "", *_about(report)]
    well = verdict.cause == WELL
    lines += _said("", verdict.says) if well else _said("cause  ", verdict.says)
    lines += _said("cure   ", verdict.cure)
    for hint in hints:
        lines += ["", *_said("also   ", hint.says), *_said("       ", hint.cure)]
    return "\n".join(lines) + "\n"


def _matrix(report: Report) -> Iterator[str]:
    heads = "".join(f"{head:<{_CELL}}" for head in _HEADS)
    yield f"{'':<{_NAME}}{heads}".rstrip()
    for row in report.rows:
        mark = ">" if row.routed else " "
        yield f"{mark} {clean(row.name):<{_NAME - 2}}{_cells(row)}".rstrip()
        yield from textwrap.wrap(
            ", ".join(row.addresses), WIDTH, initial_indent="    ",
            subsequent_indent="    ",
        )  # fmt: skip
    if not report.rows:
        yield "  (no interface but loopback)"


def _cells(row: Row) -> str:
    if not row.up:
        return "down" if row.addresses else "down, no address"
    return "".join(f"{_WORDS[row.of(probe)]:<{_CELL}}" for probe in PROBES)


def _about(report: Report) -> Iterator[str]:
    target = report.target
    if target is not None:
        name = f"{clean(target.name)}, " if target.name else ""
        how = "" if target.given else ", which answered first"
        yield from _said("", f"To {name}{target.address}{how}:")
        by = [row.name for row in report.rows if row.routed]
        if by:
            yield from _said("> ", f"this machine sends by {', '.join(by)}")
        yield from _said("  ", _ends(report))
    if report.others:
        yield from _said("  ", clean(f"others: {', '.join(report.others)}"))
    if target is not None or report.others:
        yield ""


def _ends(report: Report) -> str:
    """What came of the two ways that clients go."""
    target = report.target
    assert target is not None
    proof = {
        "same": ", with the certificate that it announces",
        "other": ", WITH ANOTHER CERTIFICATE",
        "failed": ", without TLS",
    }.get(target.certificate, "")
    return (
        f"UDP: {_WORDS[target.udp]}; TCP to {target.door}: {_WORDS[target.tcp]}{proof}"
    )


def _said(head: str, text: str) -> list[str]:
    indent = " " * len(head)
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=indent)


def as_json(report: Report, verdict: Told, hints: Sequence[Told]) -> str:
    """All of it, for programs, on one line."""
    whole = {
        "verdict": verdict,
        "hints": list(hints),
        "target": report.target,
        "gateway": report.gateway,
        "interfaces": report.rows,
        "others": report.others,
    }
    return msgspec.json.encode(whole).decode() + "\n"
