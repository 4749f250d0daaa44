"""All mutants."""

from __future__ import annotations

from tests.mutants import promised, reading, telling, undo
from tests.mutants.planting import Mutant

MUTANTS = tuple(
    one
    for module in (promised, undo, telling, reading)
    for one in vars(module).values()
    if isinstance(one, Mutant)
)
