"""What a flood of discovery datagrams costs a busy relay.

    python benchmarks/discovery_flood.py [--rate N] [--rounds N] [--messages N]

Starts a relay of its own on loopback, keeps it busy with durable messages as
native_send.py does, and measures the acknowledged messages a second in alternating
rounds: in peace; under a flood of N datagrams a second to its discovery port; and, to
tell what the flood itself takes of this machine, with the same flood to a socket that
nobody reads. The flood is one half good questions, each with a nonce of its own, one
quarter noise of the right length and one quarter short noise. Then it floods the relay
while that has nothing else to do, and looks at the processor time that it takes. One
line of figures; exit code 1 if the flood takes more than a tenth of the throughput, or
of the processor time for a message, or was slower than it should have been.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from native_send import Wire, pipelined
from serving import Relay, free_port, relay

from relaychat.net.datagrams import RECEIVE_BYTES
from relaychat.wire.discovery import QUERY_BYTES, query

BATCH = 100
"""Datagrams that are sent between two looks at the clock."""
MOST_LOSS = 0.10
PEACE, FLOOD, ELSEWHERE = "peace", "flood", "elsewhere"


def flood(port: int, rate: int) -> None:
    """Send for ever, at this rate; print now and then at which rate it was."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        begun, sent = time.perf_counter(), 0
        noise = [secrets.token_bytes(QUERY_BYTES), secrets.token_bytes(60)]
        nonces = [secrets.token_bytes(16) for _ in range(BATCH)]
        good = [query(nonce) for nonce in nonces]
        while True:
            for number in range(BATCH):
                data = good[number] if number & 1 else noise[(number >> 1) & 1]
                try:
                    sock.send(data)
                except ConnectionRefusedError:  # It has gone.
                    return
            sent += BATCH
            took = time.perf_counter() - begun
            if sent % (rate // 4) < BATCH:
                print(sent / took, flush=True)
            if sent / rate > took:
                time.sleep(sent / rate - took)


class Flood:
    """A process of its own that floods a port for the while."""

    def __init__(self, port: int, rate: int) -> None:
        self._words = [sys.executable, __file__, "--flood", str(port), str(rate)]
        self.rate = 0.0
        """Datagrams a second that it came to."""

    def __enter__(self) -> Flood:
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
        self._process = subprocess.Popen(
            self._words, env=env, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        told, _rest = self._process.communicate()
        self.rate = float((told.split() or ["0"])[-1])


class Sink:
    """A socket that nobody reads, like a relay's own."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]


class Round(NamedTuple):
    """What was measured."""

    per_s: float
    """Messages a second."""
    cost_us: float
    """Processor time of the relay for one, microseconds."""


class Measurement:
    """Rounds on one relay."""

    def __init__(self, server: Relay, messages: int) -> None:
        self._messages = messages
        self._sent = 0
        self._pid = server.pid
        self._wire = Wire(server.native)
        self._wire.say(
            {"type": "hello", "nick": "bench", "device": secrets.token_hex(16)}
        )
        self._wire.until("welcome")
        self._wire.say({"type": "join", "room": "#bench"})
        self._wire.until("room")

    def round(self) -> Round:
        """Send, and see what it took."""
        first, self._sent = self._sent + 1, self._sent + self._messages
        begun = processor_s(self._pid)
        took = pipelined(self._wire, "#bench", self._messages, 1_000, first)
        spent = processor_s(self._pid) - begun
        return Round(self._messages / took, spent / self._messages * 1e6)


def processor_s(pid: int) -> float:
    """The processor time that a process has taken, in seconds."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def idle_share(pid: int, flooded: int, rate: int) -> float:
    """Which part of a processor a relay takes that has nothing to do but the flood."""
    with Flood(flooded, rate):
        begun, since = processor_s(pid), time.perf_counter()
        time.sleep(5)
        return (processor_s(pid) - begun) / (time.perf_counter() - since)


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--flood"]:
        flood(int(sys.argv[2]), int(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--messages", type=int, default=20_000)
    options = parser.parse_args()
    port, sink = free_port(), Sink()
    rounds: dict[str, list[Round]] = {PEACE: [], FLOOD: [], ELSEWHERE: []}
    rates = []
    with relay(settings=f"[discovery]\nport = {port}\n") as server:
        measurement = Measurement(server, options.messages)
        measurement.round()
        for _ in range(options.rounds):
            rounds[PEACE].append(measurement.round())
            for kind, to in ((ELSEWHERE, sink.port), (FLOOD, port)):
                with Flood(to, options.rate) as under_way:
                    rounds[kind].append(measurement.round())
                rates.append(under_way.rate)
        idle = idle_share(server.pid, port, options.rate)
    peace, elsewhere, flooded = (
        Round(
            *(statistics.median(column) for column in zip(*rounds[kind], strict=True))
        )
        for kind in (PEACE, ELSEWHERE, FLOOD)
    )
    print(
        f"median of {options.rounds} rounds of {options.messages:,} messages: "
        f"{peace.per_s:,.0f} messages/s in peace, {flooded.per_s:,.0f} under"
        f" {min(rates):,.0f} datagrams/s or more"
        f" ({flooded.per_s / peace.per_s - 1:+.1%}), {elsewhere.per_s:,.0f} with the"
        f" same flood to a socket that nobody reads"
        f" ({elsewhere.per_s / peace.per_s - 1:+.1%}); processor time a message"
        f" {peace.cost_us:.1f}, {flooded.cost_us:.1f}"
        f" ({flooded.cost_us / peace.cost_us - 1:+.1%}), {elsewhere.cost_us:.1f} us;"
        f" with nothing else to do the flood takes {idle:.1%} of a processor"
    )
    slower = flooded.per_s < (1 - MOST_LOSS) * min(peace.per_s, elsewhere.per_s)
    dearer = flooded.cost_us * (1 - MOST_LOSS) > peace.cost_us
    if slower or dearer or min(rates) < 0.95 * options.rate:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
