"""The steps that a program takes in a folder, recorded from its system calls.

The program runs as it is, under ``strace``: the library, the kernel and the disk are
the real ones. What is recorded is compared with the folder afterwards, so that nothing
goes past the recording.

Lines that the program writes to its standard output are its marks, in their place
between its other steps.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import NamedTuple

from relaychat.testing.disk import (
    Disk,
    Image,
    Link,
    Make,
    MakeFolder,
    Mark,
    Remove,
    Rename,
    Resize,
    Step,
    Sync,
    Write,
)

CALLS = (
    "openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,"
    "fallocate,fsync,fdatasync,sync_file_range,unlink,unlinkat,rename,renameat,"
    "renameat2,mkdir,mkdirat,rmdir,link,linkat,symlink,copy_file_range,sendfile"
)
"""All that change files by a call. What is not understood is an error, where it is in
the folder."""

_LONGEST_BYTES = 64 * 1024 * 1024
"""Of one write; far more than anything here writes at once."""

_LINE = re.compile(r"(\d+) +(\w+)\((.*)\) += (\S+)")
_BEGUN = re.compile(r"(\d+) +(\w+)\((.*?),? *<unfinished \.\.\.>")
_ENDED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (\S+)")
_BY_NAME = {
    "openat",
    "open",
    "creat",
    "truncate",
    "unlink",
    "unlinkat",
    "rename",
    "mkdir",
}
_BY_NAME |= {"mkdirat", "rmdir", "link", "symlink", "renameat", "renameat2", "linkat"}
_OPEN_FILE = re.compile(r"(\d+)<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


class CannotRecord(Exception):
    """There is no ``strace`` here, or it may not trace."""


class Unexpected(Exception):
    """A step that this module does not understand, or has missed."""


class Recording(NamedTuple):
    """What a program did."""

    steps: list[Step]
    code: int
    """As it exited; negative for a signal."""
    errors: str
    """What it wrote to its standard error."""


class _Call(NamedTuple):
    """A system call in the trace."""

    name: str
    values: str
    result: str


def record(
    command: Sequence[str],
    folder: Path,
    *,
    environment: dict[str, str] | None = None,
    inject: str | None = None,
    mapped: tuple[str, ...] = (),
    timeout_s: float = 60,
) -> Recording:
    """Run a program until it ends, and tell its steps in a folder.

    ``inject`` is a fault for ``strace`` to make, for instance
    ``fdatasync:signal=SIGKILL:when=9``. ``mapped`` is as a Disk has it.

    Raises CannotRecord, Unexpected.
    """
    strace = which("strace")
    if strace is None:
        raise CannotRecord("strace is not installed")
    disk = Disk(Image.of(folder), mapped)
    with TemporaryDirectory(prefix="relaychat-trace-") as place:
        trace = Path(place) / "trace"
        tracing = [strace, *_TRACING, "-o", str(trace)]
        # The filter makes it twice as fast, and takes no signals for an injection.
        tracing += ["--seccomp-bpf"] if inject is None else ["-e", f"inject={inject}"]
        ended = subprocess.run(
            [*tracing, *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
        errors = ended.stderr.decode(errors="replace")
        if not trace.exists() or not trace.stat().st_size:
            raise CannotRecord(f"strace may not trace here: {errors.strip()}")
        with trace.open(encoding="ascii") as lines:
            steps = list(_Reader(folder.resolve(), disk).read(lines))
    _compare(disk.image(), Image.of(folder), mapped)
    return Recording(steps, ended.returncode, errors)


_TRACING = (
    *("-f", "-qq", "-y", "-xx"),
    *("-s", str(_LONGEST_BYTES), "-e", "signal=none", "-e", f"trace={CALLS}"),
)


def _compare(told: Image, found: Image, mapped: tuple[str, ...]) -> None:
    """Whether the steps make of the folder what it is."""
    if told.folders != found.folders or told.files.keys() != found.files.keys():
        raise Unexpected(f"other names: {sorted(told.files)} {sorted(found.files)}")
    for path, data in found.files.items():
        if told.files[path] != data and not path.endswith(mapped or ("/",)):
            raise Unexpected(f"{path} is not what was written to it")


class _Reader:
    """Makes steps of the lines of a trace."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = f"{folder}/"
        self._disk = disk
        self._begun: dict[str, tuple[str, str]] = {}
        """Calls under way: name and values, by thread."""
        self._places: dict[str, int] = {}
        """Where the next ``write`` goes, by descriptor."""

    def read(self, lines: Iterable[str]) -> Iterator[Step]:
        """The steps, each taken by the disk already."""
        for line in lines:
            for step in self._line(line):
                self._disk.take(step)
                yield step

    def _line(self, line: str) -> Iterator[Step]:
        if found := _BEGUN.match(line):
            thread, name, values = found.groups()
            self._begun[thread] = (name, values)
            # A mark is made when its call begins, everything else when it ends: what
            # is written in between may be there or not in either case.
            yield from self._marks(name, values)
        elif found := _ENDED.match(line):
            thread, name, rest, result = found.groups()
            values = self._begun.pop(thread)[1] + rest
            yield from self._step(_Call(name, values, result))
        elif found := _LINE.match(line):
            _, name, values, result = found.groups()
            yield from self._marks(name, values)
            yield from self._step(_Call(name, values, result))

    def _marks(self, name: str, values: str) -> Iterator[Step]:
        if name == "write" and values.startswith("1<"):
            for text in _data(values).decode(errors="replace").splitlines():
                yield Mark(text)

    def _step(self, call: _Call) -> Iterator[Step]:
        path = self._path(call.name, call.values)
        if path is None or call.result.startswith("-") or call.result == "?":
            return
        self._alone(path)
        match call.name:
            case "openat" | "open":
                yield from self._opened(path, call)
            case "pwrite64":
                offset = int(call.values.rpartition(",")[2])
                yield self._write(path, offset, call)
            case "write":
                descriptor = call.values.partition("<")[0]
                offset = self._places.get(descriptor, 0)
                yield self._write(path, offset, call)
                self._places[descriptor] = offset + int(call.result)
            case "ftruncate":
                yield Resize(path, int(call.values.rpartition(",")[2]))
            case "fsync" | "fdatasync":
                yield Sync(path)
            case "unlink" | "unlinkat":
                yield Remove(path)
            case "rename":
                yield Rename(path, self._target(call.values))
            case "link" | "linkat":
                yield Link(path, self._target(call.values))
            case "mkdir" | "mkdirat":
                yield MakeFolder(path)
            case _:
                raise Unexpected(f"{call.name} of {path}")

    def _alone(self, path: str) -> None:
        """A sync covers what was written before it. With two calls at once on one file
        nobody can tell."""
        for name, values in self._begun.values():
            if name != "openat" and self._path(name, values) == path:
                raise Unexpected(f"two calls at once on {path}")

    def _opened(self, path: str, call: _Call) -> Iterator[Step]:
        if "O_TMPFILE" in call.values:
            raise Unexpected(f"a file without a name in {path}")
        if "O_CREAT" in call.values and not self._disk.has(path):
            yield Make(path)
        elif "O_TRUNC" in call.values:
            yield Resize(path, 0)
        self._places[call.result.partition("<")[0]] = 0

    def _write(self, path: str, offset: int, call: _Call) -> Write:
        data = _data(call.values)
        if len(data) != int(call.result):
            raise Unexpected(f"a write in part to {path}")
        return Write(path, offset, data)

    def _path(self, name: str, values: str) -> str | None:
        """What a call is about, if it is in the folder; the folder itself is ``""``."""
        if name in _BY_NAME:
            return self._inside(_texts(values)[0])
        found = _OPEN_FILE.match(values)
        return self._inside(_decode(found[2])) if found and not found[3] else None

    def _target(self, values: str) -> str:
        target = self._inside(_texts(values)[1])
        if target is None:
            raise Unexpected("a file leaves the folder")
        return target

    def _inside(self, path: str) -> str | None:
        if f"{path}/" == self._folder:
            return ""
        inside = path.startswith(self._folder)
        return path.removeprefix(self._folder) if inside else None


def _texts(values: str) -> list[str]:
    return [_decode(text) for text in _TEXT.findall(values)]


def _data(values: str) -> bytes:
    found = _TEXT.search(values)
    return bytes.fromhex(found[1].replace("\\x", "")) if found else b""


def _decode(text: str) -> str:
    return os.fsdecode(bytes.fromhex(text.replace("\\x", "")))
