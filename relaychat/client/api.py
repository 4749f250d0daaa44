"""The client library: a client that stays, for programs that run on Twisted.

::

    client = Client(reactor, "relaychat://ann@chat.example.org", password="…")
    client.on(events.Said, lambda said: print(said.sender, said.text))
    await client.connect()
    await client.join("#tea")
    await client.send("#tea", "two lumps, please").kept()

It keeps one connection: when that goes, it comes back with growing, jittered delays,
and goes on where it was. What it keeps in its state folder (see ``file``) makes two
promises, over any crash of this program, of the server, and of the machine:

- What ``send`` returned from goes out once, in the order in which it was sent.
- Every event of the rooms it is in comes to the listeners, in the order of its room's
  log. It comes once, unless this program crashed: then the last few come again; with
  ``by_hand`` those that ``done`` was not called for.

An account is in the same rooms on all its devices, and has one read marker in each:
what another device joins, leaves or marks is so here, too.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from relaychat.client import dial
from relaychat.client.address import Address, address
from relaychat.client.core import Conversation
from relaychat.client.cursor import Logged
from relaychat.client.file import ClientFile, client_file
from relaychat.client.followed import Followed
from relaychat.client.happenings import (
    Down,
    Entered,
    Exited,
    Happening,
    Kept,
    Ready,
    Refused,
    Rejected,
    Shown,
    Shut,
    Up,
)
from relaychat.client.label import label
from relaychat.client.link import Link
from relaychat.client.login import Login
from relaychat.client.pins import Pins
from relaychat.client.rooms import Room
from relaychat.client.sending import RefusedByServer, Sending
from relaychat.client.state import Held, StateError, home, state_root
from relaychat.model import events
from relaychat.model.commands import (
    Command,
    Cursor,
    Custom,
    Edit,
    Hello,
    History,
    Kind,
    ListMembers,
    React,
    Redact,
    Say,
)
from relaychat.model.errors import NickInUse
from relaychat.model.names import fold
from relaychat.model.words import Word

E = TypeVar("E")
PAGE = 500
"""Events of history that are asked for at a time."""
LEAVE_S = 2.0
"""How long a goodbye may take before the connection is simply dropped."""


class CannotConnect(Exception):
    """There is no way in, and waiting won't make one."""


