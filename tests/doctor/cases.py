"""Reports as the probes would make them."""

from __future__ import annotations

from typing import Any

from relaychat.doctor.report import PROBES, Outcome, Report, Row, Target

SILENT = Outcome.SILENT


def row(name: str = "eth0", **more: Any) -> Row:
    """An interface that leads to the target; the outcomes of its probes are ``OK``
    unless they are given."""
    given = {probe: more.pop(probe) for probe in PROBES if probe in more}
    probes = dict.fromkeys(PROBES, Outcome.OK) | given
    whole = {
        "addresses": ("10.0.0.1/24", "fe80::1/64"),
        "on_link": True,
        "routed": True,
    }
    return Row(name=name, probes=probes, **{**whole, **more})


def target(**more: Any) -> Target:
    """A relay that was reached in all ways."""
    whole = {
        "address": "10.0.0.2",
        "name": "tea",
        "udp": Outcome.OK,
        "tcp": Outcome.OK,
        "door": "10.0.0.2:7601",
        "announced": True,
        "neighbour": "there",
        "certificate": "same",
    }
    return Target(**{**whole, **more})


def report(*rows: Row, to: Target | None = None, **more: Any) -> Report:
    """A report about a target, by one interface unless others are given."""
    return Report(rows=list(rows) or [row()], target=to or target(), **more)


def alone(*rows: Row, **more: Any) -> Report:
    """A report without a target."""
    return Report(rows=list(rows), **more)


ALL_SILENT = dict.fromkeys(PROBES, SILENT)
