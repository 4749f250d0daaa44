"""Passwords are kept as argon2id, and beside it as the keys of SCRAM-SHA-256. They are
hashed in threads of their own: few, so that logins take neither the processors nor the
memory away from the chat."""

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
from relaychat.wire.scram import SALT_BYTES as SCRAM_SALT_BYTES
from relaychat.wire.scram import Keys, derive

T = TypeVar("T")

PASSWORD_LIMIT_BYTES = 1024
"""Longer than any passphrase. The hash reads every byte of it."""
WAITING_LIMIT = 256
"""Hashes waited for at a time: a house that comes back at once, after a restart. At two
threads and 40 ms each the last one waits five seconds."""
SALT_BYTES = 16
HASH_BYTES = 32


class Cost(Struct, frozen=True):
    """What one hash costs: OWASP's choices. For argon2id 40 ms on a small server; the
    iterations of SCRAM are the client's to make, at its first login."""

    memory_kib: int = 19 * 1024
    passes: int = 2
    lanes: int = 1
    iterations: int = 600_000


class Secrets(Struct, frozen=True):
    """What is kept of a password, in both forms."""

    hash: str
    scram: Keys


class Threads(Protocol):
    """Runs calls elsewhere, a few at a time. The server's is in ``relaychat.app``."""

    def run(self, call: Callable[[], T]) -> Deferred[T]:
        """The result of a call."""


class Passwords:
    """Makes and checks hashes. ``threads`` bounds how many run at a time."""

    def __init__(
        self,
        world: World,
        threads: Threads,
        cost: Cost | None = None,
        least_chars: int = 1,
    ) -> None:
        """``least_chars``: as many a new password has at least."""
        cost = cost or Cost()
        self.iterations = cost.iterations
        self._world = world
        self._threads = threads
        self._least_chars = least_chars
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

    def check_new(self, password: str) -> None:
        """Refuse a password that nobody should choose; those that are in use stay good.
        Raises BadText, TooLong."""
        if len(prepare(password).decode()) < self._least_chars:
            raise BadText(f"a password has at least {self._least_chars} characters")

    async def make(self, password: str) -> Secrets:
        """What to keep. Raises BadText, TooLong, TooFast."""
        secret = prepare(password)
        salt = self._world.token_bytes(SALT_BYTES)
        scram_salt = self._world.token_bytes(SCRAM_SALT_BYTES)

        def made() -> Secrets:
            return Secrets(
                self._hasher.hash(secret, salt=salt),
                derive(password, scram_salt, self.iterations),
            )

        return await self._run(made)

    def outdated(self, kept: str) -> bool:
        """Whether a hash was made when hashes cost something else."""
        return self._hasher.check_needs_rehash(kept)

    async def fits(self, password: bytes, kept: str) -> bool:
        """Whether a password is the one of this hash; never, and not sooner, for an
        empty one. Raises TooFast."""
        return await self._run(lambda: self._verify(password, kept))

    def _verify(self, password: bytes, kept: str) -> bool:
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
