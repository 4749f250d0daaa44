"""The authorisation model at length: ``python -m tests.authorisation --steps 20000``.

Random people on native and IRC wires against the reference model; one line of figures,
exit code 1 at the first difference, with the seed that shows it.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.authorisation.play import STEPS, Play, figures
from tests.authorisation.stage import Difference


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.authorisation")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1, help="The first run's.")
    options = parser.parse_args()
    began, plays = time.monotonic(), []
    for seed in range(options.seed, options.seed + -(-options.steps // STEPS)):
        play = Play(seed)
        try:
            play.run(STEPS)
        except Difference as error:
            sys.stdout.write(f"seed {seed}, step {len(play.trail)}: {error}\n")
            return 1
        plays.append(play)
    took = time.monotonic() - began
    sys.stdout.write(
        f"{len(plays) * STEPS:,} steps: {figures(plays)}; 0 differences, no text to who"
        f" may not read it; {took:.0f} s\n"
    )
    return 0


sys.exit(main())
