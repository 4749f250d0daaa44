"""``benchmarks/prove.py``: what is made of the proofs' answers."""

from __future__ import annotations

import contextlib
import io
from importlib import import_module
from typing import Any

from twisted.trial.unittest import TestCase

prove: Any = import_module("benchmarks.prove")


class ProveTests(TestCase):
    """Proofs that are quickly carried out."""

    def test_lane(self) -> None:
        """Each says its line and what it took; one that breaks is named so, and the
        others are run all the same."""
        proving, out = prove.Proving(), io.StringIO()
        proofs = [
            prove.Proof("sound", ("-c", "print('0 lost')")),
            prove.Proof("leaky", ("-c", "print('1 lost'); raise SystemExit(1)")),
            prove.Proof(
                "foreign", ("-c", "print('no disks here'); raise SystemExit(3)")
            ),
        ]
        with contextlib.redirect_stdout(out):
            proving.lane(proofs, prove.STEP_BACK)
        self.assertEqual(
            proving.counts, {"kept": 1, "broken": 1, "not tried": 1}, out.getvalue()
        )
        first, second, third = out.getvalue().splitlines()
        self.assertRegex(first, r"^sound: 0 lost \[\d+ s, \d+ s of processors\]$")
        self.assertRegex(second, r"^leaky: BROKEN, exit code 1: 1 lost \[")
        self.assertRegex(third, r"^foreign: no disks here \[")
        self.assertGreater(proving.processor_s, 0)

    def test_programs(self) -> None:
        """All programs are there, and the page names each command."""
        page = (prove.ROOT / "docs" / "reliability.md").read_text()
        for proof in (*prove.WAITING, *prove.COMPUTING):
            with self.subTest(proof.name):
                command = " ".join(proof.words).removeprefix("-m relaychat ")
                self.assertIn(command.replace("--jobs 2 ", ""), page)
                if proof.words[0].endswith(".py"):
                    self.assertTrue((prove.ROOT / proof.words[0]).exists())
