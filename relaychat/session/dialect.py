"""A dialect: how one kind of peer speaks, and how it is told what happened.

One class has both directions. Upwards its *verbs* turn frames into commands; they run
on an instance that belongs to one session. Downwards its *renderers* turn events into
frames; for what many sessions read they run once, on an instance without a session,
that is the form (H21) of all sessions with the same capabilities. So a renderer of
events knows nothing but the event; answers are rendered by the session's own instance.

A line protocol needs verbs and renderers only. Any other overrides ``framer``,
``decode`` and ``encode``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from relaychat.hub.peer import Form
from relaychat.model.admission import Rendered
from relaychat.model.commands import Command, Say
from relaychat.model.errors import BadSyntax, OutOfOrder, UnknownCommand
from relaychat.model.events import Done, Left, Renamed, UserQuit, UserRenamed
from relaychat.model.words import Word
from relaychat.model.world import Timer
from relaychat.session.link import Framer
from relaychat.session.states import State
from relaychat.session.table import Row, renderers_of, verb, verbs_of
from relaychat.wire.framing import LineFramer

if TYPE_CHECKING:
    from relaychat.session.session import Session

Shown = str | bytes | list[str] | None
"""What a renderer returns: a line, whole frames, lines, or nothing."""
Asked = Command | str | bytes | Sequence[Command | str | bytes] | None
"""What a verb returns: commands, and its own answers: lines, or whole frames."""

_BROKEN = str.maketrans("\r\n\0", "   ")


class Dialect(Form):
    """Base of all dialects. Subclasses have a ``name``, verbs and renderers."""

    name: ClassVar[str] = ""
    """As it is called in the configuration and in lists of sessions."""
    alpn: ClassVar[tuple[str, ...]] = ()
    """Its names in TLS (RFC 7301): a client that offers only others is refused. Without
    any, what clients offer there does not matter."""
    line_limit: ClassVar[int] = 8192
    """Bytes of a line, its end not counted (H30)."""
    text: ClassVar[bool] = True
    """Whether a peer that begins with TLS or HTTP is at the wrong door: it is hung up
    on."""
    line_end: ClassVar[str] = "\r\n"
    shared: ClassVar[bool] = True
    """Whether events are rendered once for all sessions. If not, once for each, by its
    own instance: for protocols in which one peer's event has something that another's
    has not (a number, a subscription)."""
    pipelined: ClassVar[bool] = True
    """Whether a frame may be read before all that was asked in front of it has been
    answered. If not, what the dialect knows from answers is up to date in every verb,
    and a peer has one command at a time on its way."""
    settings: Any = None
    """What the configuration says of it in ``[extension.NAME]``: an instance of its
    own subclass of ``Settings``, whose values are the defaults."""
    verbs: ClassVar[dict[str, Row]] = {}
    """By word, in capitals. Made with the class."""
    renderers: ClassVar[dict[type[Word], Callable[..., Any]]] = {}
    """By kind of event or answer. Made with the class."""
    _says_acks: ClassVar[bool] = False
    _shares: ClassVar[frozenset[type[Word]]] = frozenset()
    _forms: ClassVar[dict[frozenset[str], Any]] = {}

    session: Session
    """Whom a session's own instance speaks for; a form has none."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.verbs = verbs_of(cls)
        cls.renderers = renderers_of(cls)
        tells = cls.renderers
        # Who renders user events is not shown the rooms' shares of them as well (H14).
        shares: dict[type[Word], type[Word]] = {Left: UserQuit, Renamed: UserRenamed}
        cls._shares = frozenset(
            share for share, whole in shares.items() if whole in tells
        )
        if "acks" in vars(cls):
            cls._says_acks = True
        elif not cls._says_acks and cls.encode is Dialect.encode:
            cls.acks = Done in tells
        cls._forms = {}

    def __init__(self, capabilities: frozenset[str] = frozenset()) -> None:
        self.capabilities = capabilities
        """What changes the rendering for this peer."""

    @classmethod
    def form(cls, capabilities: frozenset[str] = frozenset()) -> Self:
        """The one form of this dialect with these capabilities."""
        form: Self | None = cls._forms.get(capabilities)
        if form is None:
            form = cls._forms[capabilities] = cls(capabilities)
        return form

    # -- towards us ------------------------------------------------------------------

    def framer(self) -> Framer:
        """What cuts the peer's stream into frames."""
        return LineFramer(self.line_limit)

    def opening(self) -> Asked:
        """Asked or said when the connection opens, before anything was read."""
        return None

    def later(self, seconds: float, call: Callable[[], Asked]) -> Timer:
        """Call once, after so many seconds, unless the peer is gone by then. What the
        call returns is carried out as what a verb returns. For a session's own
        instance.

        Raises TooMany: a session has 64 timers at a time.
        """
        return self.session.later(seconds, call)

    def plain_messages(self, data: bytes) -> list[Say] | None:
        """A short cut for bytes that are nothing but whole frames with messages: these.
        None for all else, which goes by ``framer`` and ``decode``."""
        return None

    def decode(self, frame: bytes) -> Sequence[Word]:
        """The commands of a frame, and answers (anything that is not a Command) that
        wait for their turn behind them.

        Raises RelayError.
        """
        try:
            line = frame.decode()
        except UnicodeDecodeError:
            raise BadSyntax("the line is not UTF-8") from None
        word, _, rest = line.strip(" ").partition(" ")
        if not word:
            return ()
        row = self.row(word)
        return self.run(row, row.syntax.split(rest))

    def row(self, word: str) -> Row:
        """The table's row for a word. Raises UnknownCommand."""
        row = self.verbs.get(word.upper())
        if row is None:
            raise UnknownCommand(f"no such command: {word[:64]}", word[:64])
        return row

    def run(self, row: Row, arguments: list[str]) -> Sequence[Word]:
        """Run a verb. Raises OutOfOrder and what the verb raises."""
        asked = row.method(self, *arguments)
        if isinstance(asked, Command):
            return (asked,)
        if self.session.state is State.NEW and not (row.early or _commands(asked)):
            raise OutOfOrder(about=row.syntax.word)
        return self.words(asked)

    def words(self, asked: Asked) -> Sequence[Word]:
        """What a verb returned, as commands and answers."""
        if isinstance(asked, Command):
            return (asked,)
        if isinstance(asked, str | bytes):
            return (Rendered(self.pack(asked)),)
        if not asked:
            return ()
        words: list[Command | Rendered] = [
            one if isinstance(one, Command) else Rendered(self.pack(one))
            for one in asked
        ]
        answers = [one.frames for one in words if isinstance(one, Rendered)]
        if len(answers) == len(words):
            # What is said at once is sent at once.
            return (Rendered(b"".join(answers)),)
        return words

    @verb("HELP [<verb>]", early=True)
    def help(self, verb: str = "") -> list[str]:
        """Show what can be said."""
        rows = [self.row(verb)] if verb else self.verbs.values()
        return [f"{row.syntax.text}  {row.about}".rstrip() for row in rows]

    # -- towards the peer --------------------------------------------------------------

    def encode(self, event: Word) -> bytes:
        """The frames that show an event or an answer; empty for nothing."""
        renderer = self.renderers.get(type(event))
        return b"" if renderer is None else self.pack(renderer(self, event))

    def outcome(self, command: Command, result: Word) -> Shown:
        """What answers a command."""
        return self.encode(result)

    def pack(self, shown: Shown) -> bytes:
        """Frames of what a renderer returned. One string is one line: a line break in
        it would let a message's author forge lines, so it becomes a space."""
        if isinstance(shown, bytes):
            return shown
        if shown is None:
            return b""
        end = self.line_end
        if isinstance(shown, str):
            return f"{shown.translate(_BROKEN)}{end}".encode()
        return "".join([f"{line.translate(_BROKEN)}{end}" for line in shown]).encode()

    # -- as a form (H21) ---------------------------------------------------------------

    def render(self, event: Word) -> bytes:
        """See ``Form.render``."""
        if type(event) in self._shares and getattr(event, "occurrence", None):
            return b""
        return self.encode(event)

    def replay(self, event: Word) -> bytes:
        """See ``Form.replay``."""
        return self.encode(event)


def _commands(asked: Asked) -> bool:
    if not isinstance(asked, list) or not asked:
        return False
    return all(isinstance(one, Command) for one in asked)
