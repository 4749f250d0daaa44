"""Why there is no connection, in words for people."""

from __future__ import annotations

import os

from OpenSSL import SSL
from twisted.internet import error
from twisted.python.failure import Failure

from relaychat.client.trust import BadCertificate
from relaychat.net.dial import NoWay
from relaychat.net.service import NotOffered

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (error.ConnectionRefusedError, "nobody listens there"),
    (error.NoRouteError, "there is no way to that network"),
    (error.DNSLookupError, "there is no such host"),
    (error.TimeoutError, "no answer"),
    (error.ConnectionDone, "the connection was closed"),
    (error.ConnectionLost, "the connection was lost"),
    (SSL.Error, "TLS failed; is there TLS at this port?"),
)


def reason_of(failure: Failure) -> str:
    """What a connection, or an attempt at one, ended with."""
    for kind, words in _WORDS:
        if failure.check(kind):
            return words
    if isinstance(failure.value, NoWay):
        return _of_each(failure.value)
    if isinstance(failure.value, error.ConnectError) and failure.value.osError:
        return os.strerror(failure.value.osError)
    return failure.getErrorMessage().rstrip(".") or "can't connect"


def _of_each(nowhere: NoWay) -> str:
    """Why none of a domain's targets is reached."""
    each = [f"{target}: {reason_of(reason)}" for target, reason in nowhere.tried]
    if nowhere.unasked is not None:
        each.insert(0, str(nowhere.unasked))
    return "; ".join(each)


def is_final(failure: Failure) -> bool:
    """Whether another attempt would fail alike, as far as one can know."""
    return failure.check(BadCertificate, NotOffered) is not None
