"""What a power cut leaves of a folder, from the steps that a program took in it.

A ``Disk`` is given the steps one after the other. At any point ``cut`` makes a state
that a power cut at that moment could leave behind. What a finished sync covers is
there. Of all that came since, anything may be there or not:

- of each write any of its 512-byte sectors, in any order, and one of them in part;
- a change of a file's size, with or without what was written there; where nothing was,
  there are zeros, noise, or what the file held there before;
- that a name was made, moved or removed: only a sync of its *folder* covers it.

A sync of a file does not cover its name, nor a sync of a folder the folder's own name.
That is what POSIX says; common file systems promise more. Disks that say a sync is done
when it is not are outside of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

from msgspec import Struct, field

SECTOR_BYTES = 512
"""What a disk writes whole, if anything."""


class Write(NamedTuple):
    """Bytes into a file."""

    path: str
    offset: int
    data: bytes


class Resize(NamedTuple):
    """A file is cut short, or made longer with zeros."""

    path: str
    size: int


class Make(NamedTuple):
    """An empty file that was not there."""

    path: str


class MakeFolder(NamedTuple):
    """A folder that was not there."""

    path: str


class Link(NamedTuple):
    """A file goes by a second name as well."""

    path: str
    target: str


class Remove(NamedTuple):
    """A name goes, and its file if it has no other."""

    path: str


class Rename(NamedTuple):
    """A file goes by another name, whose own file goes."""

    path: str
    target: str


class Sync(NamedTuple):
    """A file's contents, or a folder's names, are on the disk."""

    path: str


class Mark(NamedTuple):
    """What the program says about itself; it means nothing to a disk."""

    text: str


Step = Write | Resize | Make | MakeFolder | Link | Remove | Rename | Sync | Mark
"""Paths are relative to the folder that is looked at; ``""`` is that folder."""


class Image(NamedTuple):
    """A folder's contents."""

    folders: list[str]
    """Parents first."""
    files: dict[str, bytes]

    @classmethod
    def of(cls, folder: Path) -> Image:
        """What is in a folder."""
        paths = sorted(folder.rglob("*"))
        return cls(
            [str(path.relative_to(folder)) for path in paths if path.is_dir()],
            {
                str(path.relative_to(folder)): path.read_bytes()
                for path in paths
                if path.is_file()
            },
        )

    def put(self, folder: Path) -> None:
        """Write it into a folder that is there."""
        for path in self.folders:
            (folder / path).mkdir()
        for path, data in self.files.items():
            (folder / path).write_bytes(data)


class _File(Struct):
    """A file by whatever name. ``former`` is the longest that it was."""

    durable: bytes = b""
    live: bytearray = field(default_factory=bytearray)
    former: bytes = b""
    pending: list[Write | Resize] = []


_FOLDER = -1

_Names = dict[str, int | None]
"""Paths to the numbers of files; None where a name goes."""


class Disk:
    """A folder on a disk.

    ``mapped`` are ends of names of files that are written through memory, so that no
    step tells what is in them: a cut leaves noise there.
    """

    def __init__(
        self, image: Image | None = None, mapped: tuple[str, ...] = ()
    ) -> None:
        image = image or Image([], {})
        self._files: list[_File] = []
        self._names: dict[str, int] = {}
        self._mapped = mapped
        for path in image.folders:
            self._names[path] = _FOLDER
        for path, data in image.files.items():
            self._names[path] = self._add(_File(data, bytearray(data), data))
        self._durable = dict(self._names)
        self._pending: dict[str, list[_Names]] = {}
        """Changes of names since the last sync, by folder."""

    # -- the steps --------------------------------------------------------------------

    def take(self, step: Step) -> None:
        """Carry a step out. Raises KeyError where its file is not there."""
        match step:
            case Write() | Resize():
                _change(self._file(step.path), step)
            case Make(path):
                self._rename({path: self._add(_File())})
            case MakeFolder(path):
                self._rename({path: _FOLDER})
            case Link(path, target):
                self._rename({target: self._names[path]})
            case Remove(path):
                self._rename({path: None})
            case Rename(path, target):
                self._rename({target: self._names[path], path: None})
            case Sync(path):
                self._sync(path)

    def has(self, path: str) -> bool:
        """Whether there is such a file or folder, as programs see it."""
        return path in self._names

    def image(self) -> Image:
        """The folder as programs see it."""
        return self._show(
            self._names, {n: bytes(one.live) for n, one in enumerate(self._files)}
        )

    def _add(self, file: _File) -> int:
        self._files.append(file)
        return len(self._files) - 1

    def _file(self, path: str) -> _File:
        return self._files[self._names[path]]

    def _rename(self, names: _Names) -> None:
        _apply(self._names, names)
        by_folder: dict[str, _Names] = {}
        for path, number in names.items():
            by_folder.setdefault(_parent(path), {})[path] = number
        for folder, changes in by_folder.items():
            self._pending.setdefault(folder, []).append(changes)

    def _sync(self, path: str) -> None:
        if path and self._names[path] != _FOLDER:
            file = self._file(path)
            file.durable, file.pending = bytes(file.live), []
            return
        for names in self._pending.pop(path, []):
            _apply(self._durable, names)

    # -- the cut ----------------------------------------------------------------------

    def cut(self, chance: Random) -> Image:
        """One of the states that a power cut may leave at this point."""
        names = dict(self._durable)
        for pending in self._pending.values():
            for change in _some(pending, chance):
                _apply(names, change)
        return self._show(
            names,
            {
                number: _cut_file(self._files[number], chance)
                for number in names.values()
                if number != _FOLDER
            },
            chance,
        )

    def _show(
        self,
        names: dict[str, int],
        contents: dict[int, bytes],
        chance: Random | None = None,
    ) -> Image:
        folders = [""]
        for path in sorted(path for path, number in names.items() if number == _FOLDER):
            if _parent(path) in folders:
                folders.append(path)
        files = {
            path: contents[number]
            for path, number in sorted(names.items())
            if number != _FOLDER and _parent(path) in folders
        }
        for path in files:
            if path.endswith(self._mapped) and self._mapped:
                size = chance.choice((0, 3, 32768)) if chance else 0
                files[path] = chance.randbytes(size) if chance else b""
        return Image(folders[1:], files)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _apply(names: dict[str, int], changes: _Names) -> None:
    for path, number in changes.items():
        if number is None:
            names.pop(path, None)
        else:
            names[path] = number


