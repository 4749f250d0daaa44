"""Whether the time of a refused login tells anything, to somebody next door.

    python benchmarks/timing.py [--tries N]

Starts a relay of its own with N accounts, each with a token. From this
machine refused logins are timed, N of either kind in random order: SCRAM with a
wrong proof, for a name that is an account's and for one that is not; a token that is
right but for its last letter, and one that is wrong from its first. Passwords: N/50 of
either, for each takes the 40 ms of its hash. Welch's t of the two samples, without
their slowest tenth, has to stay below 4.5 (the usual bound of leakage tests). One line
of figures; the exit code is 1 if one does not.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from logins import PASSWORD, fill
from native_send import Wire
from serving import relay

from relaychat.auth.accounts import Token
from relaychat.auth.tokens import TOKEN, digest_of
from relaychat.model.scope import Scope
from relaychat.wire.scram import ClientExchange

MOST_T = 4.5
CONNECTION_S = 5
SECRET = TOKEN + "x" * 43
"""Of every account: the relay does not look."""
Try = Callable[[Wire, int], float]


def tokens() -> tuple[Token, ...]:
    """What the relay keeps of it."""
    return (Token(digest_of(SECRET), "", Scope(), 1),)


def refused(wire: Wire, **word: object) -> float:
    """Seconds until a hello is refused."""
    begun = time.perf_counter()
    wire.say({"type": "hello", **word})
    wire.lines.readline()
    return time.perf_counter() - begun


def by_scram(pattern: str) -> Try:
    """An exchange whose proof is wrong."""
    known: dict[tuple[bytes, int], bytes] = {}

    def one(wire: Wire, number: int) -> float:
        name = pattern.format(number)
        exchange = ClientExchange(name, PASSWORD, "nonce", known)
        begun = time.perf_counter()
        wire.say({"type": "hello", "nick": name, "scram": exchange.first})
        asked = str(wire.until("challenge")["scram"])
        middle = time.perf_counter()
        nonce = asked.partition(",")[0]
        proof: dict[str, object] = {
            "type": "proof",
            "scram": f"c=biws,{nonce},p={'A' * 43}=",
        }
        again = time.perf_counter()
        wire.say(proof)
        wire.lines.readline()
        return middle - begun + time.perf_counter() - again

    return one


def by_password(pattern: str, password: str) -> Try:
    """A password, or a token in its place."""
    return lambda wire, number: refused(
        wire, nick=pattern.format(number), password=password
    )


def welch(one: list[float], other: list[float]) -> float:
    """How many standard errors apart their means are, without the slowest tenth."""
    kept = [sorted(side)[: len(side) * 9 // 10] for side in (one, other)]
    means = [statistics.fmean(side) for side in kept]
    errors = [statistics.variance(side) / len(side) for side in kept]
    return float(abs(means[0] - means[1]) / sum(errors) ** 0.5)


def compare(address: tuple[str, int], sides: tuple[Try, Try], tries: int) -> float:
    """Welch's t of two ways to be refused. A connection has to say a hello that is
    accepted within ten seconds, so there are several."""
    order = [(side, number) for side in (0, 1) for number in range(tries)]
    random.shuffle(order)
    took: tuple[list[float], list[float]] = ([], [])
    wire, since = Wire(address), time.monotonic()
    for side, number in order:
        if time.monotonic() - since > CONNECTION_S:
            wire, since = Wire(address), time.monotonic()
        took[side].append(sides[side](wire, number))
    return welch(*took)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=20_000)
    parser.add_argument("--most-t", type=float, default=MOST_T)
    options = parser.parse_args()
    few = max(10, options.tries // 50)
    first = TOKEN + "y" + SECRET[len(TOKEN) + 1 :]
    wrong = by_password("user{}", SECRET[:-1] + "y"), by_password("user{}", first)
    questions: dict[str, tuple[tuple[Try, Try], int]] = {
        "SCRAM": ((by_scram("user{}"), by_scram("user{}x")), options.tries),
        "token": (wrong, options.tries),
        "password": (
            (by_password("user{}", "no"), by_password("user{}x", "no")),
            few,
        ),
    }

    def prepare(data: Path) -> None:
        fill(data, options.tries, tokens())

    told, worst = [], 0.0
    for name, (sides, tries) in questions.items():
        with relay(prepare=prepare) as server:
            t = compare(server.native, sides, tries)
        worst = max(worst, t)
        told.append(f"{name} |t| {t:.1f} of {tries}")
    print(f"refused logins, known and unknown: {', '.join(told)} each")
    if worst >= options.most_t:
        raise SystemExit("the time tells something")


if __name__ == "__main__":
    main()
