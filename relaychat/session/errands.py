"""What a peer asks of others than the hub: accounts, tokens, the configuration. Each
holds what follows it until it is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from relaychat.model.accounts import AnyErrand
from relaychat.model.commands import Command
from relaychat.model.errors import UnknownCommand
from relaychat.model.words import Word
from relaychat.session.faults import fault_of, fault_of_failure
from relaychat.session.host import Errand

if TYPE_CHECKING:
    from relaychat.session.session import Session

KINDS = frozenset(get_args(AnyErrand))
"""Commands that the hub does not know, whether this relay carries them out or not."""


class Errands:
    """Those of one session, one at a time. ``answered`` is told what comes of each,
    ``report`` what failed."""

    __slots__ = ("_answered", "_known", "_report", "_stopped", "_under_way")

    def __init__(
        self,
        known: Mapping[type[Command], Errand],
        answered: Callable[[Word], None],
        report: Callable[[str], None],
    ) -> None:
        self._known = known
        self._answered = answered
        self._report = report
        self._under_way: Deferred[Any] | None = None
        self._stopped = False

    def take(self, kind: type[Command]) -> bool:
        """Whether a command of this kind is one."""
        return kind in self._known or kind in KINDS

    def run(self, command: Command, session: Session) -> None:
        """Carry one out."""
        errand = self._known.get(type(command))
        if errand is None:
            self._answered(fault_of(UnknownCommand("not here"), command))
            return
        self._under_way = errand(command, session)
        self._under_way.addCallbacks(self._done, self._failed, errbackArgs=(command,))

    def stop(self) -> None:
        """The peer is gone: nobody is answered any more."""
        self._stopped = True
        if self._under_way is not None:
            self._under_way.cancel()

    def _failed(self, failure: Failure, command: Command) -> None:
        if not self._stopped:
            self._done(fault_of_failure(failure, command, self._report))

    def _done(self, answer: Word) -> None:
        self._under_way = None
        if not self._stopped:
            self._answered(answer)
