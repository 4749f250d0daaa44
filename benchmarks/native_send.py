"""Acknowledged durable messages a second on the native wire, and the latency of one.

    python benchmarks/native_send.py [--messages N] [--window W]

Starts a relay of its own, on a temporary folder. One connection sends N messages with a
client id each, at most W of them unacknowledged, and checks that each is acknowledged
once and in order. Then it sends 200, one at a time. A message counts when its
acknowledgement came: after the fsync that holds it. One line of figures.
"""

from __future__ import annotations

import argparse
import json
import secrets
import socket
import time

from serving import relay


class Wire:
    """A blocking connection that speaks JSON lines."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("rb", buffering=1 << 16)

    def say(self, *words: dict[str, object]) -> None:
        """Send words, one line each."""
        self.socket.sendall(
            b"".join(json.dumps(word).encode() + b"\n" for word in words)
        )

    def until(self, kind: str) -> dict[str, object]:
        """The next word of this kind; those before it are dropped."""
        while True:
            line = self.lines.readline()
            if not line:
                raise SystemExit("the relay hung up")
            word: dict[str, object] = json.loads(line)
            if word["type"] == "error":
                raise SystemExit(f"refused: {word}")
            if word["type"] == kind:
                return word


def pipelined(wire: Wire, room: str, count: int, window: int, first: int) -> float:
    """Send with a window; returns seconds. Exits if an acknowledgement is out
    of order."""
    text = "x" * 100
    begun = time.perf_counter()
    sent = acked = 0
    while acked < count:
        room_left = min(count, acked + window) - sent
        if room_left >= window // 4 or (room_left and sent + room_left == count):
            wire.say(
                *(
                    {
                        "type": "send",
                        "room": room,
                        "text": text,
                        "cid": first + sent + n,
                    }
                    for n in range(room_left)
                )
            )
            sent += room_left
        word = wire.until("ok")
        if word["cid"] != first + acked:
            raise SystemExit(f"acknowledged out of order: {word}, not {first + acked}")
        acked += 1
    return time.perf_counter() - begun


def single(wire: Wire, room: str, count: int, first: int) -> list[float]:
    """Send one at a time; returns the milliseconds of each, sorted."""
    took = []
    for number in range(count):
        begun = time.perf_counter()
        wire.say({"type": "send", "room": room, "text": "x", "cid": first + number})
        wire.until("ok")
        took.append((time.perf_counter() - begun) * 1e3)
        time.sleep(0.002)
    return sorted(took)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--window", type=int, default=1_000)
    options = parser.parse_args()
    with relay() as server:
        wire = Wire(server.native)
        wire.say({"type": "hello", "nick": "bench", "device": secrets.token_hex(16)})
        wire.until("welcome")
        wire.say({"type": "join", "room": "#bench"})
        wire.until("room")
        seconds = pipelined(wire, "#bench", options.messages, options.window, 1)
        took = single(wire, "#bench", 200, options.messages + 1)
    print(
        f"acknowledged {options.messages} in {seconds:.2f} s: "
        f"{options.messages / seconds:,.0f} messages/s, window {options.window}; "
        f"idle ack p50 {took[100]:.2f} ms, p99 {took[197]:.2f} ms"
    )


if __name__ == "__main__":
    main()
