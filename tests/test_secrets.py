"""Secrets are compared in constant time, everywhere: ``==`` tells by its time how much
of a guess was right."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import TestCase

ROOT = Path(__file__).parent.parent / "relaychat"
SECRET = re.compile(
    r"(^|(?<!cid)_)(password|passphrase|secret|token|ticket|proof|signature|hash|digest|nonce"
    r"|reset|verdict|salted)$"
)
"""Names of what nobody may guess, and of what is made of it."""
ELSEWHERE = ("client", "doctor", "store", "testing")
"""Here digests prove that a log or a file is whole, and nobody guesses."""


def name_of(node: ast.expr) -> str:
    """What a compared thing is called."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def compared(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Where a tree compares secrets by ``==`` or ``!=``. A constant is no secret."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        if any(isinstance(one, ast.Constant) for one in sides):
            continue
        for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
            names = [name_of(left), name_of(right)]
            equal = isinstance(operator, ast.Eq | ast.NotEq)
            if equal and any(map(SECRET.search, names)):
                yield node.lineno, " and ".join(names)


class SecretTests(TestCase):
    """The rule, and that it bites."""

    def test_nowhere(self) -> None:
        """No module compares secrets by ``==``."""
        wrong = [
            f"{path.relative_to(ROOT)}:{line} compares {what}"
            for path in sorted(ROOT.rglob("*.py"))
            if path.relative_to(ROOT).parts[0] not in ELSEWHERE
            for line, what in compared(ast.parse(path.read_text()))
        ]
        self.assertEqual(wrong, [])

    def test_it_bites(self) -> None:
        """It sees names, attributes and calls, on either side."""
        for text in (
            "given == self._password", "token != one", "x == account.reset",
            "a < b == proof_hash", "digest(x) == y",
        ):  # fmt: skip
            self.assertEqual(len(list(compared(ast.parse(text)))), 1, text)
        for text in (
            "password == ''",
            "token is None",
            "tokens == x",
            "hashes(x) == y",
        ):
            self.assertEqual(list(compared(ast.parse(text))), [], text)
