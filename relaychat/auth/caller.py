"""Who asks for something about accounts, and the house that is told what comes of
it."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from relaychat.auth.credentials import Origin
from relaychat.model.errors import Forbidden, RelayError


class Caller(Struct, frozen=True):
    """Who asks."""

    origin: Origin
    session: object = None
    """The session itself: the one that is not ended with all others."""
    account: str | None = None
    device: str = ""
    """The digest of its device's secret, if it has one."""
    token: str = ""
    """The digest of the token that it came in by."""
    administrator: bool = False

    @property
    def name(self) -> str:
        """Of its account. Raises Forbidden for one that has none."""
        if self.account is None:
            raise Forbidden("only for those who have logged in to an account")
        return self.account

    def in_person(self) -> str:
        """The name of its account. Raises Forbidden where it came in by a token."""
        if self.token:
            raise Forbidden("not with a token: log in with the password for this")
        return self.name


class House(Protocol):
    """What accounts have to do with the rooms: the hub."""

    def cut(
        self,
        account: str,
        error: RelayError,
        device: str | None = None,
        token: str | None = None,
        keep: object = None,
    ) -> None:
        """End the sessions of an account, or those of one of its devices or tokens
        only; all but ``keep``."""

    def erase(self, account: str, blank: bool) -> None:
        """An account is no more: its sessions end, its rooms pass on."""
