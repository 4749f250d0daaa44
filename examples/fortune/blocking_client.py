"""A blocking fortune client: the standard library and a thread, for programs that have
something else to do.

python blocking_client.py 127.0.0.1 7117
"""

import socket
import struct
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from typing import BinaryIO

LIMIT_BYTES = 64 * 1024
TIMEOUT_S = 10
DOTS_S = 0.5


def ask(host: str, port: int) -> str:
    """The fortune of a server; waits for it. Raises OSError, EOFError, ValueError."""
    connection = socket.create_connection((host, port), TIMEOUT_S)
    with connection, connection.makefile("rb") as stream:
        (size,) = struct.unpack(">I", exactly(stream, 4))
        if size > LIMIT_BYTES:
            raise ValueError(f"it is said to have {size} bytes")
        return exactly(stream, size).decode("utf-16-be")


def exactly(stream: BinaryIO, size: int) -> bytes:
    """So many bytes: a stream may bring them in any pieces."""
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("the server hung up before it was whole")
    return data


def main(host: str, port: str) -> None:
    with ThreadPoolExecutor(1) as thread:
        fortune = thread.submit(ask, host, int(port))
        while wait([fortune], DOTS_S).not_done:
            print(".", end="", flush=True)  # Here a window would be drawn.
        try:
            print(fortune.result())
        except (OSError, EOFError, ValueError) as error:
            sys.exit(f"no fortune: {error}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
