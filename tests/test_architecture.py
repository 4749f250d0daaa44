"""The house plan, held: who may import whom, what the core never touches.

Imports are read from the syntax trees, those inside functions included. An import under
``if TYPE_CHECKING:`` is for types alone: it makes no cycle, and still has to follow the
table where it leaves its package.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

from twisted.trial.unittest import TestCase

ROOT = Path(__file__).parent.parent
EVERYTHING = "relaychat"

MAY_IMPORT = {
    "relaychat.model": (),
    "relaychat.wire": ("relaychat.model",),
    "relaychat.store.api": ("relaychat.model",),
    "relaychat.bus.api": ("relaychat.model",),
    "relaychat.hub": ("relaychat.model", "relaychat.store.api", "relaychat.bus.api"),
    "relaychat.session": ("relaychat.model", "relaychat.wire", "relaychat.hub"),
    "relaychat.auth": ("relaychat.model", "relaychat.wire", "relaychat.store.api"),
    "relaychat.store": ("relaychat.model", "relaychat.wire"),
    "relaychat.bus": ("relaychat.model", "relaychat.wire"),
    "relaychat.net": ("relaychat.model", "relaychat.wire", "relaychat.session"),
    "relaychat.client": (
        "relaychat.model",
        "relaychat.wire",
        "relaychat.net.dial",
        "relaychat.net.interfaces",
        "relaychat.net.datagrams",
        "relaychat.net.hosts",
        "relaychat.net.names",
        "relaychat.net.records",
        "relaychat.net.routes",
        "relaychat.net.service",
    ),
    "relaychat.doctor": (
        "relaychat.model",
        "relaychat.wire",
        "relaychat.net",
        "relaychat.client",
        "relaychat.app.world",
    ),
    "relaychat.app": (EVERYTHING,),
    "relaychat.__main__": (EVERYTHING,),
    "relaychat.extend": (EVERYTHING,),
    "relaychat.testing": (EVERYTHING,),
}
"""By package or module: what it may import beside itself. The longest name counts."""

ONLY_DEFERRED = (
    "relaychat.store.api",
    "relaychat.bus.api",
    "relaychat.hub",
    "relaychat.session",
)
"""Of Twisted these know ``Deferred``, with what it carries, and nothing else."""
DEFERRED = {
    ("twisted.internet.defer", "Deferred"),
    ("twisted.internet.defer", "CancelledError"),
    ("twisted.python.failure", "Failure"),
}

CORE = ("relaychat.model", "relaychat.wire", "relaychat.hub", "relaychat.session")
PURE = {
    "__future__", "abc", "base64", "binascii", "bisect", "collections", "contextlib",
    "dataclasses", "enum", "functools", "hashlib", "heapq", "hmac", "inspect",
    "ipaddress", "itertools", "math", "msgspec", "operator", "re", "string",
    "stringprep", "struct",
    "textwrap", "types", "typing", "unicodedata", "zlib",
}  # fmt: skip
"""What the core may import: nothing with a clock, chance, threads or I/O."""
IMPURE_BUILTINS = {
    "open", "input", "print", "eval", "exec", "compile", "breakpoint", "__import__",
}  # fmt: skip


class Import(NamedTuple):
    """One imported name: ``from module import name``, or ``import module``."""

    module: str
    name: str | None
    typing_only: bool
    line: int


def _modules() -> dict[str, Path]:
    found = {}
    for path in sorted((ROOT / "relaychat").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules()
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def _imports(node: ast.AST, typing_only: bool = False) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, None, typing_only, child.lineno)
        elif isinstance(child, ast.ImportFrom):
            module = "." * child.level + (child.module or "")
            for alias in child.names:
                yield Import(module, alias.name, typing_only, child.lineno)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for part in child.body:
                yield from _imports(ast.Module([part], []), True)
            for part in child.orelse:
                yield from _imports(ast.Module([part], []), typing_only)
        else:
            yield from _imports(child, typing_only)


IMPORTS = {name: list(_imports(tree)) for name, tree in TREES.items()}


def _target(found: Import) -> str:
    """The module that an import of ours brings in."""
    whole = f"{found.module}.{found.name}"
    return whole if whole in MODULES else found.module


def _inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def _row(module: str) -> str | None:
    fitting = [row for row in MAY_IMPORT if _inside(module, row)]
    return max(fitting, key=len, default=None)


def _package(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _core() -> list[str]:
    return [name for name in MODULES if name.startswith(CORE)]


class ImportTests(TestCase):
    """DESIGN: packages, and who may import whom."""

    def test_table(self) -> None:
        """A module imports its own package and what its row names."""
        wrong = []
        for module, imports in IMPORTS.items():
            row = _row(module)
            for found in imports:
                target = _target(found)
                if not _inside(target, "relaychat") or target == "relaychat":
                    continue
                allowed = (*MAY_IMPORT[row], _package(module)) if row else ()
                if not any(_inside(target, package) for package in allowed):
                    wrong.append(f"{module}:{found.line} imports {target}")
        self.assertEqual(wrong, [])

    def test_every_package_has_a_row(self) -> None:
        """No package stands outside the table."""
        loose = [name for name in MODULES if name != "relaychat" and not _row(name)]
        self.assertEqual(loose, [])

    def test_no_relative_imports(self) -> None:
        """Imports say the whole name."""
        for module, imports in IMPORTS.items():
            for found in imports:
                self.assertFalse(found.module.startswith("."), f"{module}:{found.line}")

    def test_no_star_imports(self) -> None:
        """Nothing imports everything."""
        for module, imports in IMPORTS.items():
            self.assertNotIn("*", [found.name for found in imports], module)

    def test_no_cycle(self) -> None:
        """No module needs itself by way of others, type-only imports aside."""
        graph = {
            module: {
                _target(found)
                for found in imports
                if _target(found) in MODULES and not found.typing_only
            }
            for module, imports in IMPORTS.items()
        }
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            self.fail(" imports ".join(reversed(error.args[1])))

    def test_inits_are_empty(self) -> None:
        """Packages are names; only the top one says something."""
        for name, path in MODULES.items():
            if path.name == "__init__.py" and name != "relaychat":
                self.assertEqual(path.read_text().strip(), "", name)

    def test_plugin_folders_stay_open(self) -> None:
        """An ``__init__.py`` in twisted/ would hide Twisted itself."""
        self.assertEqual(list((ROOT / "twisted").rglob("__init__.py")), [])


class PurityTests(TestCase):
    """The core is handed its clock, its chance and its store; it takes nothing."""

    def test_imports(self) -> None:
        """Core modules import pure things only; of Twisted ``Deferred`` by some."""
        wrong = []
        for module in [*_core(), *(name for name in ONLY_DEFERRED if name in MODULES)]:
            deferred = _row(module) in ONLY_DEFERRED
            for found in IMPORTS[module]:
                top = found.module.partition(".")[0]
                ours = (found.module, found.name) in DEFERRED
                if top not in PURE | {"relaychat"} and not (ours and deferred):
                    wrong.append(f"{module}:{found.line} imports {found.module}")
        self.assertEqual(wrong, [])

    def test_builtins(self) -> None:
        """Core modules open no file, print nothing and run no text."""
        wrong = [
            f"{module}:{node.lineno} uses {node.id}"
            for module in _core()
            for node in ast.walk(TREES[module])
            if isinstance(node, ast.Name) and node.id in IMPURE_BUILTINS
        ]
        self.assertEqual(wrong, [])

    def test_nobody_imports_the_reactor_early(self) -> None:
        """An import leaves the choice of the reactor to who runs the program."""
        early = []
        for module, tree in TREES.items():
            top = ast.Module(
                [
                    node
                    for node in tree.body
                    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                    and not isinstance(node, ast.ClassDef)
                ],
                [],
            )
            early += [
                f"{module}:{found.line}"
                for found in _imports(top)
                if (found.module, found.name) == ("twisted.internet", "reactor")
                or found.module == "twisted.internet.reactor"
            ]
        self.assertEqual(early, [])


class FinishedTests(TestCase):
    """What is in the tree is done."""

    def test_no_marks_of_unfinished_work(self) -> None:
        """No file says that something is still to do."""
        mark = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
        for folder in ("relaychat", "tests", "twisted", "examples", "benchmarks"):
            for path in sorted((ROOT / folder).rglob("*.py")):
                for number, line in enumerate(path.read_text().splitlines(), 1):
                    self.assertIsNone(mark.search(line), f"{path}:{number}")


class WayTests(TestCase):
    """The way through the tree, as docs/design.md shows it."""

    def test_steps(self) -> None:
        """Each place that a step names is there."""
        page = (ROOT / "docs" / "design.md").read_text()
        way = page.partition("| step | where |")[2].partition("\n\n")[0]
        places = re.findall(r"`([\w/]+\.py)`(?: `([\w.]+)`)?", way)
        self.assertGreater(len(places), 10)
        for path, name in places:
            tree: ast.AST = ast.parse((ROOT / "relaychat" / path).read_text())
            for part in filter(None, name.split(".")):
                inside = {
                    one.name: one
                    for one in ast.iter_child_nodes(tree)
                    if isinstance(one, ast.ClassDef | ast.FunctionDef)
                }
                self.assertIn(part, inside, path)
                tree = inside[part]
