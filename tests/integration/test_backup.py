"""A relay that goes on from a copy: who had read further is told so."""

from __future__ import annotations

import signal
from typing import Any

from click.testing import CliRunner

from relaychat.app.command import main
from tests.integration.test_twistd import DEVICE, ServerTestCase


class RestoreTests(ServerTestCase):
    """A copy of a running relay, restored an hour too late."""

    def command(self, *words: str) -> None:
        result = CliRunner().invoke(main, words)
        self.assertEqual(result.exit_code, 0, result.output)

    def test_no_silent_gap(self) -> None:
        """New messages are not taken for the lost ones that had their numbers."""
        folder = self.folder()
        copy, data = str(folder.path / "copy.db"), str(folder.data)
        server = self.server(folder)
        ann = self.come(server.plain(), "ann", device=DEVICE)
        room = ann.ask("room", kind="join", room="#tea")
        ann.ask("ok", kind="send", room="#tea", text="kept")
        self.command("backup", copy, "--data", data)
        lost = ann.ask("ok", kind="send", room="#tea", text="lost")
        self.assertEqual(server.end(signal.SIGTERM), 0)
        self.command("restore", copy, "--data", data)
        server = self.server(folder)
        bob = self.come(server.plain(), "bob")
        bob.ask("room", kind="join", room="#tea")
        while bob.ask("ok", kind="send", room="#tea", text="new")["seq"] < lost["seq"]:
            pass
        cursor: Any = {"epoch": room["epoch"], "seq": lost["seq"]}
        again = server.plain()
        self.addCleanup(again.close)
        resume: Any = {"#tea": cursor}
        again.say(kind="hello", nick="ann", device=DEVICE, resume=resume)
        gap = again.until("gap")
        self.assertEqual((gap["reason"], gap["room"]), ("reset", "#tea"))
        self.assertNotEqual(gap["epoch"], room["epoch"])
