"""What a client remembers in its folder."""

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.state import (
    CID_BLOCK,
    CursorFile,
    Device,
    Held,
    Lock,
    StateError,
    home,
    replace,
    slug,
    state_root,
    take_device,
)
from relaychat.model.commands import Cursor


class Folders(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()


class HomeTests(Folders):
    def test_root(self) -> None:
        """The option wins, then the environment, then the XDG folder, which has to be
        absolute."""
        env = {"RELAYCHAT_STATE": "/env", "XDG_STATE_HOME": "/xdg", "HOME": "/h"}
        self.assertEqual(state_root("/option", env), Path("/option"))
        self.assertEqual(state_root(None, env), Path("/env"))
        del env["RELAYCHAT_STATE"]
        self.assertEqual(state_root(None, env), Path("/xdg/relaychat"))
        env["XDG_STATE_HOME"] = "relative"
        self.assertEqual(state_root(None, env), Path("/h/.local/state/relaychat"))

    def test_home_is_private(self) -> None:
        """The folder of a server and nick belongs to its user alone."""
        made = home(self.folder, "tcp:127.0.0.1:7600", "Ann")
        self.assertEqual(made, self.folder / "tcp_127.0.0.1_7600" / "ann")
        self.assertEqual(stat.S_IMODE(made.stat().st_mode), 0o700)

    def test_home_that_cannot_be(self) -> None:
        """A folder that can't be made is an error that names it."""
        (self.folder / "file").write_text("")
        error = self.assertRaises(StateError, home, self.folder / "file", "s", "n")
        self.assertIn("file", str(error))

    def test_slug(self) -> None:
        """Names become file names that can't leave the folder."""
        self.assertEqual(slug("unix:/run/x.sock"), "unix__run_x.sock")
        self.assertEqual(slug(".."), "_..")
        self.assertEqual(slug("ä[]"), "%c3%a4%5b%5d")


class LockTests(Folders):
    def test_one_holder(self) -> None:
        """A lock has one holder, until it lets go."""
        path = self.folder / "lock"
        lock = Lock(path)
        self.assertRaises(Held, Lock, path)
        lock.release()
        Lock(path, wait=True).release()

    def test_no_folder(self) -> None:
        """A lock that can't be made is an error of the state folder."""
        self.assertRaises(StateError, Lock, self.folder / "no" / "lock")


class DeviceTests(Folders):
    def test_secret_stays(self) -> None:
        """A device keeps its secret over runs, in a file of its user's alone."""
        with take_device(self.folder) as device:
            secret = device.secret
            self.assertRegex(secret, "^[0-9a-f]{32}$")
        with take_device(self.folder) as device:
            self.assertEqual(device.secret, secret)
        mode = (self.folder / "device-0.json").stat().st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_one_process_each(self) -> None:
        """While a device is held the next process takes another."""
        with take_device(self.folder) as one, take_device(self.folder) as other:
            self.assertNotEqual(one.secret, other.secret)
        with take_device(self.folder) as again:
            self.assertEqual(again.secret, one.secret)

    def test_cids_rise_over_kills(self) -> None:
        """A process that dies without a word leaves no cid to be used again."""
        last = 0
        for _ in range(3):
            device = Device(self.folder / "device-0.json")
            for _ in range(CID_BLOCK + 3):
                cid = device.next_cid()
                self.assertGreater(cid, last)
                last = cid
            device._lock.release()  # all that is left of it is what the disk holds

    def test_server_knows_higher(self) -> None:
        """A server that holds a higher cid is believed."""
        with take_device(self.folder) as device:
            device.seen(1000)
            self.assertEqual(device.next_cid(), 1001)
            device.seen(5)
            self.assertEqual(device.next_cid(), 1002)

    def test_broken_file(self) -> None:
        """A file that is not ours is an error, and stays as it is."""
        path = self.folder / "device-0.json"
        path.write_text("{")
        error = self.assertRaises(StateError, take_device, self.folder)
        self.assertIn("device-0.json", str(error))
        self.assertEqual(path.read_text(), "{")


class CursorFileTests(Folders):
    def test_goes_on(self) -> None:
        """A cursor is found again, however the room's name is written."""
        path = self.folder / "cursor"
        CursorFile(path).put("#Ops", Cursor("e", 3))
        self.assertEqual(CursorFile(path).get("#oPS"), Cursor("e", 3))
        self.assertIsNone(CursorFile(path).get("#tea"))

    def test_written_only_when_it_moves(self) -> None:
        """The same cursor is not written again."""
        path = self.folder / "cursor"
        file = CursorFile(path)
        file.put("#ops", Cursor("e", 3))
        path.unlink()
        file.put("#ops", Cursor("e", 3))
        self.assertFalse(path.exists())

    def test_broken(self) -> None:
        """A cursor file that can't be read is an error: to begin anew would double."""
        path = self.folder / "cursor"
        path.write_text("[]")
        self.assertRaises(StateError, CursorFile, path)

    def test_no_place_to_write(self) -> None:
        """A file that can't be written is an error."""
        self.assertRaises(StateError, replace, self.folder / "no" / "f", b"", True)
        self.assertEqual(os.listdir(self.folder), [])
