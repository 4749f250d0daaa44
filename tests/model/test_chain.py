"""The digest chain against its written definition."""

from __future__ import annotations

import hashlib

from twisted.trial import unittest

from relaychat.model import chain


class ChainTests(unittest.TestCase):
    """What links an entry to the one before it."""

    def test_body_digest_is_plain_blake2b(self) -> None:
        """Anybody with blake2b can check a body's digest."""
        for body in (b"", b"x", b"y" * 5000):
            expected = hashlib.blake2b(body, digest_size=16).digest()
            self.assertEqual(chain.body_digest(body), expected)

    def test_link_is_as_documented(self) -> None:
        """A link hashes the 48 bytes that the module describes, in that order."""
        digest = chain.body_digest(b"tea")
        at = 1_700_000_000_000
        written = bytes(16) + (7).to_bytes(8, "big") + at.to_bytes(8, "big") + digest
        expected = hashlib.blake2b(written, digest_size=16).digest()
        self.assertEqual(chain.link(chain.START, 7, at, digest), expected)

    def test_a_stretch_is_as_documented(self) -> None:
        """Several entries are hashed behind one another, 32 bytes each."""
        digests = [chain.body_digest(body) for body in (b"a", b"b")]
        marks = [chain.mark(7 + n, 99, digest) for n, digest in enumerate(digests)]
        written = bytes(16)
        for n, digest in enumerate(digests):
            written += (7 + n).to_bytes(8, "big") + (99).to_bytes(8, "big") + digest
        expected = hashlib.blake2b(written, digest_size=16).digest()
        self.assertEqual(chain.link_all(chain.START, marks), expected)

    def test_every_part_counts(self) -> None:
        """Another predecessor, place, time or body makes another link."""
        digest, other = chain.body_digest(b"a"), chain.body_digest(b"b")
        links = {
            chain.link(chain.START, 1, 1, digest),
            chain.link(other, 1, 1, digest),
            chain.link(chain.START, 2, 1, digest),
            chain.link(chain.START, 1, 2, digest),
            chain.link(chain.START, 1, 1, other),
        }
        self.assertEqual(len(links), 5)

    def test_calls_do_not_share_state(self) -> None:
        """Digesting twice gives the same answer twice."""
        self.assertEqual(chain.body_digest(b"a"), chain.body_digest(b"a"))
        self.assertNotEqual(chain.body_digest(b"a"), chain.body_digest(b"aa"))
