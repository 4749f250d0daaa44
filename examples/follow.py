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
password = os.environ.get("RELAYCHAT_PASSWORD")
hello = {"nick": nick, "password": password, "device": secrets.token_hex(16)}
cursor: dict[str, Any] = {}  # epoch and seq of what was read last


def follow(relay: socket.socket) -> None:
    def say(kind: str, **fields: Any) -> None:
        relay.sendall(json.dumps({"type": kind, **fields}).encode() + b"\n")

    say("hello", **hello, resume={room: cursor} if cursor else {})
    say("join", room=room)
    for line in relay.makefile():
        word = json.loads(line)
        seq = word.get("last") or word.get("seq")
        if word["type"] == "ping":
            say("pong", token=word["token"])
        elif word["type"] == "error" and not word.get("retry"):
            sys.exit(word["text"])
        elif word["type"] == "error":
            return  # not now
        elif word.get("room") != room:
            continue
        elif "last" in word or ("epoch" in word and not cursor):  # a gap; the beginning
            cursor.update(epoch=word.get("epoch", cursor.get("epoch")), seq=seq)
        elif "at" in word and cursor and seq > cursor["seq"]:
            if seq > cursor["seq"] + 1:
                return  # a hole: come back, and resume
            cursor["seq"] = seq
            print(line, end="", flush=True)


while True:
    try:
        with socket.socket(socket.AF_UNIX) as relay:
            relay.settimeout(45)  # it pings after 15 s: so long a silence is no life
            relay.connect(path)
            follow(relay)
    except (OSError, ValueError):
        pass  # the relay is away, or the line was damaged; it will be back
    time.sleep(0.3)
