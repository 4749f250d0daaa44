"""What the API reference can't read is found without building it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from tests.docs.pages import ROOT


def sentences(tree: ast.AST) -> Iterator[int]:
    """Where an annotation holds text that is no type. pydoctor takes all text there for
    a type; a name for the whole (``HostName = Annotated[…]``) keeps it out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            for part in ast.walk(node.annotation):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    try:
                        ast.parse(part.value, mode="eval")
                    except SyntaxError:
                        yield node.lineno


class AnnotationTests(SynchronousTestCase):
    """Annotations in the package."""

    def test_no_sentences(self) -> None:
        """Types with a description have a name."""
        wrong = [
            f"{path.relative_to(ROOT)}:{line}"
            for path in ROOT.glob("relaychat/**/*.py")
            for line in sentences(ast.parse(path.read_text(encoding="utf-8")))
        ]
        self.assertEqual(wrong, [])

    def test_it_bites(self) -> None:
        """A description in an annotation is found."""
        source = 'class A:\n    b: Annotated[str, Meta(description="two words")]\n'
        self.assertEqual(list(sentences(ast.parse(source))), [2])
