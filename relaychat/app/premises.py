"""What a plain Twisted factory is handed: the reactor, the clock, and accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory, ISSLTransport, ITransport

from relaychat.app.extensions import CannotBuild, Extensions
from relaychat.app.people import host_of
from relaychat.auth.credentials import Origin
from relaychat.model.admission import Admission, Found
from relaychat.model.commands import Hello
from relaychat.model.errors import LoginFailed
from relaychat.model.world import World
from relaychat.net.shell import address_text, is_local, peer_certificate, peer_uid

Admit = Callable[[Hello, Origin], "Deferred[Found]"]


class Premises(Struct, frozen=True):
    """What a factory finds at the relay."""

    server: str
    """What the relay calls itself."""
    reactor: Any
    world: World
    """Its clock, its chance and its timers; simulated in ``relaychat simulate``."""
    admit: Admit

    def login(self, name: str, password: str, transport: ITransport) -> Deferred[str]:
        """The account, as it was registered, of somebody at the other end of a
        transport, by password or token. It counts with all other attempts of theirs, on
        any wire.

        Fails with LoginFailed (tokens of a narrower scope included: nobody can hold
        them to it here), TooFast, Suspended, BadName, Unavailable.
        """
        admitted = self.admit(Hello(name, password=password), origin_of(transport))
        return admitted.addCallback(_account)


def _account(found: Found) -> str:
    if not isinstance(found, Admission) or found.account is None:
        raise LoginFailed
    if found.scope is not None:
        raise LoginFailed("a token of a narrower scope is of no use here")
    return found.account


def origin_of(transport: Any) -> Origin:
    """Where a transport's peer is, and what the transport vouches for."""
    address = transport.getPeer()
    secure = is_local(address) or bool(getattr(transport, "secure", False))
    return Origin(
        host_of(address_text(address)),
        secure or ISSLTransport.providedBy(transport),
        peer_certificate(transport),
        peer_uid(transport) if isinstance(address, UNIXAddress) else None,
    )


def factory_at(
    extensions: Extensions, key: str, name: str, premises: Premises
) -> IProtocolFactory:
    """The factory of a listener: what has this name, or what it returns when it is
    called with the premises. Raises CannotBuild."""
    found = extensions.factory(key, name)
    if not IProtocolFactory.providedBy(found):
        try:
            found = found(premises)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise CannotBuild(f"{key}: {name} can't be made: {why}") from error
    if not IProtocolFactory.providedBy(found):
        raise CannotBuild(f"{key}: {name} made no IProtocolFactory")
    made: IProtocolFactory = found
    return made
