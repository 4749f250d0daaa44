"""What peers prove with who they are: credentials of ``twisted.cred``."""

from __future__ import annotations

from hmac import compare_digest

from msgspec import Struct
from twisted.cred.credentials import IAnonymous
from zope.interface import Attribute, Interface, implementer

from relaychat.auth.accounts import Account, Token
from relaychat.auth.tokens import digest_of
from relaychat.wire.scram import ScramError, ServerExchange


class Origin(Struct, frozen=True):
    """Where a peer comes from, and what its link vouches for."""

    address: str
    """A host's address, or ``unix``."""
    secure: bool = False
    """Nobody on the way can listen."""
    certificate: str | None = None
    """SHA-256 fingerprint of the peer's TLS certificate."""
    uid: int | None = None
    """Of the process at the other end of a UNIX socket."""


def fingerprint_of(text: str) -> str:
    """A fingerprint as it is kept: 64 digits in lower case."""
    return text.replace(":", "").lower()


class IKey(Interface):
    """Something that an account keeps the counterpart of."""

    name = Attribute("Of the account.")

    def opens(account: Account) -> bool:
        """Whether it is this account's."""


class IUser(Interface):
    """A user of this machine, by the kernel's word."""

    name = Attribute("The account that they want.")
    uid = Attribute("Their user id.")


@implementer(IKey)
class ByToken:
    """A token. ``now_ms`` is the time, for those that expire."""

    def __init__(self, name: str, secret: str, now_ms: int) -> None:
        self.name = name
        self._digest = digest_of(secret)
        self._now_ms = now_ms

    def opens(self, account: Account) -> bool:
        """See ``IKey``."""
        return self.token(account) is not None

    def token(self, account: Account) -> Token | None:
        """The account's token that it is."""
        for token in account.tokens:
            if compare_digest(token.digest, self._digest):
                good = not token.expires_ms or token.expires_ms > self._now_ms
                return token if good else None
        return None


@implementer(IKey)
class ByProof:
    """The end of an exchange of SCRAM; ``verdict`` is our answer to it."""

    def __init__(self, exchange: ServerExchange, final: str) -> None:
        self.name = exchange.name
        self.verdict = ""
        self._exchange = exchange
        self._final = final

    def opens(self, account: Account) -> bool:
        """See ``IKey``. The exchange has the account's keys already."""
        try:
            self.verdict = self._exchange.verdict(self._final)
        except ScramError:
            return False
        return True


@implementer(IKey)
class ByCertificate:
    """A TLS client certificate, by its fingerprint."""

    def __init__(self, name: str, fingerprint: str) -> None:
        self.name = name
        self._fingerprint = fingerprint_of(fingerprint)

    def opens(self, account: Account) -> bool:
        """See ``IKey``."""
        return any(
            compare_digest(known, self._fingerprint) for known in account.certificates
        )


@implementer(IKey)
class ByDevice:
    """The secret of a device that has logged in before, by its digest."""

    def __init__(self, name: str, digest: str) -> None:
        self.name = name
        self._digest = digest

    def opens(self, account: Account) -> bool:
        """See ``IKey``."""
        return any(
            compare_digest(known.digest, self._digest)
            and known.trusted
            and not known.revoked
            for known in account.devices
        )


@implementer(IUser)
class ByUser:
    """See ``IUser``."""

    def __init__(self, name: str, uid: int) -> None:
        self.name = name
        self.uid = uid


@implementer(IAnonymous)
class Guest:
    """Somebody without an account: the nick they want, and the house's guest password,
    if they gave any."""

    def __init__(self, nick: str, password: str = "") -> None:
        self.nick = nick
        self.password = password