def _some(pending: list[_Names], chance: Random) -> list[_Names]:
    share = chance.choice((0.0, 0.5, 1.0))
    return [one for one in pending if chance.random() < share]


def _change(file: _File, step: Write | Resize) -> None:
    file.pending.append(step)
    if isinstance(step, Resize):
        if step.size < len(file.live) and len(file.live) > len(file.former):
            file.former = bytes(file.live)
        _resize(file.live, step.size)
    else:
        _write(file.live, step.offset, step.data)


def _resize(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))


def _write(content: bytearray, offset: int, data: bytes) -> None:
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


# -- a file after a cut ---------------------------------------------------------------

_Piece = Write | Resize
_Style = Callable[[list[_Piece], Random], list[_Piece]]
"""Which pieces of what is not synced have reached the disk."""


def _nothing(pieces: list[_Piece], chance: Random) -> list[_Piece]:
    return []


def _all(pieces: list[_Piece], chance: Random) -> list[_Piece]:
    return pieces


def _in_order(pieces: list[_Piece], chance: Random) -> list[_Piece]:
    return pieces[: chance.randrange(len(pieces) + 1)]


def _scattered(pieces: list[_Piece], chance: Random) -> list[_Piece]:
    share = chance.choice((0.1, 0.5, 0.9))
    return [piece for piece in pieces if chance.random() < share]


def _alone(pieces: list[_Piece], chance: Random) -> list[_Piece]:
    return [chance.choice(pieces)]


def _all_but_one(pieces: list[_Piece], chance: Random) -> list[_Piece]:
    missing = chance.randrange(len(pieces))
    return pieces[:missing] + pieces[missing + 1 :]


_STYLES: tuple[_Style, ...] = (
    _nothing,
    _all,
    _in_order,
    _scattered,
    _alone,
    _all_but_one,
)


def _cut_file(file: _File, chance: Random) -> bytes:
    """One of the contents that a cut may leave of a file."""
    if not file.pending:
        return file.durable
    landed = chance.choice(_STYLES)(_sectors(file.pending), chance)
    if landed and chance.random() < 0.3:
        landed = _tear(landed, chance)
    content = bytearray(file.durable)
    fill = chance.choice((_zeros, _noise(chance), _former(file)))
    for piece in landed:
        if isinstance(piece, Resize):
            _set_size(content, piece.size, fill)
        else:
            _set_size(content, max(len(content), piece.offset), fill)
            _write(content, piece.offset, piece.data)
    if len(content) < len(file.live) and chance.random() < 0.3:
        _set_size(content, len(file.live), fill)  # longer, without what is there
    return bytes(content)


def _sectors(pending: list[_Piece]) -> list[_Piece]:
    """The same, each write by its sectors."""
    pieces: list[_Piece] = []
    for step in pending:
        if isinstance(step, Resize):
            pieces.append(step)
            continue
        start, end = step.offset, step.offset + len(step.data)
        while start < end:
            stop = min(end, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
            part = step.data[start - step.offset : stop - step.offset]
            pieces.append(Write(step.path, start, part))
            start = stop
    return pieces


def _tear(landed: list[_Piece], chance: Random) -> list[_Piece]:
    """One of them in part: up to a byte, or from it on."""
    index = chance.randrange(len(landed))
    piece = landed[index]
    if isinstance(piece, Resize):
        return landed
    at = chance.randrange(len(piece.data) + 1)
    torn = chance.choice(
        (
            piece._replace(data=piece.data[:at]),
            piece._replace(offset=piece.offset + at, data=piece.data[at:]),
        )
    )
    return [*landed[:index], torn, *landed[index + 1 :]]


_Fill = Callable[[int, int], bytes]
"""What is found from one offset to another where nothing was written."""


def _zeros(start: int, stop: int) -> bytes:
    return bytes(stop - start)


def _noise(chance: Random) -> _Fill:
    return lambda start, stop: chance.randbytes(stop - start)


def _former(file: _File) -> _Fill:
    return lambda start, stop: file.former[start:stop].ljust(stop - start, b"\0")


def _set_size(content: bytearray, size: int, fill: _Fill) -> None:
    """Cut it short, or grow it."""
    del content[size:]
    if len(content) < size:
        content.extend(fill(len(content), size))
