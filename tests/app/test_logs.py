"""How the relay logs."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.config import Log
from relaychat.app.logs import observer, target


class ObserverTests(SynchronousTestCase):
    """What the configuration asks for."""

    def _written(self, log: Log) -> list[str]:
        file = StringIO()
        logger = Logger("relay", observer=observer(log, file))
        logger.info("{text}", text="two\nlines")
        logger.error("broken")
        return file.getvalue().splitlines()

    def test_target(self) -> None:
        """Without a file it is standard output; a file is added to."""
        self.assertIs(target(Log()), sys.stdout)
        folder = Path(mkdtemp())
        self.addCleanup(rmtree, folder)
        path = folder / "relay.log"
        for text in ("one\n", "two\n"):
            with target(Log(file=str(path))) as file:
                file.write(text)
        self.assertEqual(path.read_text(), "one\ntwo\n")

    def test_text(self) -> None:
        """Text goes to the file; what has several lines can't pass for several."""
        lines = self._written(Log())
        self.assertEqual(len(lines), 3)
        self.assertIn("[relay#info] two", lines[0])
        self.assertEqual(lines[1], "\tlines")

    def test_json(self) -> None:
        """Each event is an object on a line of its own."""
        info, error = map(json.loads, self._written(Log(format="json")))
        self.assertEqual(
            (info["level"], info["from"], info["text"]), ("info", "relay", "two\nlines")
        )
        self.assertEqual((error["level"], error["text"]), ("error", "broken"))
        self.assertEqual(datetime.fromisoformat(info["time"]).tzinfo, UTC)

    def test_traceback(self) -> None:
        """A failure brings its traceback, on the same line."""
        file = StringIO()
        made = observer(Log(format="json"), file)
        try:
            raise ValueError("no tea")
        except ValueError:
            Logger("relay", observer=made).failure("brewing failed")
        told = json.loads(file.getvalue())
        self.assertEqual((told["level"], told["text"]), ("critical", "brewing failed"))
        self.assertIn("ValueError: no tea", told["traceback"])

    def test_level(self) -> None:
        """What is below the level is not written."""
        lines = self._written(Log(level="error"))
        self.assertEqual(len(lines), 1)
        self.assertIn("broken", lines[0])
