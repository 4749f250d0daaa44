"""What a relay costs while nothing happens: start, memory, memory per connection.

    python benchmarks/idle.py [--connections N]

Starts a relay on a temporary folder and prints: seconds until it answers, its resident
memory then, and what each of N connections adds that said hello and joined a room of
ten, native ones first, then IRC ones. One line of figures.
"""

from __future__ import annotations

import argparse
import resource
import socket
import time
from pathlib import Path

from serving import Relay, relay


def resident_kib(pid: int) -> int:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise SystemExit("the relay is gone")


def settle(pid: int) -> int:
    """Resident memory once it no longer changes."""
    before = -1
    while (now := resident_kib(pid)) != before:
        before = now
        time.sleep(0.5)
    return now


def native(server: Relay, number: int) -> socket.socket:
    """A native connection in a room of ten."""
    link = socket.create_connection(server.native)
    link.sendall(
        b'{"type":"hello","nick":"native%d"}\n{"type":"join","room":"#n%d"}\n'
        % (number, number // 10)
    )
    until(link, b'"type":"room"')
    return link


def irc(server: Relay, number: int) -> socket.socket:
    """An IRC connection in a room of ten."""
    link = socket.create_connection(server.irc)
    link.sendall(
        b"NICK irc%d\r\nUSER u 0 * :r\r\nJOIN #i%d\r\n" % (number, number // 10)
    )
    until(link, b" 366 ")
    return link


def until(link: socket.socket, mark: bytes) -> None:
    """Read until these bytes were there."""
    seen = b""
    while mark not in seen:
        data = link.recv(65536)
        if not data:
            raise SystemExit(f"the relay hung up: {seen!r}")
        seen += data


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=1000)
    count = parser.parse_args().connections
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    begun = time.perf_counter()
    with relay() as server:
        started_s = time.perf_counter() - begun
        empty = settle(server.pid)
        links = [native(server, number) for number in range(count)]
        with_native = settle(server.pid)
        links += [irc(server, number) for number in range(count)]
        with_irc = settle(server.pid)
        for link in links:
            link.close()
    print(
        f"started in {started_s:.2f} s; {empty / 1024:.1f} MiB resident; "
        f"a connection in a room adds {(with_native - empty) / count:.1f} KiB native, "
        f"{(with_irc - with_native) / count:.1f} KiB IRC ({count} each)"
    )


if __name__ == "__main__":
    main()
