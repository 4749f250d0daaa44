"""Where the messages of ``pipe`` come from: counted again, or spooled (see
``stream``)."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from relaychat.client.cli.output import note
from relaychat.client.cli.run import LOCAL, Trouble
from relaychat.client.cli.stdin import Input
from relaychat.client.pipe.lines import Lines
from relaychat.client.pipe.sent import Sent
from relaychat.client.pipe.stream import SPOOL_LIMIT_BYTES, Proof, Stream

QUEUE = 1024
"""Messages of a file that are held in memory ahead of the window."""
PROOF_EVERY = 1000
"""Messages of a file between two digests that are written down."""


class Source(Protocol):
    """Numbered messages."""

    @property
    def done(self) -> bool:
        """Whether all was taken, and nothing more will come."""

    def start(self) -> None:
        """Begin to read."""

    def take(self, limit: int) -> list[tuple[int, str]]:
        """The next messages with their cids, at most so many."""

    def kept(self, cid: int) -> None:
        """The log holds everything up to this cid."""

    def stop(self) -> None:
        """Read no more."""


class Feed(NamedTuple):
    """What a source is made with."""

    reactor: Any
    fd: int
    stream: Stream
    high: int
    """The log holds everything up to this cid."""
    more: Callable[[], None]
    """Called when ``take`` may give more than before."""
    failed: Callable[[Exception], None]
    """Called when there is no way on."""

    def input(
        self, received: Callable[[bytes], None], ended: Callable[[], None]
    ) -> Input:
        """The bytes, from where the descriptor stands."""
        return Input(self.reactor, self.fd, received, ended)


class Counted:
    """An input that is there from its first byte at every run: message n has the cid
    ``base + n``, and those that the log holds are skipped.

    ``sent`` is what an earlier run sent of it to the end. Where that is no longer its
    beginning it is another input, and is sent from its start.
    """

    def __init__(self, feed: Feed, sent: Sent | None = None) -> None:
        self._feed = feed
        self._stream = feed.stream
        self._sent = sent
        self._start = os.lseek(feed.fd, 0, os.SEEK_CUR) if sent else 0
        self._begin(max(0, feed.high - self._stream.base))

    def _begin(self, skip: int) -> None:
        self._skip = skip
        self._lines = Lines(self._stream.piece_bytes)
        self._queue: deque[tuple[int, str]] = deque()
        self._held: list[tuple[int, str]] = []
        """What may be the last line that an earlier run sent, which had no end."""
        self.proof = Proof()
        """Of all that was read."""
        self.proof_of_lines = Proof()
        """The same without a last line that had no end, once all was read."""
        self._proofs: deque[Proof] = deque()
        self._input = self._feed.input(self._received, self._ended)

    @property
    def done(self) -> bool:
        """See Source."""
        return self._input.at_end and not self._queue

    def start(self) -> None:
        """See Source."""
        self._input.go()

    def stop(self) -> None:
        """See Source."""
        self._input.pause()

    def take(self, limit: int) -> list[tuple[int, str]]:
        """See Source."""
        queue = self._queue
        taken = [queue.popleft() for _ in range(min(limit, len(queue)))]
        if len(queue) < QUEUE:
            self._input.go()
        return taken

    def kept(self, cid: int) -> None:
        """See Source."""
        latest = None
        while self._proofs and self._stream.base + self._proofs[0].count <= cid:
            latest = self._proofs.popleft()
        if latest is not None and latest.count > self._stream.proof_n:
            self._stream.prove(latest)

    def _received(self, data: bytes) -> None:
        self._add(self._lines.feed(data))

    def _ended(self) -> None:
        self.proof_of_lines = self.proof.copy()
        self._add(self._lines.end())
        if self.proof.count < self._skip:
            self._changed(
                f"the log holds {self._skip} messages of this input, which now has "
                f"only {self.proof.count}"
            )
        else:
            self._let_go()
            self._feed.more()

    def _add(self, texts: list[str]) -> None:
        proof, stream = self.proof, self._stream
        for text in texts:
            proof.add(text)
            if proof.count == stream.proof_n and proof.digest != stream.proof:
                self._changed(
                    f"the first {proof.count} messages of this input are not those "
                    "that were sent"
                )
                return
            if proof.count % PROOF_EVERY == 0:
                self._proofs.append(proof.copy())
            if proof.count > self._skip:
                self._held.append((stream.base + proof.count, text))
                self._let_go_unless_sent()
        if len(self._queue) >= QUEUE:
            self._input.pause()
        if self._queue:
            self._feed.more()

    def _let_go_unless_sent(self) -> None:
        count = self._sent.all.count if self._sent else 0
        if self.proof.count == count and self._sent and self.proof == self._sent.all:
            self._held.clear()
        elif self.proof.count >= count:
            self._let_go()

    def _let_go(self) -> None:
        self._queue.extend(self._held)
        self._held.clear()

    def _changed(self, how: str) -> None:
        """It does not begin with what was sent. If that was another run, which had come
        to the end, this is another input; else nobody knows what is."""
        stream = self._stream
        self._input.pause()
        if self._sent is None:
            why = f"{how}; --fresh sends it from its start"
            self._feed.failed(Trouble(LOCAL, why))
            return
        note("the file is another one than the last time: sending it from its start")
        self._sent = None
        os.lseek(self._feed.fd, self._start, os.SEEK_SET)
        stream.begin(stream.room, stream.input, stream.last, stream.piece_bytes)
        self._begin(0)
        self._input.go()


class Spooled:
    """An input that can't be read again: durable in the stream before it is sent. What
    an earlier run left unsent goes first."""

    def __init__(self, feed: Feed, limit_bytes: int = SPOOL_LIMIT_BYTES) -> None:
        feed.stream.drop(feed.high)
        self._feed = feed
        self._stream = feed.stream
        self._taken = max(feed.high, self._stream.base)
        self._limit_bytes = limit_bytes
        self._dropped = feed.high
        self._lines = Lines(self._stream.piece_bytes)
        self._input = feed.input(self._received, self._ended)

    @property
    def done(self) -> bool:
        """See Source."""
        return self._input.at_end and self._taken >= self._stream.last

    def start(self) -> None:
        """See Source."""
        self._go_on()

    def stop(self) -> None:
        """See Source."""
        self._input.pause()

    def take(self, limit: int) -> list[tuple[int, str]]:
        """See Source."""
        if limit <= 0 or self._taken >= self._stream.last:
            return []
        taken = self._stream.spooled(self._taken, limit)
        if taken:
            self._taken = taken[-1][0]
        return taken

    def kept(self, cid: int) -> None:
        """See Source."""
        if cid - self._dropped >= PROOF_EVERY or cid >= self._stream.last:
            self._stream.drop(cid)
            self._dropped = cid
            self._go_on()

    def _go_on(self) -> None:
        if self._stream.spooled_bytes < self._limit_bytes:
            self._input.go()

    def _received(self, data: bytes) -> None:
        self._spool(self._lines.feed(data))

    def _ended(self) -> None:
        self._spool(self._lines.end())
        self._feed.more()

    def _spool(self, texts: list[str]) -> None:
        if not texts:
            return
        try:
            self._stream.append(texts)
        except Exception as error:
            self._input.pause()
            self._feed.failed(error)
            return
        if self._stream.spooled_bytes >= self._limit_bytes:
            self._input.pause()
        self._feed.more()
