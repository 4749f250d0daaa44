"""SCRAM-SHA-256 (RFC 5802, RFC 7677), both ends, without I/O or chance.

::

    client                                          server
    n,,n=ann,r=NONCE                    first ─▶
                                        ◀─ challenge  r=NONCE+MORE,s=SALT,i=COUNT
    c=biws,r=NONCE+MORE,p=PROOF         final ─▶
                                        ◀─ verdict    v=SIGNATURE

The password itself never travels, what travels is of no use to who hears it, and the
client learns that the server knows the password, too. What the server keeps (``Keys``)
does not let anybody log in. Channel binding is not offered.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from hashlib import pbkdf2_hmac, sha256
from hmac import compare_digest, digest

from msgspec import Struct

from relaychat.wire.saslprep import saslprep

MESSAGE_LIMIT = 2048
"""Characters of a message: names and nonces are far shorter."""
NONCE_BYTES = 18
"""Of chance in a nonce: 24 characters."""
SALT_BYTES = 16
ITERATIONS_LEAST = 4096
"""RFC 7677 section 4: fewer are an attack on the password."""
ITERATIONS_MOST = 10_000_000
"""About four seconds. A server that asks for more wants to keep us busy."""

_first = re.compile(r"([ny]),(?:a=([^,]*))?,(n=([^,]*),r=([!-+\--~]+)(?:,.*)?)")
_challenge = re.compile(r"r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=([1-9][0-9]{0,9})")
_final = re.compile(r"(c=([A-Za-z0-9+/=]+),r=([!-+\--~]+)(?:,.*)?),p=([A-Za-z0-9+/=]+)")


class ScramError(Exception):
    """The other end does not keep to the protocol, or does not know the password. The
    text is for people."""


class Keys(Struct, frozen=True):
    """What a server keeps of a password."""

    salt: bytes
    iterations: int
    stored: bytes
    """StoredKey: what a client's proof is checked by."""
    server: bytes
    """ServerKey: what the server's signature is made with."""


def secret_of(password: str) -> bytes:
    """The bytes of a password. What SASLprep prohibits is taken as it is, so that every
    password has some. Raises UnicodeEncodeError for half of a surrogate pair."""
    try:
        return (saslprep(password) or password).encode()
    except ValueError:
        return password.encode()


def salted(password: str, salt: bytes, iterations: int) -> bytes:
    """SaltedPassword: the part that takes long. Raises UnicodeEncodeError."""
    return pbkdf2_hmac("sha256", secret_of(password), salt, iterations)


def derive(password: str, salt: bytes, iterations: int) -> Keys:
    """What is to be kept of a password. Takes long. Raises UnicodeEncodeError."""
    key = salted(password, salt, iterations)
    stored = sha256(digest(key, b"Client Key", "sha256")).digest()
    return Keys(salt, iterations, stored, digest(key, b"Server Key", "sha256"))


class ServerExchange:
    """The server's end of one exchange: ``challenge``, then ``verdict``."""

    def __init__(self, first: str) -> None:
        """Raises ScramError."""
        found = _match(_first, first)
        _, other, self._bare, name, self._nonce = found.groups()
        self._binding = b64encode(first[: found.start(3)].encode()).decode()
        self.name = _unescape(name)
        """Who wants to log in."""
        if other and _unescape(other) != self.name:
            raise ScramError("one can log in as oneself only")
        self._keys: Keys | None = None
        self._said = ""

    def challenge(self, keys: Keys, nonce: str) -> str:
        """What to ask the client; ``nonce`` is chance of our own."""
        self._keys = keys
        self._nonce += nonce
        salt = b64encode(keys.salt).decode()
        self._said = f"r={self._nonce},s={salt},i={keys.iterations}"
        return self._said

    def verdict(self, final: str) -> str:
        """Our signature, if the client has proved that it knows the password. Raises
        ScramError."""
        keys = self._keys
        if keys is None:
            raise ScramError("nothing was asked yet")
        without, binding, nonce, proof = _match(_final, final).groups()
        if binding != self._binding or not compare_digest(nonce, self._nonce):
            raise ScramError("this answers another question")
        spoken = f"{self._bare},{self._said},{without}".encode()
        signature = digest(keys.stored, spoken, "sha256")
        key = _xor(_decode(proof), signature)
        if not compare_digest(sha256(key).digest(), keys.stored):
            raise ScramError("wrong name or password")
        return "v=" + b64encode(digest(keys.server, spoken, "sha256")).decode()


class ClientExchange:
    """The client's end: ``first``, then ``final``, then ``check``.

    ``known`` are salted passwords by salt and count, of exchanges before this one: they
    save the part that takes long.
    """

    def __init__(
        self,
        name: str,
        password: str,
        nonce: str,
        known: dict[tuple[bytes, int], bytes] | None = None,
    ) -> None:
        self._password = password
        self._nonce = nonce
        self._known = {} if known is None else known
        self._bare = f"n={_escape(name)},r={nonce}"
        self._signature = b""
        self.first = f"n,,{self._bare}"
        """What to begin with."""

    def final(self, challenge: str) -> str:
        """The proof that we know the password. Raises ScramError."""
        nonce, salt, count = _match(_challenge, challenge).groups()
        mine = self._nonce
        if not nonce.startswith(mine) or len(nonce) == len(mine):
            raise ScramError("the server answers another question")
        key = self._salted(_decode(salt), int(count))
        without = f"c=biws,r={nonce}"
        spoken = f"{self._bare},{challenge},{without}".encode()
        client_key = digest(key, b"Client Key", "sha256")
        signature = digest(sha256(client_key).digest(), spoken, "sha256")
        theirs = digest(key, b"Server Key", "sha256")
        self._signature = digest(theirs, spoken, "sha256")
        return f"{without},p={b64encode(_xor(client_key, signature)).decode()}"

    def _salted(self, salt: bytes, iterations: int) -> bytes:
        if not ITERATIONS_LEAST <= iterations <= ITERATIONS_MOST:
            raise ScramError(f"the server asks for {iterations} iterations")
        if (salt, iterations) not in self._known:
            self._known.clear()
            self._known[salt, iterations] = salted(self._password, salt, iterations)
        return self._known[salt, iterations]

    def check(self, verdict: str) -> None:
        """Make sure that the server knows the password, too. Raises ScramError."""
        given = verdict.removeprefix("v=") if verdict.startswith("v=") else ""
        if not self._signature or not compare_digest(_decode(given), self._signature):
            raise ScramError("the server does not know the password")


def _match(pattern: re.Pattern[str], message: str) -> re.Match[str]:
    found = pattern.fullmatch(message) if len(message) <= MESSAGE_LIMIT else None
    if found is None:
        raise ScramError("this is no message of SCRAM-SHA-256")
    return found


def _decode(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise ScramError("this is not base64") from None


def _xor(one: bytes, other: bytes) -> bytes:
    if len(one) != len(other):
        raise ScramError("wrong name or password")
    return bytes(left ^ right for left, right in zip(one, other, strict=True))


def _escape(name: str) -> str:
    return name.replace("=", "=3D").replace(",", "=2C")


def _unescape(name: str) -> str:
    if re.search("=(?!2C|3D)", name) or not name:
        raise ScramError("this is no name")
    return name.replace("=2C", ",").replace("=3D", "=")
