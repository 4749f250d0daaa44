"""One login for all programs of a state folder.

Each program that keeps an outbox is a device of its own, for client ids rise by device.
The first one that logs in to an account leaves its secret beside them, readable by the
user alone, and a new one says that it vouches for it. So one gives one's password once.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct
from twisted.logger import Logger

from relaychat.client.state import StateError, replace
from relaychat.model.commands import Hello
from relaychat.model.events import Welcome

_log = Logger()


class _Kept(Struct):
    device: str
    """Who vouches; empty if one has logged in that may not."""


class Login:
    """See the module. ``private``: nobody can listen on the way to the server."""

    def __init__(self, folder: Path, private: bool) -> None:
        self._path = folder / "login.json"
        self._private = private

    def vouched(self, hello: Hello) -> Hello:
        """The hello, with whom we have that vouches for its device."""
        known = self._kept()
        if not self._private or not known or known == hello.device:
            return hello
        return msgspec.structs.replace(hello, vouch=known)

    def welcomed(self, hello: Hello, welcome: Welcome) -> None:
        """We were let in: if it was to an account, as all that it is, our device may
        vouch for others from now on. Who has brought a password did so because nobody
        else could."""
        if welcome.account is None or hello.device is None:
            return
        known = self._kept()
        if welcome.scope or not self._private:
            if known is None:
                self._keep("")
        elif known != hello.device and (not known or hello.password is not None):
            self._keep(hello.device)

    @property
    def is_kept(self) -> bool:
        """Whether a device has logged in here to an account, so that its secret opens
        that."""
        return self._kept() is not None

    def _keep(self, device: str) -> None:
        try:
            replace(self._path, msgspec.json.encode(_Kept(device)), True)
        except StateError as error:
            _log.warn("the login can't be kept: {error}", error=error)

    def _kept(self) -> str | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Kept).device
        except (OSError, msgspec.MsgspecError):
            return None
