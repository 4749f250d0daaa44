"""Webhooks into a room: a small HTTP server that writes one line for each.

python webhook.py PORT SECRET_FILE | relaychat pipe '#builds'
python webhook.py PORT SECRET_FILE -- relaychat send '#builds'

With a command behind --, that is run for each webhook with the line as its last word,
and the webhook is answered when it has ended: with 204 if it went well, else with 503,
so that the sender tries again. Without one the answer comes when the line is written;
if nobody reads lines any more that is 503, and the end.

Who sends signs the body as GitHub, Gitea and Forgejo do: X-Hub-Signature-256 is
sha256= and the HMAC with the secret, in hex.
"""

import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BODY_BYTES = 1024 * 1024  # GitHub sends up to 25 MiB; what is of interest stands first
LINE_CHARS = 1000
PATIENCE_S = 10  # for a body to come
one_at_a_time = threading.Lock()


def summary(event: str, word: dict[str, Any]) -> str:
    """One line: the text that the sender wrote, or what happened, where, by whom."""
    text = word.get("text")
    if not isinstance(text, str):
        where = (word.get("repository") or {}).get("full_name", "")
        who = (word.get("sender") or {}).get("login", "")
        what = (word.get("head_commit") or {}).get("message", "")
        told = [where, event, word.get("action", ""), who and f"by {who}:", what]
        text = " ".join(one for one in told if one)
    return " ".join(text.split())[:LINE_CHARS].rstrip(":") or event


def hand_over(line: str, command: list[str]) -> bool:
    """Whether it is where it should go."""
    with one_at_a_time:
        if command:
            return subprocess.run([*command, "--", line]).returncode == 0
        print(line, flush=True)
        return True


def hook(secret: bytes, command: list[str]) -> type[BaseHTTPRequestHandler]:
    class Hook(BaseHTTPRequestHandler):
        timeout = PATIENCE_S

        def do_POST(self) -> None:
            try:
                status = self.take()
            except BrokenPipeError:  # who reads is gone: the sender shall try again
                status = 503
            self.send_response(status)
            self.end_headers()
            if status == 503 and not command:
                self.server.shutdown()

        def take(self) -> int:
            """The status of the answer."""
            size = self.headers.get("Content-Length", "")
            if not size.isdecimal():
                return 411
            if int(size) > BODY_BYTES:
                return 413
            body = self.rfile.read(int(size))
            proof = hmac.new(secret, body, hashlib.sha256).hexdigest()
            given = self.headers.get("X-Hub-Signature-256", "")
            if not hmac.compare_digest(f"sha256={proof}".encode(), given.encode()):
                return 403
            try:
                event = self.headers.get("X-GitHub-Event", "event")
                line = summary(event, json.loads(body))
            except (ValueError, AttributeError, TypeError):
                return 400
            return 204 if hand_over(line, command) else 503

    return Hook


def main(port: str, secret_file: str, *rest: str) -> None:
    secret = Path(secret_file).read_bytes().strip()
    if not secret:
        sys.exit(f"{secret_file} is empty")
    with ThreadingHTTPServer(("127.0.0.1", int(port)), hook(secret, [*rest[1:]])) as it:
        print(f"http://127.0.0.1:{it.server_port}", file=sys.stderr, flush=True)
        it.serve_forever()
    # What could not be written is not tried again at the end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit("nobody reads what I write any more")


if __name__ == "__main__":
    main(*sys.argv[1:])
