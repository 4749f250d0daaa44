"""Follow a room through restarts of the relay: every entry of its log once, in order.

python follow.py relaychat-data/native.sock '#ops' NICK

$RELAYCHAT_PASSWORD is the account's password, if NICK is one.
"""

import json
import os
import secrets
import socket
import sys
import time
from typing import Any

path, room, nick = sys.argv[1:]
device = secrets.token_hex(16)  # who we are, beyond the nick, at every connection
password = os.environ.get("RELAYCHAT_PASSWORD")
cursor: dict[str, Any] = {}  # epoch and seq of what was read last


def follow(relay: socket.socket) -> None:
    def say(**word: Any) -> None:
        relay.sendall(json.dumps(word).encode() + b"\n")

    hello = {"nick": nick, "password": password, "device": device}
    say(type="hello", **hello, resume={room: cursor} if cursor else {})
    say(type="join", room=room)
    for line in relay.makefile("rb"):
        if not line.endswith(b"\n"):
            return  # cut off in the middle
        word = json.loads(line)
        if word["type"] == "ping":
            say(type="pong", token=word["token"])
        elif word["type"] == "error" and not word.get("retry"):
            sys.exit(word["text"])
        elif word["type"] == "error":
            return  # not now: come back later
        elif word.get("room") != room:
            continue
        elif word["type"] == "gap" or (word["type"] == "room" and not cursor):
            cursor.update(epoch=word["epoch"], seq=word.get("last", word.get("seq")))
        elif "at" in word and cursor and word["seq"] > cursor["seq"]:
            if word["seq"] > cursor["seq"] + 1:
                return  # a hole: come back, and resume
            cursor["seq"] += 1
            sys.stdout.buffer.write(line)
            sys.stdout.flush()


while True:
    try:
        with socket.socket(socket.AF_UNIX) as relay:
            relay.settimeout(45)  # it pings after 15 s: so long a silence is no life
            relay.connect(path)
            follow(relay)
    except (OSError, ValueError):
        pass  # the relay is away, or the line was damaged; it will be back
    time.sleep(0.3)
