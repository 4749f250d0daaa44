"""The pages of the documentation, taken apart: README.md and all of docs/."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/*.md"))]

FENCE = re.compile(
    r"(?:^<!-- (?P<note>[^>]*) -->\n\n?)?"
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.M | re.S,
)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$", re.M)
SOURCE = re.compile(r'<(?:img|source|a)\b[^>]*\b(?:src|srcset|href)="([^"]+)"')
HEADING = re.compile(r"^#{1,6} (.*)$", re.M)


class Block(NamedTuple):
    """What stands between two fences."""

    place: str
    """Page and line, for whoever has to mend it."""
    language: str
    note: str
    """What an HTML comment right before it says: the file that it is from."""
    text: str


def blocks(*languages: str) -> Iterator[Block]:
    """The blocks in these languages, of all pages."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in FENCE.finditer(text):
            if found["language"] in languages:
                line = text.count("\n", 0, found.start("language")) + 1
                place = f"{page.relative_to(ROOT)}:{line}"
                yield Block(
                    place, found["language"], found["note"] or "", found["text"]
                )


def prose(page: Path) -> str:
    """A page without its blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def codes() -> Iterator[tuple[str, str]]:
    """Code within sentences, with the page that it is on."""
    for page in PAGES:
        for code in CODE.findall(prose(page)):
            yield page.name, code.replace("\\|", "|")


def links(page: Path) -> list[str]:
    """Where the links and pictures of a page lead."""
    text = CODE.sub("", prose(page))
    return [one or two for one, two in LINK.findall(text)] + SOURCE.findall(text)


def anchors(page: Path) -> set[str]:
    """What the links to a page may name: its headings, as they are written there."""
    found: set[str] = set()
    for heading in HEADING.findall(prose(page)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")
        number = 0
        while (anchor := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(anchor)
    return found
