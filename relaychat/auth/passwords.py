"""Passwords are kept as argon2id, and hashed in threads of their own: few, so that
logins take neither the processors nor the memory away from the chat."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Protocol, TypeVar
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Struct
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from relaychat.model.errors import BadText, TooFast, TooLong
from relaychat.model.world import World

T = TypeVar("T")

PASSWORD_LIMIT_BYTES = 1024
"""Longer than any passphrase. The hash reads every byte of it."""
WAITING_LIMIT = 64
"""Hashes waited for at a time: at two threads and 40 ms each, more than a second."""
SALT_BYTES = 16
HASH_BYTES = 32


class Cost(Struct, frozen=True):
    """What one hash costs: OWASP's choice for argon2id, 40 ms on a small server."""

    memory_kib: int = 19 * 1024
    passes: int = 2
    lanes: int = 1


class Threads(Protocol):
    """Runs calls elsewhere, a few at a time. The server's is in ``relaychat.app``."""

    def run(self, call: Callable[[], T]) -> Deferred[T]:
        """The result of a call."""


class Passwords:
    """Makes and checks hashes. ``threads`` bounds how many run at a time."""

    def __init__(
        self, world: World, threads: Threads, cost: Cost | None = None
    ) -> None:
        cost = cost or Cost()
        self._world = world
        self._threads = threads
        self._hasher = PasswordHasher(
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            hash_len=HASH_BYTES,
            salt_len=SALT_BYTES,
        )
        self._nobody = (
            f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}"
            f"${_plain(world.token_bytes(SALT_BYTES))}"
            f"${_plain(world.token_bytes(HASH_BYTES))}"
        )
        """What an unknown user's password is compared with: it takes as long (H24)."""
        self._waiting = 0

    async def make(self, password: str) -> str:
        """The hash to keep. Raises BadText, TooLong, TooFast."""
        secret = prepare(password)
        salt = self._world.token_bytes(SALT_BYTES)
        return await self._run(lambda: self._hasher.hash(secret, salt=salt))

    async def fits(self, password: bytes, kept: str | None) -> bool:
        """Whether a password is the one of this hash; never, and not sooner, for None.
        Raises TooFast."""
        return await self._run(lambda: self._verify(password, kept))

    def _verify(self, password: bytes, kept: str | None) -> bool:
        try:
            return self._hasher.verify(kept or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, call: Callable[[], T]) -> T:
        if self._waiting >= WAITING_LIMIT:
            raise TooFast("too many logins at once; try again in a moment")
        self._waiting += 1
        # Who asked may be gone before the thread is done, which counts until then.
        asked: Deferred[T] = Deferred()
        self._threads.run(call).addBoth(self._ran, asked)
        return await asked

    def _ran(self, result: T | Failure, asked: Deferred[T]) -> None:
        self._waiting -= 1
        if isinstance(result, Failure):
            asked.errback(result)
        else:
            asked.callback(result)


def prepare(password: str) -> bytes:
    """The bytes of a password, in one spelling. Raises BadText, TooLong."""
    try:
        secret = normalize("NFC", password[: PASSWORD_LIMIT_BYTES + 1]).encode()
    except UnicodeEncodeError:
        raise BadText("a password may not hold half of a surrogate pair") from None
    if not secret:
        raise BadText("the password is empty")
    if len(secret) > PASSWORD_LIMIT_BYTES:
        raise TooLong(f"a password has at most {PASSWORD_LIMIT_BYTES} bytes")
    return secret


def _plain(data: bytes) -> str:
    return b64encode(data).rstrip(b"=").decode()
