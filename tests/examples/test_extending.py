"""What is promised to people who extend the relay: lengths, imports, names."""

from __future__ import annotations

import ast
import re
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import fields
from twisted.trial.unittest import SynchronousTestCase

from relaychat import extend
from relaychat.model import commands, errors, events
from relaychat.session.dialect import Dialect
from relaychat.testing.conformance import CHECKS
from tests.docs.pages import ROOT

EXAMPLES = ROOT / "examples"
PAGE = ROOT / "docs" / "extending.md"


def code_lines(path: Path) -> int:
    """Lines of code: without blank ones, comments and docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                docstrings |= set(range(first.lineno, (first.end_lineno or 0) + 1))
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    return sum(
        1
        for number, line in lines
        if number not in docstrings
        and line.strip()
        and not line.strip().startswith("#")
    )


def imported(path: Path) -> Iterator[str]:
    """The modules of ours that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


class LengthTests(SynchronousTestCase):
    """The smallest dialect is the advertisement."""

    def test_dialect(self) -> None:
        """SHOUT has at most 22 lines of code."""
        self.assertLessEqual(code_lines(EXAMPLES / "shout.py"), 22)

    def test_test(self) -> None:
        """Its test has at most 30."""
        own = ROOT / "tests" / "examples" / "test_smallest.py"
        self.assertLessEqual(code_lines(own), 30)


class ImportTests(SynchronousTestCase):
    """An extension needs one import of ours."""

    def test_examples(self) -> None:
        """What extends the relay imports ``relaychat.extend``, and nothing else of
        it."""
        extensions = 0
        for path in EXAMPLES.glob("**/*.py"):
            ours = {name for name in imported(path) if name.startswith("relaychat")}
            if "relaychat.extend" in ours:
                extensions += 1
                self.assertEqual(ours, {"relaychat.extend"}, path)
        self.assertGreaterEqual(extensions, 9)


class PageTests(SynchronousTestCase):
    """The page's tables, held against the code."""

    def test_exports(self) -> None:
        """Every name of ``relaychat.extend`` is on the page."""
        page = PAGE.read_text(encoding="utf-8")
        for name in extend.__all__:
            self.assertRegex(page, rf"\b{name}\b")

    def test_words(self) -> None:
        """Commands and events have the fields that the page gives them, in order."""
        page = PAGE.read_text(encoding="utf-8")
        seen = 0
        for module, name, listed in re.findall(
            r"^\| `(commands|events)\.(\w+)\(([\w, =\"]*)\)` \|", page, re.M
        ):
            kind = getattr({"commands": commands, "events": events}[module], name)
            given = [part.partition("=")[0].strip() for part in listed.split(",")]
            names = [field.name for field in fields(kind)]
            here = [name for name in given if name]
            self.assertEqual(here, [one for one in names if one in here], name)
            self.assertLessEqual(set(here), set(names))
            required = {one.name for one in fields(kind) if one.required}
            common = {"at"} if module == "events" else set()
            self.assertLessEqual(required - common, set(here), name)
            seen += 1
        self.assertGreater(seen, 40)

    def test_errors(self) -> None:
        """Errors have the codes that the page gives them."""
        page = PAGE.read_text(encoding="utf-8")
        listed = re.findall(r"^\| `errors\.(\w+)` \| `(\w+)` \|", page, re.M)
        self.assertGreater(len(listed), 9)
        for name, code in listed:
            self.assertEqual(getattr(errors, name).code, code)

    def test_attributes(self) -> None:
        """Attributes of a dialect have the defaults that the page gives them."""
        page = PAGE.read_text(encoding="utf-8")
        listed = re.findall(r"^\| `(\w+)` \| (`.*?`|\w+) \| [^|]*\|$", page, re.M)
        given = {name: value.strip("`") for name, value in listed}
        for name in ("line_limit", "line_end", "echo", "alpn", "text", "shared",
                     "pipelined", "settings"):  # fmt: skip
            self.assertEqual(literal_eval(given[name]), getattr(Dialect, name), name)

    def test_checks(self) -> None:
        """All checks of conformance are on the page."""
        page = PAGE.read_text(encoding="utf-8")
        told = re.findall(r"^\| `(\w+)` \| [^|]*\|$", page, re.M)
        self.assertLessEqual(set(CHECKS), set(told))
