"""``relaychat pipe``: an input to a room, one line a message, in order, each once.

What is promised, by the kind of input:

*A file* (``--from FILE``, or a file on stdin) is known by its inode. Broken off at any
point, by anything, ``pipe`` goes on behind the last message that the log holds when it
is started again with the same file. A file whose beginning has changed is refused, not
sent twice. Once it was sent to its end, the next start sends it anew.

*A replayed stdin* (``--replay``: the same bytes from the start at every run, such as
``zcat log.gz |``) has the same promise; it can't be told from another input, so name
different ones with ``--stream``.

*A live stdin* (anything else) is written to a durable spool before it is sent, and what
a run could not send the next one sends first. So every line that was spooled is in the
log once. After ``kill -9`` of ``pipe`` itself, lines that it had not read yet, and the
line it had read a part of, are the writer's to give again.

How lines become messages: see ``lines``. A message that the server refuses for good
ends the run, with its number; with ``--keep-going`` it is left out, and told.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relaychat.client.happenings import Happening, Kept, Refused, Shut, Up
from relaychat.client.output import note
from relaychat.client.run import LOCAL, REFUSED, Job, Trouble
from relaychat.client.source import Counted, Source, Spooled
from relaychat.client.state import Held
from relaychat.client.stream import LIVE, Stream, take_stream
from relaychat.client.visit import Target, Visit, refusal, shut
from relaychat.model.commands import Say
from relaychat.model.events import Welcome

PIECE_BYTES = 4096
"""The longest message, where the server names no limit."""


@dataclass(frozen=True)
class Options:
    """What ``pipe`` was told, beside the server and the room."""

    file: Path | None = None
    key: str = ""
    stream: str = ""
    replay: bool = False
    fresh: bool = False
    keep_going: bool = False


@dataclass(frozen=True)
class Opened:
    """An input that is ready to be read."""

    fd: int
    name: str
    """By which its stream is found again."""
    counted: bool
    """Whether it can be read again from its start."""


def open_input(options: Options) -> Opened:
    """Find out what the input is. Raises Trouble."""
    fd = 0
    if options.file is not None:
        try:
            fd = os.open(options.file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Trouble(LOCAL, f"{options.file}: {error.strerror}") from None
    found = os.fstat(fd)
    if stat.S_ISDIR(found.st_mode):
        raise Trouble(LOCAL, f"{options.file or 'stdin'} is a directory")
    if stat.S_ISREG(found.st_mode):
        offset = os.lseek(fd, 0, os.SEEK_CUR)
        name, counted = f"file:{found.st_dev}:{found.st_ino}:{offset}", True
    elif options.file is not None:
        name, counted = f"path:{options.file.resolve()}", options.replay
    else:
        name, counted = "replay" if options.replay else LIVE, options.replay
    return Opened(fd, f"name:{options.stream}" if options.stream else name, counted)


class Pipe:
    """One run of the command."""

    def __init__(
        self, reactor: Any, target: Target, room: str, options: Options
    ) -> None:
        """Raises StateError, Trouble."""
        self._reactor = reactor
        self._room = room
        self._options = options
        self._opened = open_input(options)
        try:
            self._stream: Stream = take_stream(target.home, room, self._opened.name)
        except Held:
            raise Trouble(LOCAL, "another process is sending this input") from None
        self._source: Source | None = None
        self._kept_cid = 0
        self._filling: Any = None
        self._refused_count = 0
        self._visit = Visit(reactor, target, self._stream.secret, self._heard)
        self._visit.conversation.enter(room, options.key)

    async def run(self) -> int:
        """Send it all. Returns the exit code."""
        try:
            return await self._visit.stay()
        finally:
            if self._filling is not None:
                self._filling.cancel()
            if self._source is not None:
                self._source.stop()
                if self._kept_cid:
                    self._source.kept(self._kept_cid)
            self._stream.close()

    # -- what happens ----------------------------------------------------------------

    def _heard(self, happening: Happening) -> None:
        if isinstance(happening, Kept):
            self._kept(happening)
        elif isinstance(happening, Up) and self._source is None:
            self._begin(happening.welcome)
        elif isinstance(happening, Refused):
            self._refused(happening)
        elif isinstance(happening, Shut) and not happening.fault.retry:
            self._visit.fail(shut(happening))

    def _begin(self, welcome: Welcome) -> None:
        """The first welcome says how much of the input the log holds already."""
        stream, opened = self._stream, self._opened
        if stream.resting or self._options.fresh:
            limit = min(welcome.limits.get("text_bytes", PIECE_BYTES), 32 * 1024)
            stream.begin(self._room, opened.name, welcome.cid, limit)
        else:
            note(f"going on behind message {max(0, welcome.cid - stream.base)}")
        kind = Counted if opened.counted else Spooled
        self._kept_cid = welcome.cid
        self._source = kind(
            self._reactor, opened.fd, stream, welcome.cid, self._fill, self._visit.fail
        )
        self._source.start()
        self._fill()

    def _fill(self) -> None:
        """Offer what fits into the window, and see whether it is all done."""
        source, conversation = self._source, self._visit.conversation
        if source is None or self._visit.over.called:
            return
        for cid, text in source.take(conversation.outbox.room):
            conversation.send(Say(self._room, text, cid=cid))
        self._visit.link.flush()
        if source.done and not conversation.outbox:
            self._stream.rest(self._kept_cid)
            self._visit.finish(self._end())

    def _end(self) -> int:
        if self._refused_count:
            note(f"{self._refused_count} messages were refused and are left out")
            return REFUSED
        return 0

    def _kept(self, happening: Kept) -> None:
        self._kept_cid = happening.send.cid or 0
        if self._source is not None:
            self._source.kept(self._kept_cid)
        self._fill_soon()

    def _fill_soon(self) -> None:
        # Answers come by the hundred in one read, and all of it is to be heard first.
        if self._filling is None:
            self._filling = self._reactor.callLater(0, self._fill_now)

    def _fill_now(self) -> None:
        self._filling = None
        try:
            self._fill()
        except Exception as error:
            self._visit.fail(error)

    def _refused(self, happening: Refused) -> None:
        number = (happening.send.cid or 0) - self._stream.base
        trouble = refusal(f"message {number}", happening.fault)
        if not self._options.keep_going:
            self._visit.fail(trouble)
            return
        note(str(trouble))
        self._refused_count += 1
        self._kept_cid = happening.send.cid or 0
        self._fill_soon()


def pipe_job(target: Target, room: str, options: Options) -> Job:
    """The job of ``relaychat pipe``."""

    async def job(reactor: Any) -> int:
        return await Pipe(reactor, target, room, options).run()

    return job
