"""How a client says hello: with SCRAM where it has a password to prove, so that the
password never leaves it. Without I/O."""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest

from msgspec.structs import replace

from relaychat.model.accounts import Challenge, Prove
from relaychat.model.commands import Hello
from relaychat.model.errors import NoScram
from relaychat.model.events import Fault, Welcome
from relaychat.wire.scram import ClientExchange, ScramError

TOKEN = "rct_"
"""What a token begins with: it is no password, and there is nothing to prove."""
UNPROVED = "the server did not prove that it knows the password"
READABLE = "the server wants the password itself, and others could read it on the way"


class Greeting:
    """The hellos of one client, one after the other.

    ``nonce`` makes 24 unpredictable characters without a comma; without it the password
    is said. ``secure``: nobody can listen, so a server that has no SCRAM may have the
    password.
    """

    def __init__(
        self, nonce: Callable[[], str] | None = None, secure: bool = False
    ) -> None:
        self.secure = secure
        self._nonce = nonce
        self._exchange: ClientExchange | None = None
        self._known: dict[tuple[bytes, int], bytes] = {}
        self._of: bytes | None = None
        """The password that ``_known`` is made of."""

    def begin(self, hello: Hello) -> Hello:
        """What to say first on a new connection."""
        password, self._exchange = hello.password, None
        if password is None or self._nonce is None or password.startswith(TOKEN):
            return hello
        if self._of is None or not compare_digest(password.encode(), self._of):
            self._of, self._known = password.encode(), {}
        self._exchange = ClientExchange(
            hello.nick, password, self._nonce(), self._known
        )
        return replace(hello, password=None, scram=self._exchange.first)

    def prove(self, challenge: Challenge) -> Prove:
        """The answer to a challenge. Raises ScramError."""
        if self._exchange is None:
            raise ScramError("the server asks for what was not offered")
        return Prove(self._exchange.final(challenge.scram))

    def again(self, hello: Hello, fault: Fault) -> Hello | None:
        """What to say instead, where the server has no SCRAM. Raises ScramError."""
        if self._exchange is None or fault.code != NoScram.code:
            return None
        if not self.secure:
            raise ScramError(READABLE)
        self._exchange = None
        return hello

    def check(self, welcome: Welcome) -> None:
        """Make sure that the server knows the password, too. Raises ScramError."""
        if self._exchange is not None:
            if welcome.scram is None:
                raise ScramError(UNPROVED)
            self._exchange.check(welcome.scram)
