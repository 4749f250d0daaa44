"""How chat goes on while many log in at once.

    python benchmarks/logins.py [--accounts N] [--clients N] [--most-ms MS]

Starts a relay of its own with N accounts. A process of its own chats: it sends a
message every 5 ms, waits for the acknowledgement (after the fsync) and notes how long
that took. Then so many clients connect and say hello in the same moment: first with a
password each (argon2id, in the relay's two hashing threads), then by SCRAM, then by
their devices alone. All have to get in. One line of figures; the exit code is 1 if an
acknowledgement took longer than ``--most-ms``.
"""

from __future__ import annotations

import argparse
import json
import secrets
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from argon2 import PasswordHasher
from native_send import Wire
from serving import relay

from relaychat.auth.accounts import Account, Token
from relaychat.auth.passwords import HASH_BYTES, SALT_BYTES, Cost
from relaychat.model.names import skeleton
from relaychat.store.folder import make_folder
from relaychat.store.schema import open_writer
from relaychat.wire.scram import ClientExchange, derive

PASSWORD = "correct horse battery staple"
EVERY_S = 0.005
PATIENCE_S = 60
QUIET_S = 3
"""Of chat alone, to compare with: what the machine itself adds."""


def fill(data: Path, count: int, tokens: tuple[Token, ...] = ()) -> None:
    """A database with so many accounts. All have the same password, salt and tokens:
    the relay does not look."""
    cost = Cost()
    hasher = PasswordHasher(
        cost.passes, cost.memory_kib, cost.lanes, HASH_BYTES, SALT_BYTES
    )
    hashed = hasher.hash(PASSWORD)
    keys = derive(PASSWORD, secrets.token_bytes(SALT_BYTES), cost.iterations)
    make_folder(data)
    connection = open_writer(data / "relaychat.db")
    encode = msgspec.json.Encoder().encode
    records = []
    for number in range(count):
        name = f"user{number}"
        account = Account(name, hashed, keys, made_ms=1, tokens=tokens)
        records.append(("account", name, encode(account)))
        records.append(("look", skeleton(name), name.encode()))
    connection.execute("BEGIN")
    connection.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", records)
    connection.execute("COMMIT")
    connection.close()


def chat(port: int) -> None:
    """Chat until stdin ends; write each acknowledgement's time and duration, in s."""
    wire = Wire(("127.0.0.1", port))
    wire.say({"type": "hello", "nick": "chatter"}, {"type": "join", "room": "#bench"})
    wire.until("room")
    print("[]", flush=True)
    waiting = selectors.DefaultSelector()
    waiting.register(sys.stdin, selectors.EVENT_READ)
    took = []
    while not waiting.select(EVERY_S):
        begun = time.monotonic()
        wire.say({"type": "send", "room": "#bench", "text": "x"})
        wire.until("ok")
        took.append((begun, time.monotonic() - begun))
    print(json.dumps(took), flush=True)


class Client:
    """One of the crowd."""

    def __init__(self, address: tuple[str, int], number: int) -> None:
        self.nick = f"user{number}"
        self.device = f"{number:032x}"
        self.socket = socket.create_connection(address)
        self.socket.setblocking(False)
        self.held = b""

    def say(self, **word: object) -> None:
        """Send a word."""
        self.socket.sendall(json.dumps(word).encode() + b"\n")

    def heard(self) -> list[dict[str, object]]:
        """What came."""
        *lines, self.held = (self.held + self.socket.recv(65536)).split(b"\n")
        return [json.loads(line) for line in lines]


Hello = Callable[[Client], None]
Answer = Callable[[Client, dict[str, object]], None]


def crowd(
    address: tuple[str, int], count: int, hello: Hello, answer: Answer
) -> tuple[float, float]:
    """All come at once: when they began, and when the last one was in."""
    clients = [Client(address, number) for number in range(count)]
    waiting = selectors.DefaultSelector()
    for client in clients:
        waiting.register(client.socket, selectors.EVENT_READ, client)
    begun = time.monotonic()
    for client in clients:
        hello(client)
    inside = 0
    while inside < count:
        for key, _ in waiting.select(PATIENCE_S):
            client = key.data
            for word in client.heard():
                if word["type"] == "error":
                    raise SystemExit(f"{client.nick} was refused: {word}")
                if word["type"] == "welcome":
                    inside += 1
                elif word["type"] == "challenge":
                    answer(client, word)
        if time.monotonic() > begun + PATIENCE_S:
            raise SystemExit(f"{inside} of {count} are in after {PATIENCE_S} s")
    ended = time.monotonic()
    for client in clients:
        client.socket.close()
    return begun, ended


class Ways:
    """The ways that a crowd comes in by."""

    def __init__(self) -> None:
        self._exchanges: dict[str, ClientExchange] = {}
        self._known: dict[tuple[bytes, int], bytes] = {}

    def password(self, client: Client) -> None:
        """Say the password."""
        client.say(
            type="hello", nick=client.nick, password=PASSWORD, device=client.device
        )

    def scram(self, client: Client) -> None:
        """Begin to prove it."""
        nonce = secrets.token_hex(12)
        exchange = ClientExchange(client.nick, PASSWORD, nonce, self._known)
        self._exchanges[client.nick] = exchange
        client.say(type="hello", nick=client.nick, scram=exchange.first)

    def prove(self, client: Client, challenge: dict[str, object]) -> None:
        """Go on."""
        exchange = self._exchanges[client.nick]
        client.say(type="proof", scram=exchange.final(str(challenge["scram"])))

    def device(self, client: Client) -> None:
        """Come back as a device that was here before."""
        client.say(type="hello", nick=client.nick, device=client.device)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--most-ms", type=float, default=100)
    parser.add_argument("--chat", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.chat:
        chat(options.chat)
        return
    ways, spans = Ways(), {}
    with relay(prepare=lambda data: fill(data, options.accounts)) as server:
        chatter = subprocess.Popen(
            [sys.executable, __file__, "--chat", str(server.native[1])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert chatter.stdin is not None and chatter.stdout is not None
        chatter.stdout.readline()
        quiet = time.monotonic()
        time.sleep(QUIET_S)
        spans["nobody"] = quiet, time.monotonic()
        for name, hello in (
            ("password", ways.password), ("SCRAM", ways.scram), ("device", ways.device)
        ):  # fmt: skip
            spans[name] = crowd(server.native, options.clients, hello, ways.prove)
            time.sleep(0.5)
        chatter.stdin.close()
        took = json.loads(chatter.stdout.readline())
        chatter.wait()
    worst, told = 0.0, []
    for name, (begun, ended) in spans.items():
        inside = sorted(one * 1e3 for at, one in took if begun - 0.1 <= at <= ended)
        middle, late = inside[len(inside) // 2], inside[len(inside) * 99 // 100]
        worst = max(worst, inside[-1])
        if name == "nobody":
            quiet = inside[-1]
            continue
        told.append(
            f"by {name} in {ended - begun:.1f} s, meanwhile ack p50 {middle:.1f},"
            f" p99 {late:.1f}, most {inside[-1]:.1f} ms"
        )
    figures = "; ".join(told)
    print(
        f"{options.accounts} accounts, {options.clients} logins at once: {figures}"
        f" (without logins most {quiet:.1f} ms)"
    )
    if worst > options.most_ms:
        raise SystemExit(f"chat stalled for {worst:.0f} ms")


if __name__ == "__main__":
    main()
