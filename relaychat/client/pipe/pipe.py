"""``relaychat pipe``: an input to a room, one line a message, in order, each once.

What is promised, by the kind of input:

*A file* (``--from FILE``, or a file on stdin) is known by its inode. Broken off at any
point, by anything, ``pipe`` goes on behind the last message that the log holds when it
is started again with the same file. A file whose beginning has changed meanwhile is
refused, not sent twice. Once it was sent to its end, the next start sends what has been
added, or all of it if it is another file by then, or the room another room.

*A replayed stdin* (``--replay``: the same bytes from the start at every run, such as
``zcat log.gz |``) has the same promise while it is under way, and is sent anew once it
was sent to its end. It can't be told from another input, so name different ones with
``--stream``.

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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from relaychat.client.cli.output import note
from relaychat.client.cli.run import LOCAL, REFUSED, Job, Trouble
from relaychat.client.cli.visit import Target, Visit, refusal, shut
from relaychat.client.happenings import Entered, Happening, Kept, Ready, Refused, Shut
from relaychat.client.pipe.sent import Sent, SentFiles
from relaychat.client.pipe.source import Counted, Feed, Source, Spooled
from relaychat.client.pipe.stream import LIVE, Stream, give_up, take_stream, underway
from relaychat.client.state import Held
from relaychat.model.commands import Say

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
    file: bool
    """Whether it is a file."""


def open_input(options: Options) -> Opened:
    """Find out what the input is. Raises Trouble."""
    fd = 0
    if options.file is not None:
        try:
            fd = os.open(options.file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Trouble(LOCAL, f"{options.file}: {error.strerror}") from None
    found = os.fstat(fd)
    file = stat.S_ISREG(found.st_mode)
    if stat.S_ISDIR(found.st_mode):
        raise Trouble(LOCAL, f"{options.file or 'stdin'} is a directory")
    if file:
        offset = os.lseek(fd, 0, os.SEEK_CUR)
        name, counted = f"file:{found.st_dev}:{found.st_ino}:{offset}", True
    elif options.file is not None:
        name, counted = f"path:{options.file.resolve()}", options.replay
    else:
        name, counted = "replay" if options.replay else LIVE, options.replay
    name = f"name:{options.stream}" if options.stream else name
    return Opened(fd, name, counted, file)


def way(target: Target, room: str, source: str, fresh: bool) -> tuple[Target, Path]:
    """Through the agent or not, and the folder of the streams that go that way. An
    input is finished as it was begun, for only there it is known how far it came.

    Raises Trouble, StateError.
    """
    alone, agent = target.home, target.home / "agent"
    agent.mkdir(mode=0o700, exist_ok=True)
    if fresh:
        for folder in (alone, agent):
            give_up(folder, room, source)
    elif target.agent is not None and underway(alone, room, source):
        note("this input was begun without the agent, and goes on so")
        return replace(target, agent=None), alone
    elif target.agent is None and underway(agent, room, source):
        why = "this input was begun through the agent, and is not finished: start it"
        raise Trouble(LOCAL, f"{why} (--fresh sends all of it anew, without it)")
    return target, alone if target.agent is None else agent


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
        target, folder = way(target, room, self._opened.name, options.fresh)
        try:
            self._stream: Stream = take_stream(folder, room, self._opened.name)
        except Held:
            raise Trouble(LOCAL, "another process is sending this input") from None
        self._sent_files = SentFiles(target.home)
        self._epoch = ""
        """Of the room; a direct one has none that we are shown before we speak."""
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
        elif isinstance(happening, Entered):
            self._epoch = happening.room.epoch
        elif isinstance(happening, Ready) and self._source is None:
            self._begin()
        elif isinstance(happening, Refused):
            self._refused(happening)
        elif isinstance(happening, Shut) and not happening.fault.retry:
            self._visit.fail(shut(happening))

    def _begin(self) -> None:
        """The first welcome says how much of the input the log holds already."""
        stream, opened = self._stream, self._opened
        welcome = self._visit.conversation.welcome
        assert welcome is not None  # We are ready.
        high, sent = welcome.cid, None
        if stream.resting or self._options.fresh:
            sent = self._sent()
            limit = min(welcome.limits.get("text_bytes", PIECE_BYTES), 32 * 1024)
            stream.begin(
                self._room,
                opened.name,
                high,
                sent.piece_bytes if sent else limit,
                sent.lines if sent else None,
            )
            high = stream.last
        else:
            note(f"going on behind message {max(0, high - stream.base)}")
        self._kept_cid = high
        feed = Feed(
            self._reactor, opened.fd, stream, high, self._fill, self._visit.fail
        )
        self._source = Counted(feed, sent) if opened.counted else Spooled(feed)
        self._source.start()
        self._fill()

    def _sent(self) -> Sent | None:
        """What an earlier run sent of this file to its end, into this room."""
        if not self._opened.file or self._options.fresh:
            return None
        sent = self._sent_files.of(self._room, self._opened.name)
        if sent is None or sent.epoch != self._epoch:
            return None
        note(
            f"{sent.all.count} messages of this file were sent before, and are not sent"
            " again; with --fresh they are"
        )
        return sent

    def _fill(self) -> None:
        """Offer what fits into the window, and see whether it is all done."""
        source, conversation = self._source, self._visit.conversation
        if source is None or self._visit.over.called:
            return
        for cid, text in source.take(conversation.outbox.room):
            conversation.send(Say(self._room, text, cid=cid))
        self._visit.link.flush()
        if source.done and not conversation.outbox:
            if isinstance(source, Counted) and self._opened.file:
                self._remember(source)
            self._stream.rest(self._kept_cid)
            self._visit.finish(self._end())

    def _remember(self, source: Counted) -> None:
        sent = Sent(
            self._epoch,
            self._stream.piece_bytes,
            source.proof_of_lines,
            source.proof,
        )
        self._sent_files.put(self._room, self._opened.name, sent)

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
