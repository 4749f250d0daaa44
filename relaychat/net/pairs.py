"""Where certificates lie: which files of a folder belong together, and whether they
have changed.

A folder holds pairs ``NAME.crt`` or ``NAME.pem`` with ``NAME.key``, or a ``NAME.pem``
with both in it; or it is certbot's: ``DOMAIN/fullchain.pem`` with
``DOMAIN/privkey.pem``, there or in a folder ``live``. Other files may lie beside them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from relaychat.net.tls import Pair

Mark = tuple[tuple[int, ...], ...]
"""What a change of files changes: times, sizes and places on the disk."""


def mark_of(*files: Path) -> Mark:
    """The present mark of these files. Links are followed: certbot renews by pointing
    them elsewhere. A file that is not there has an empty mark."""
    return tuple([_mark(file) for file in files])


def _mark(file: Path) -> tuple[int, ...]:
    try:
        found = os.stat(file)
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev)


def pairs_in(folder: Path) -> list[Pair]:
    """The pairs in a folder, by name. Raises OSError."""
    names = sorted(os.listdir(folder))
    return [*_flat(folder, names), *_certbot(folder, names)]


def _flat(folder: Path, names: list[str]) -> Iterator[Pair]:
    there = set(names)
    for name in names:
        certificate = folder / name
        stem, kind = certificate.stem, certificate.suffix
        if kind not in (".crt", ".pem"):
            continue
        key = certificate.with_suffix(".key")
        if key.name in there:
            if kind == ".crt" or f"{stem}.crt" not in there:
                yield Pair(certificate, key)
        elif kind == ".pem" and _has_key(certificate):
            yield Pair(certificate, certificate)


def _certbot(folder: Path, names: list[str]) -> Iterator[Pair]:
    for name in names:
        certificate = folder / name / "fullchain.pem"
        if certificate.exists():
            yield Pair(certificate, folder / name / "privkey.pem")
    if "live" in names:
        yield from _certbot(folder / "live", sorted(os.listdir(folder / "live")))


def _has_key(file: Path) -> bool:
    try:
        return b"PRIVATE KEY-----" in file.read_bytes()
    except OSError:
        return False
