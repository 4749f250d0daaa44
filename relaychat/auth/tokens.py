"""Secrets that we make ourselves: tokens of bots, tickets, tokens for a new password.

Each is 256 bits of chance behind a prefix that says what it is, also to those who
search logs and sources for secrets. Only a digest is kept: with so much chance in it
nobody can try their way through.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import blake2b

from relaychat.model.world import World

SECRET_BYTES = 32
DIGEST_BYTES = 16
MARK_DIGITS = 8
"""Of a digest, in lists: enough to tell the few secrets of one account apart."""
TOKEN = "rct_"
RESET = "rcr_"
TICKET = "rci_"


def new_secret(world: World, prefix: str) -> str:
    """A new secret of this kind."""
    chance = urlsafe_b64encode(world.token_bytes(SECRET_BYTES)).rstrip(b"=")
    return prefix + chance.decode()


def digest_of(secret: str) -> str:
    """What is kept of a secret, hexadecimal."""
    whole = secret.encode("utf-8", "surrogatepass")
    return blake2b(whole, digest_size=DIGEST_BYTES).hexdigest()


def mark_of(digest: str) -> str:
    """What a secret is called in lists."""
    return digest[:MARK_DIGITS]
