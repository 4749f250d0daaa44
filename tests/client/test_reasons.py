"""Why there is no connection, in words."""

from __future__ import annotations

import errno

from OpenSSL import SSL
from twisted.internet import error
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.reasons import is_final, reason_of
from relaychat.client.trust import BadCertificate
from relaychat.net.dial import NoWay
from relaychat.net.names import TimedOut
from relaychat.net.service import NotOffered, Target


class ReasonTests(SynchronousTestCase):
    def test_words(self) -> None:
        """What goes wrong most is told in words; the rest as the system says it."""
        for why, text in (
            (error.ConnectionRefusedError(), "nobody listens there"),
            (error.ConnectError(errno.ENOENT), "No such file or directory"),
            (error.DNSLookupError("no address"), "there is no such host"),
            (error.ConnectionLost(), "the connection was lost"),
            (SSL.Error([]), "TLS failed; is there TLS at this port?"),
            (BadCertificate("it has expired"), "it has expired"),
            (RuntimeError("odd."), "odd"),
            (RuntimeError(), "can't connect"),
        ):
            self.assertEqual(reason_of(Failure(why)), text)

    def test_domain(self) -> None:
        """Of a domain each target is named, and why its records are not known."""
        refused = Failure(error.ConnectionRefusedError())
        tried = [(Target("a.test", 1), refused), (Target("b.test", 2), refused)]
        each = "a.test:1: nobody listens there; b.test:2: nobody listens there"
        self.assertEqual(reason_of(Failure(NoWay(tried, None))), each)
        unasked = TimedOut("no answer")
        self.assertEqual(
            reason_of(Failure(NoWay(tried, unasked))), f"no answer; {each}"
        )

    def test_final(self) -> None:
        """A bad certificate will be as bad the next time; so will a domain without a
        relay."""
        self.assertTrue(is_final(Failure(BadCertificate("it has expired"))))
        self.assertTrue(is_final(Failure(NotOffered("none"))))
        self.assertFalse(is_final(Failure(error.ConnectionLost())))
