"""``relaychat simulate``."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result
from twisted.trial.unittest import TestCase

from relaychat.app.command import main
from relaychat.testing.checker import Counts, Violation
from relaychat.testing.simulation import run as simulation
from relaychat.testing.simulation.case import read
from relaychat.testing.simulation.figures import Figures
from relaychat.testing.simulation.options import Options
from relaychat.testing.simulation.plan import Item
from relaychat.testing.simulation.run import Run


class CommandTests(TestCase):
    """The command as it is given."""

    def simulate(self, *words: str) -> Result:
        """The command's output and exit code."""
        return CliRunner().invoke(main, ["simulate", *words])

    def test_good(self) -> None:
        """One line of figures, and 0 where every promise was kept."""
        done = self.simulate("--seeds", "2", "--minutes", "0.2", "--jobs", "2")
        self.assertEqual(done.exit_code, 0, done.output)
        self.assertRegex(done.output, r"^2 seeds, .*0 lost, 0 doubled.*\n$")

    def test_json(self) -> None:
        """The same for programs."""
        done = self.simulate("--minutes", "0.2", "--json", "--present", "0-3")
        figures = json.loads(done.output)
        self.assertEqual(figures["seeds"], 1)
        self.assertEqual(set(figures["breaches"].values()), {0})

    def test_failure(self) -> None:
        """A failure is shrunk, printed with the command that runs it again, kept in a
        file, and ends with 1; run again from the file it fails alike."""
        happen = Run._happen

        def lose(run: Run, item: Item) -> None:
            happen(run, item)
            if item.number == 7:
                run.stage.report("I1", "lost")

        self.patch(simulation.Run, "_happen", lose)
        folder = self.mktemp()
        done = self.simulate("--minutes", "0.2", "--seed", "4", "--save", folder)
        self.assertEqual(done.exit_code, 1, done.output)
        self.assertIn("1 lost", done.output)
        self.assertRegex(done.output, "relaychat simulate --seed 4 .* --keep 7\n")
        path = Path(folder, "seed-4.json")
        self.assertEqual(read(path).options.keep, (7,))
        again = self.simulate("--no-shrink", str(path))
        self.assertEqual(again.exit_code, 1, again.output)

    def test_wrong_words(self) -> None:
        """What makes no sense is said in a line."""
        path = Path(self.mktemp())
        path.write_text("[server]\nnome = 1\n")
        for words in (["--keep", "1-x"], ["--config", str(path)]):
            done = self.simulate("--minutes", "0.1", *words)
            self.assertEqual(done.exit_code, 2, done.output)
        self.assertIn("server.nome", done.output)

    def test_figures(self) -> None:
        """Breaches are summed up in plain words."""
        figures = Figures()
        found = [Violation("I3", ""), Violation("I5", ""), Violation("undo", "")]
        result = simulation.Result(
            1, Options(), found, "", 0, 3600.0, 1.0, {"cut": 3}, {"messages": 1234},
            Counts(),
        )  # fmt: skip
        figures.add(result)
        self.assertFalse(figures.good)
        self.assertIn("1.0 h simulated: 3 faults, 1,234 messages", figures.line())
        self.assertIn(
            "0 lost, 1 doubled, 0 reordered, 1 silently missing, 1 other breaches",
            figures.line(),
        )
