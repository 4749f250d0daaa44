"""The conditions of a run, drawn from its seed: small limits beside usual ones, so that
all that is rare with the usual ones happens often."""

from __future__ import annotations

import random

from relaychat.app.config import Config, from_mapping, read
from relaychat.testing.simulation.disk import SYNC_S, Disk
from relaychat.testing.simulation.options import Options
from relaychat.testing.simulation.sockets import Weather

LISTEN = [
    {"dialect": "native", "endpoint": "tcp:7600"},
    {"dialect": "native", "endpoint": "tcp:7601", "tls": "default"},
    {"dialect": "irc", "endpoint": "tcp:6667"},
    {"dialect": "irc", "endpoint": "tcp:6697", "tls": "default"},
]


def config_of(seed: str, options: Options) -> Config:
    """The user's configuration, or one that is drawn. Raises ConfigError."""
    if options.config:
        return read(options.config)
    chance = random.Random(f"{seed} config")
    pick = chance.choice
    hub = {
        "tail_entries": pick([2, 16, 256]),
        "page_entries": pick([3, 50, 500]),
        "turn_commands": pick([4, 64, 4096]),
        "devices": pick([1, 10_000]),
        "past_stays": pick([2, 64]),
        "page_bytes": pick([2048, 65536]),
        "tails_bytes": pick([20_000, 16 * 1024 * 1024]),
    }
    outlet = {
        "full_bytes": pick([1024, 4096, 65536]),
        "piece_bytes": pick([512, 4096, 16384]),
    }
    session = {"flight_commands": pick([4, 32, 256])}
    return from_mapping(
        {
            "listen": LISTEN,
            "accounts": {"window_s": pick([0, 20, 300])},
            "limits": {"hub": hub, "outlet": outlet, "session": session},
        }
    )


def weather_of(seed: str) -> Weather:
    """What the network is like."""
    chance = random.Random(f"{seed} weather")
    pick = chance.choice
    return Weather(
        delay_us=pick([100, 2_000, 50_000]),
        jitter_us=pick([100, 5_000, 100_000]),
        cut_chance=pick([0.02, 0.3]),
        partial_chance=pick([0.0, 0.1]),
        transport_bytes=pick([2048, 65536]),
        buffer_bytes=pick([2048, 16384, 65536]),
    )


def disk_of(seed: str) -> Disk:
    """What it is kept on: a fast disk, a turning one, a cheap card."""
    chance = random.Random(f"{seed} sync")
    return Disk(f"{seed} disk", chance.choice([SYNC_S, 0.008, 0.05]))
