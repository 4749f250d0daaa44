"""Processes that coverage does not watch."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent


def unobserved() -> dict[str, str]:
    """The environment of a process that is killed, or whose system calls fail: what
    coverage would write at its end might be cut in two."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("COVERAGE")
    }
    return {**kept, "PYTHONPATH": str(ROOT)}
