"""A connection in memory: it records what a session sends, and can be slow."""

from __future__ import annotations

from collections.abc import Callable

HELD_BYTES = 64 * 1024
"""What a slow link holds before it is full, as the real one's outlet does."""


class MemoryLink:
    """See ``session.link.Link``. ``value`` is what the peer has read."""

    def __init__(
        self,
        peer: str = "memory",
        exempt: bool = True,
        uid: int | None = None,
        certificate: str | None = None,
    ) -> None:
        self.peer = peer
        self.exempt = exempt
        self.secure = True
        self.uid = uid
        self.certificate = certificate
        self.full = False
        self.paused = False
        self.closed = False
        self.on_drained: Callable[[], None] = lambda: None
        self.payloads: list[bytes] = []
        """Each as it was sent."""
        self._holding = False
        self._held: list[bytes] = []

    # -- the session's side -----------------------------------------------------------

    def send(self, payload: bytes) -> bool:
        """See ``Link.send``."""
        if self.closed:
            return True
        if not self._holding:
            self.payloads.append(payload)
            return True
        self._held.append(payload)
        self.full = self.held_bytes > HELD_BYTES
        return not self.full

    def pause(self) -> None:
        """See ``Link.pause``."""
        self.paused = True

    def resume(self) -> None:
        """See ``Link.resume``."""
        self.paused = False

    def close(self) -> None:
        """See ``Link.close``."""
        self.closed = True

    # -- the peer's side -------------------------------------------------------

    def hold(self) -> None:
        """The peer stops reading."""
        self._holding = True

    def release(self) -> None:
        """The peer reads all that there is, and goes on reading."""
        self._holding = False
        self.payloads += self._held
        self._held.clear()
        if self.full:
            self.full = False
            self.on_drained()

    def value(self) -> bytes:
        """All that the peer has read since ``clear``."""
        return b"".join(self.payloads)

    @property
    def held_bytes(self) -> int:
        """What waits for a peer that does not read."""
        return sum(map(len, self._held))

    def clear(self) -> None:
        """Forget what was read."""
        self.payloads.clear()