class Client:
    """See the module."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        server: str,
        nick: str = "",
        *,
        password: str | None = None,
        name: str = "main",
        state: str | Path | None = None,
        trusting: dial.Trusting | None = None,
        by_hand: bool = False,
        endpoint: Any = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """``server``: a host, an endpoint string or a link (see ``address``), in place
        of which ``endpoint`` is dialled if it is given. ``nick``: an account's name, or
        a guest's, if the link has none. ``name`` tells this program from others of the
        same user: each is a device of its own. ``trusting``: whom TLS trusts; those
        whom the user trusted before, if it says nothing.

        Raises BadAddress, BadServer, StateError (also when another process is the same
        client).
        """
        where = address(server)
        self.address: Address = where._replace(nick=nick or where.nick)
        root = state_root(str(state) if state else None, dict(os.environ))
        if trusting is None:
            trusting = dial.Trusting(fingerprint=where.pin, pins=Pins(root))
        folder = home(root, where.server, self.address.nick)
        endpoint = endpoint or dial.endpoint(reactor, where.server, trusting)
        try:
            self.file: ClientFile = client_file(folder, name)
        except Held:
            raise StateError(
                f"another program is the client {name!r}; give this one another name"
            ) from None
        self._clock = reactor
        self._listeners: list[tuple[Any, Callable[[Any], object]]] = []
        self._sendings: dict[int, Sending] = {}
        self._entering: dict[str, list[Deferred[Room]]] = {}
        self._connecting: list[Deferred[Client]] = []
        hello = Hello(
            self.address.nick,
            password,
            device=self.file.secret,
            client=label(name),
        )
        self._login = Login(folder, dial.private(where.server))
        self.conversation = Conversation(
            self._login.vouched(hello),
            everything=True,
            returning=self.file.welcomed,
            greeting=dial.greeting(where.server),
            spool=self.file,
        )
        for send in self.file.unsent():
            self._sendings[send.cid or 0] = Sending(send)
        self.link = Link(reactor, endpoint, self.conversation, self._heard, jitter)
        self._followed = Followed(reactor, self.file, self.link, by_hand)
        self.rooms: Mapping[str, Room] = self._followed.rooms
        """The rooms that we are in, by their folded names."""

    # -- the connection ----------------------------------------------------------------

    @property
    def nick(self) -> str:
        """What we are called."""
        return self.conversation.nick

    @property
    def connected(self) -> bool:
        """Whether the server has welcomed us and let us into our rooms."""
        return self.conversation.ready

    def connect(self) -> Deferred[Client]:
        """Be connected from now on. Fires with the client when it is for the first
        time, and fails with CannotConnect when there is no way in: the login was
        refused, the certificate is wrong. A server that is away is waited for."""
        if not self.link.running:
            self.link.startService()
        if self.connected:
            return succeed(self)
        waiting: Deferred[Client] = Deferred()
        self._connecting.append(waiting)
        return waiting

    async def close(self) -> None:
        """Leave. What was not sent yet is in the outbox for the next time."""
        if self.link.running:
            if self.conversation.welcome is not None:
                self.conversation.bye()
                self.link.flush()
            drop = self._clock.callLater(LEAVE_S, self.link.drop)
            await self.link.stopService()
            if drop.active():
                drop.cancel()
        self._followed.flush()
        self.file.close()

    # -- listening ---------------------------------------------------------------------

    def on(self, kind: type[E], call: Callable[[E], object]) -> Callable[[], None]:
        """Call with every event or happening of a kind, in order: ``events.Said``, all
        of ``events.LogEvent``, ``happenings.Down``, … Returns what ends it.

        What a listener raises is logged, and no reason to stop.
        """
        entry = (kind, call)
        self._listeners.append(entry)
        return lambda: self._listeners.remove(entry)

    def done(self, event: Logged) -> None:
        """With ``by_hand``: this event, and all before it in its room, needs not come
        again. What is sent right behind it is on the disk together with that, so a
        crash leaves both or neither."""
        self._followed.done(event)

    def read_to(self, room: str) -> Cursor | None:
        """How far a room was read by this program, over all runs."""
        return self._followed.cursor(room)

    # -- sending -----------------------------------------------------------------------

    def send(
        self, room: str, text: str, kind: Kind = "text", reply: int | None = None
    ) -> Sending:
        """Send a message, to a room or to ``@nick``. When this returns it is in the
        outbox, on the disk; ``kept`` of what it returns tells when it is in the log.

        Raises StateError if it can't be written: then it is not sent.
        """
        return self.send_all([Say(room, text, kind, reply=reply)])[0]

    def edit(self, room: str, seq: int, text: str) -> Sending:
        """Give one's own message a new text; as ``send``."""
        return self.send_all([Edit(room, seq, text)])[0]

    def redact(self, room: str, seq: int, reason: str = "") -> Sending:
        """Blank a message; as ``send``."""
        return self.send_all([Redact(room, seq, reason)])[0]

    def react(
        self, room: str, seq: int, reaction: str, remove: bool = False
    ) -> Sending:
        """Put a reaction on a message, or take it back; as ``send``."""
        return self.send_all([React(room, seq, reaction, remove)])[0]

    def send_custom(self, room: str, kind: str, value: Any) -> Sending:
        """Put an event of a kind of your own (``vendor/kind``) into a room, with a
        value of JSON; as ``send``. It comes back, to everybody, as
        ``events.Custom``."""
        return self.send_all([Custom(room, kind, value)])[0]

    def send_all(self, sends: list[Any]) -> list[Sending]:
        """Send several at once, with one write to the disk: all of them or none."""
        made = []
        for send in self.conversation.send(*sends):
            sending = self._sendings[send.cid or 0] = Sending(send)
            made.append(sending)
        self.link.flush()
        return made

    @property
    def unsent(self) -> list[Sending]:
        """The outbox: what is not answered yet, also from earlier runs."""
        return list(self._sendings.values())

    # -- rooms -------------------------------------------------------------------------

    def join(
        self, room: str, key: str = "", since: int | None = None
    ) -> Deferred[Room]:
        """Be in a room, now and after any reconnect. Events come from now on, or from
        behind seq ``since``: 0 for all. Fails with RefusedByServer."""
        known = self.rooms.get(fold(room))
        if known is not None:
            return succeed(known)
        waiting: Deferred[Room] = Deferred()
        self._entering.setdefault(fold(room), []).append(waiting)
        if not self.conversation.wants(room):
            self.conversation.follow(room, key, since=since)
            self.link.flush()
        return waiting

    def room(self, name: str) -> Room | None:
        """A room that we are in, or were when there was a connection for the last time;
        a direct one is found by ``@nick``, too."""
        known = self.rooms.get(fold(name))
        if known is None and name.startswith("@"):
            nick = fold(name[1:])
            for one in self.rooms.values():
                if one.direct is not None and fold(one.direct) == nick:
                    return one
        return known or self._followed.remembered(name)

    def leave(self, room: str, reason: str = "") -> None:
        """Be no longer in a room, on any device; Exited tells when it is done."""
        self.conversation.leave(room, reason)
        self.link.flush()

    def mark(self, room: str, seq: int) -> None:
        """Everything up to ``seq`` was read. All devices are told, when there is a
        connection."""
        self._followed.mark(room, seq)

    # -- asking ------------------------------------------------------------------------

    async def ask(self, command: Command) -> Word:
        """Ask for anything else, now. Raises RefusedByServer, also without a
        connection."""
        answer = await self.link.ask(command)
        if isinstance(answer, events.Fault):
            raise RefusedByServer(answer)
        return answer

    async def members(self, room: str) -> list[events.MemberEntry]:
        """Who is in a room; of a large one ``Room.members`` has all of them from then
        on, for as long as the connection lasts. Raises RefusedByServer."""
        known, after, more = self.rooms.get(fold(room)), "", True
        if known is not None and known.whole:
            return list(known.members.values())
        found: list[events.MemberEntry] = []
        while more:
            answer = await self.ask(ListMembers(room, after))
            page = cast(events.MemberList, answer)
            if known is not None:
                known.add(page, after)
            found += page.members
            more = page.more
            after = page.members[-1].nick if page.members else ""
        return found

    async def history(
        self,
        room: str,
        limit: int = 100,
        before: int | None = None,
        after: int | None = None,
    ) -> list[Logged]:
        """What a room's log holds, oldest first: the latest, or with ``after`` those
        behind that seq. Raises RefusedByServer."""
        found: list[Any] = []
        query = History(room, before, after)
        while len(found) < limit:
            asked = msgspec.structs.replace(query, limit=min(PAGE, limit - len(found)))
            page = cast(events.Page, await self.ask(asked))
            found = [*found, *page.events] if after is not None else [
                *page.events, *found]  # fmt: skip
            if not page.more or not page.events:
                break
            if after is None:
                query = msgspec.structs.replace(query, before=found[0].seq)
            else:
                query = msgspec.structs.replace(query, after=found[-1].seq)
        return found

    # -- what happens ------------------------------------------------------------------

    def _heard(self, happening: Happening) -> None:
        self._take(happening)
        if isinstance(happening, Shown):
            self._tell(happening.event)
        self._tell(happening)
        if isinstance(happening, Shown):
            room = self._followed.given(happening.event)
            if room is not None:
                self._tell(Exited(room))

    def _take(self, happening: Happening) -> None:
        match happening:
            case Shown(event, _):
                self._followed.shown(event)
            case Entered(shown):
                self._entered(shown)
            case Exited(room):
                self._followed.exited(room)
            case Up(welcome):
                self._login.welcomed(self.conversation.hello, welcome)
            case Ready():
                self._ready()
            case Kept(send, answer) | Refused(send, answer):
                self._answered(send.cid or 0, answer)
            case Shut(room, fault) if not fault.retry:
                self._shut(room, fault)
            case Rejected(fault) if not fault.retry or fault.code == NickInUse.code:
                self._no_way(f"{fault.text} [{fault.code}]")
            case Down(reason, True):
                self._no_way(reason)

    def _tell(self, what: object) -> None:
        for kind, call in list(self._listeners):
            if isinstance(what, kind):
                try:
                    call(what)
                except Exception:
                    self.log.failure("a listener for {kind} failed", kind=kind.__name__)

    def _ready(self) -> None:
        try:
            self.file.welcome()
        except StateError:
            self.log.failure("it can't be written that we were here")
        self._followed.send_marks()
        waiting, self._connecting = self._connecting, []
        for one in waiting:
            one.callback(self)

    def _no_way(self, why: str) -> None:
        waiting, self._connecting = self._connecting, []
        for one in waiting:
            one.errback(CannotConnect(f"{self.address.server}: {why}"))

    def _answered(self, cid: int, answer: events.Done | events.Fault) -> None:
        sending = self._sendings.pop(cid, None)
        if sending is not None:
            sending.answered(answer)

    def _entered(self, shown: events.RoomShown) -> None:
        room = self._followed.entered(shown)
        names = {fold(shown.room), fold(f"@{shown.direct}" if shown.direct else "")}
        for name in names:
            for waiting in self._entering.pop(name, []):
                waiting.callback(room)

    def _shut(self, room: str, fault: events.Fault) -> None:
        self.conversation.leave(room)
        self._followed.exited(room)
        for waiting in self._entering.pop(fold(room), []):
            waiting.errback(RefusedByServer(fault))
