"""What who runs the relay is told of the system's errors."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from twisted.internet.error import CannotListenError
from twisted.trial.unittest import SynchronousTestCase

from relaychat.app.reasons import file_problem, folder_problem, reason_of


class ReasonTests(SynchronousTestCase):
    """Words, with what they are about, and no numbers of the system's."""

    def test_reasons(self) -> None:
        """Ports, sockets, files and anything else."""
        taken = OSError(errno.EADDRINUSE, "Address already in use")
        for error, told in (
            (
                CannotListenError("127.0.0.1", 7600, taken),
                "127.0.0.1, port 7600: Address already in use",
            ),
            (
                CannotListenError("", 7600, taken),
                "any address, port 7600: Address already in use",
            ),
            (
                CannotListenError(None, "data/native.sock", taken),
                "data/native.sock: Address already in use",
            ),
            (FileNotFoundError(errno.ENOENT, "No such", "a.pem"), "a.pem: No such"),
            (OSError("odd"), "odd"),
            (ValueError("what is wrong"), "what is wrong"),
        ):
            self.assertEqual(reason_of(error), told)

    def test_no_file(self) -> None:
        """Where the system names no file, it is the place that is known."""
        full = OSError(errno.ENOSPC, "No space left on device")
        self.assertEqual(reason_of(full, "data"), "data: No space left on device")
        missing = FileNotFoundError(errno.ENOENT, "No such", "a.pem")
        self.assertEqual(reason_of(missing, "data"), "a.pem: No such")
        self.assertEqual(reason_of(ValueError("odd"), "data"), "odd")

    def test_folder(self) -> None:
        """One that is there, or can be made, is good; one below a file is not, nor one
        that may not be written to."""
        folder = Path(self.mktemp()).absolute()
        self.assertEqual(folder_problem(folder / "a" / "b"), "")
        folder.mkdir()
        self.assertEqual(folder_problem(folder), "")
        (folder / "file").write_text("")
        self.assertEqual(
            folder_problem(folder / "file" / "b"), f"{folder}/file: Not a directory"
        )
        self.patch(os, "access", lambda path, mode: False)
        self.assertEqual(folder_problem(folder / "b"), f"{folder}: Permission denied")

    def test_file(self) -> None:
        """It need not be there, but its folder must."""
        folder = Path(self.mktemp()).absolute()
        file = folder / "log"
        self.assertEqual(file_problem(file), f"{file}: No such file or directory")
        folder.mkdir()
        self.assertEqual(file_problem(file), "")
        self.patch(os, "access", lambda path, mode: False)
        self.assertEqual(file_problem(file), f"{file}: Permission denied")
