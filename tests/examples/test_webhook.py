"""Webhooks into a room and out of one, as ``docs/webhooks.md`` has it."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.integration.client import MAIN, PASSWORD, ROOM, ClientCase
from tests.integration.server import PATIENCE_S, environment

EXAMPLES = Path(__file__).parents[2] / "examples"
SECRET = "a shared secret"
PUSH = {
    "repository": {"full_name": "house/kettle"},
    "sender": {"login": "ann"},
    "head_commit": {"message": "Boil faster\n\nMuch."},
}


def posted(url: str, body: bytes, secret: str = SECRET, event: str = "push") -> int:
    """Post a signed webhook; the status of the answer."""
    proof = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    told = {"X-Hub-Signature-256": f"sha256={proof}", "X-GitHub-Event": event}
    try:
        with urlopen(Request(url, body, told), timeout=PATIENCE_S) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


class WebhookTests(ClientCase):
    """The receiving script, beside a real relay."""

    def hooks(self, *command: str) -> tuple[str, subprocess.Popen[str]]:
        """The script, and where it listens."""
        secret = self.folder.path / "secret"
        secret.write_text(f"{SECRET}\n")
        process = subprocess.Popen(
            [sys.executable, EXAMPLES / "webhook.py", "0", secret, *command],
            env={
                **environment(),
                "RELAYCHAT_STATE": str(self.folder.path / "state"),
                "RELAYCHAT_SERVER": f"unix:{self.folder.data}/native.sock",
                "RELAYCHAT_PASSWORD": PASSWORD,
                "RELAYCHAT_NICK": "ann",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.end, process)
        assert process.stderr is not None
        return process.stderr.readline().strip(), process

    def end(self, process: subprocess.Popen[str]) -> None:
        process.terminate()
        if process.stdout is not None and process.stdout.closed:
            process.stdout = None
        process.communicate(timeout=PATIENCE_S)

    def test_lines(self) -> None:
        """One line for each: what was written, or what happened. Others are refused."""
        url, process = self.hooks()
        assert process.stdout is not None
        self.assertEqual(posted(url, json.dumps(PUSH).encode()), 204)
        line = "house/kettle push by ann: Boil faster Much.\n"
        self.assertEqual(process.stdout.readline(), line)
        self.assertEqual(posted(url, b'{"text":"two\\nlines"}'), 204)
        self.assertEqual(process.stdout.readline(), "two lines\n")
        self.assertEqual(posted(url, b"{}", event="ping"), 204)
        self.assertEqual(process.stdout.readline(), "ping\n")
        self.assertEqual(posted(url, b"{}", secret="guessed"), 403)
        for body in (b"no json", b"[]", b'{"repository":5}'):
            self.assertEqual(posted(url, body), 400, body)
        asked = HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE_S)
        self.addCleanup(asked.close)
        asked.putrequest("POST", "/")
        asked.putheader("Content-Length", str(1024 * 1024 + 1))
        asked.endheaders()
        self.assertEqual(asked.getresponse().status, 413)

    def test_reader_gone(self) -> None:
        """Where nobody reads any more the sender is to try again, and it ends with one
        line."""
        url, process = self.hooks()
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        self.assertEqual(posted(url, b'{"text":"lost"}'), 503)
        self.assertEqual(process.wait(PATIENCE_S), 1)
        told = process.stderr.read().splitlines()
        self.assertEqual(told[-1], "nobody reads what I write any more")
        self.assertNotIn("Traceback", "".join(told))

    def test_by_pipe(self) -> None:
        """Through a pipe it is in the room."""
        url, hooks = self.hooks()
        pipe = self.start("pipe", ROOM, stdin=hooks.stdout)
        watcher = self.watcher()
        self.assertEqual(posted(url, b'{"text":"built"}'), 204)
        self.assertEqual(watcher.until("said")["text"], "built")
        pipe.terminate()

    def test_by_send(self) -> None:
        """With a command it is in the log when it is answered; 503 if that fails."""
        url, _ = self.hooks("--", *MAIN, "send", ROOM)
        self.assertEqual(posted(url, b'{"text":"--built"}'), 204)
        self.assertEqual(self.texts(), ["--built"])
        url, _ = self.hooks("--", "false")
        self.assertEqual(posted(url, b'{"text":"built"}'), 503)

    def test_there_and_out(self) -> None:
        """What is said in a room is posted, signed, and arrives at another script."""
        url, process = self.hooks()
        secret = str(self.folder.path / "secret")
        forward = str(EXAMPLES / "bots" / "forward.py")
        self.account("bert")
        words = ("--nick", "bert", "--room", ROOM, "--start-s", "30", "--")
        self.start("bot", *words, sys.executable, forward, url, secret)
        watcher: Any = self.watcher()
        watcher.until("joined")
        self.output("send", ROOM, "the kettle boils")
        assert process.stdout is not None
        self.assertEqual(process.stdout.readline(), "the kettle boils\n")
