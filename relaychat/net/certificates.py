"""The certificates of one ``[tls.NAME]``: chosen by the name that a client asks for,
and renewed without a restart.

The files are looked at every half minute, and when somebody asks for it. What has
changed is read anew and served from the next connection on; connections that are there
keep what they began with. A renewal that is broken, or half written, changes nothing:
the old pair stays, and one line says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from OpenSSL import SSL
from twisted.logger import Logger

from relaychat.model.world import Timer, World
from relaychat.net.pairs import Mark, mark_of, pairs_in
from relaychat.net.tls import (
    Certificate,
    Clients,
    Pair,
    ServerConnections,
    TLSError,
    load,
)

LOOK_S = 30.0
"""How often the files are looked at: a renewal is served within a minute."""
SOON = timedelta(days=14)
"""Before its end a certificate is warned of: certbot renews 30 days before it."""
WARN_AGAIN = timedelta(days=1)
"""Between two warnings of one certificate."""


class Source(NamedTuple):
    """What a section names."""

    pair: Pair | None = None
    """One certificate, or"""
    folder: Path | None = None
    """a folder of several."""
    default: str = ""
    """Name of the one for clients that ask for no name, or for an unknown one."""
    clients: Clients = Clients()

    def pairs(self) -> list[Pair]:
        """The pairs that are there now. Raises TLSError."""
        if self.folder is None:
            return [self.pair] if self.pair is not None else []
        try:
            return pairs_in(self.folder)
        except OSError as error:
            raise TLSError(f"{error.filename}: {error.strerror}") from None

    def mark(self, pair: Pair) -> Mark:
        """Of all files that this pair is served with."""
        authority = self.clients.authority
        return mark_of(*pair, *([authority] if authority is not None else []))


class Looked(NamedTuple):
    """What a look at the files found, in words."""

    changed: tuple[str, ...] = ()
    """Certificates that are served from now on, or no more."""
    problems: tuple[str, ...] = ()
    """What could not be used; what there was before is served in its place."""


class _Kept(NamedTuple):
    certificate: Certificate
    mark: Mark


class Certificates:
    """See the module. ``load`` comes first."""

    def __init__(
        self, source: Source, world: World, log: Logger, own_name: str = ""
    ) -> None:
        """``own_name`` is the relay's: its certificate is the default one where the
        source names none."""
        self._source = source
        self._world = world
        self._log = log
        self._own_name = own_name
        self._kept: dict[Path, _Kept] = {}
        """By the certificate's path."""
        self._broken: dict[Path, Mark] = {}
        """What was of no use: it is tried again when its mark changes."""
        self._by_name: dict[str, Certificate] = {}
        self._default: Certificate | None = None
        self._warned: dict[str, datetime] = {}
        """When a certificate's end was warned of, by its fingerprint."""
        self._told: tuple[str, ...] = ()
        """The problems of the last look: what lasts is told once."""
        self._timer: Timer | None = None

    # -- what is served ----------------------------------------------------------------

    @property
    def default(self) -> Certificate:
        """The one for clients that ask for no name, or for an unknown one."""
        assert self._default is not None, "they have not been loaded"
        return self._default

    def served(self) -> list[Certificate]:
        """All of them, by path."""
        return [self._kept[path].certificate for path in sorted(self._kept)]

    def find(self, name: str) -> Certificate | None:
        """The one for a host name."""
        name = name.lower().rstrip(".")
        _, _, parent = name.partition(".")
        return self._by_name.get(name) or self._by_name.get(f"*.{parent}")

    def connections(self, alpn: tuple[str, ...] = ()) -> ServerConnections:
        """What makes the connections of a door, for a dialect that is called so."""
        return ServerConnections(lambda: self.default.context, alpn)

    def _choose(self, name: bytes | None) -> SSL.Context | None:
        found = self.find(name.decode("ascii", "replace")) if name else None
        return found.context if found is not None else None

    # -- looking at the files ----------------------------------------------------------

    def load(self) -> None:
        """Read all of them, for the first time. Raises TLSError if anything can't
        be used."""
        looked = self._look(anyway=True)
        for problem in looked.problems:
            raise TLSError(problem)

    def start(self) -> None:
        """Look at the files from now on."""
        self._warn()
        self._timer = self._world.later(LOOK_S, self._tick)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = self._world.later(LOOK_S, self._tick)
        self.look()

    def look(self, anyway: bool = False) -> Looked:
        """Read what has changed, or everything ``anyway``; log what came of it."""
        looked = self._look(anyway)
        for text in looked.changed:
            self._log.info("certificate {text}", text=text)
        for text in looked.problems:
            if anyway or text not in self._told:
                self._log.error(
                    "certificate not taken, what was served before stays: {text}",
                    text=text,
                )
        self._told = looked.problems
        self._warn()
        return looked

    def _look(self, anyway: bool) -> Looked:
        changed: list[str] = []
        problems: list[str] = []
        try:
            pairs = self._source.pairs()
        except TLSError as error:
            return Looked(problems=(str(error),))
        here = {pair.certificate: pair for pair in pairs}
        for path, kept in list(self._kept.items()):
            if path not in here and not self._is_gone(kept.certificate.pair):
                here[path] = kept.certificate.pair
        for pair in here.values():
            try:
                changed += self._take(pair, anyway)
            except TLSError as error:
                problems.append(str(error))
        changed += self._drop(here)
        if not here:
            where = self._source.folder
            problems.append(f"{where}: there is no certificate with its key in it")
        problems += self._index()
        return Looked(tuple(changed), tuple(dict.fromkeys(problems)))

    def _take(self, pair: Pair, anyway: bool) -> Iterable[str]:
        """Read a pair, unless it is as it was. Raises TLSError."""
        path, mark = pair.certificate, self._source.mark(pair)
        kept = self._kept.get(path)
        if not anyway and mark in (kept and kept.mark, self._broken.get(path)):
            return ()
        self._broken[path] = mark
        made = load(pair, self._source.clients, self._choose)
        if self._source.folder is not None and not made.names:
            if made.is_authority:
                return ()  # It lies beside those that it has signed.
            raise TLSError(f"{path}: it is for no host name, so nobody asks for it")
        del self._broken[path]
        self._kept[path] = _Kept(made, mark)
        if kept is not None and kept.certificate.fingerprint == made.fingerprint:
            return ()
        return [
            f"{path}: for {', '.join(made.names) or 'no name'},"
            f" until {made.until:%Y-%m-%d}, SHA-256 {made.fingerprint}"
        ]

    @staticmethod
    def _is_gone(pair: Pair) -> bool:
        """One file of two may be away while it is written."""
        return not any(file.exists() for file in pair)

    def _drop(self, here: dict[Path, Pair]) -> Iterable[str]:
        """Serve no more what is not there, as long as anything is left."""
        gone = [path for path in self._kept if path not in here]
        if len(gone) == len(self._kept):
            return
        for path in gone:
            del self._kept[path]
            yield f"{path} is not there any more"

    def _index(self) -> Iterable[str]:
        """Who is asked for by which name. Of two for one name it is the one that is
        valid, and longer."""
        now = self._now()
        kept = self.served()
        if not kept:
            return
        kept.sort(key=lambda one: (one.since <= now < one.until, one.until))
        self._by_name = {name: one for one in kept for name in one.names}
        wanted = self._source.default
        found = self.find(wanted or self._own_name)
        if found is None and wanted:
            yield f"there is no certificate for {wanted}, which is to be the default"
            if self._default is not None:
                return
        self._default = found or self.served()[0]

    # -- warnings ----------------------------------------------------------------------

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._world.now_ms() / 1000, UTC)

    def _warn(self) -> None:
        """Tell of what ends soon, once a day."""
        now = self._now()
        for one in self.served():
            told = self._warned.get(one.fingerprint)
            if one.until - now > SOON or (told and now - told < WARN_AGAIN):
                continue
            self._warned[one.fingerprint] = now
            self._log.warn(
                "certificate {path}: {what} {until}",
                path=one.pair.certificate,
                what="has expired on" if one.until <= now else "expires on",
                until=f"{one.until:%Y-%m-%d}",
            )
