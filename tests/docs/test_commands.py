"""Every command line that the documentation shows can be given: its words and options
are those of the commands, of the taps, of make; its files are there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from examples.counting import Counting
from relaychat.app.command import main
from relaychat.app.options import Options
from relaychat.client.agent.tap import Options as ClientOptions
from relaychat.session.table import controls_of
from tests.docs.pages import ROOT, blocks, codes

TAPS: dict[str, type[usage.Options]] = {
    "relaychat": Options,
    "relaychat-client": ClientOptions,
}
EXTENSIONS = set(controls_of(Counting))
"""What the example brings to ``relaychat ctl``."""
HEREDOC = re.compile(r"<<-? *['\"]?(\w+)['\"]?.*?\n(.*?\n)?\1$", re.M | re.S)
LEFT_OUT = re.compile(r"\[[^\]]*\]|…|\.\.\.")
"""What a synopsis may leave open."""


def commands(text: str, strict: bool) -> Iterator[list[str]]:
    """The commands of a piece of shell, each as its words. What is no shell is passed
    over, unless it is ``strict``."""
    open_ = ""
    for line in HEREDOC.sub("\n", text.replace("\\\n", " ")).splitlines():
        open_ += re.sub(r"^\s*[$#] ", "", line) + "\n"
        try:
            found = list(_split(open_))
        except ValueError:  # a quote is open
            open_ = open_ if strict else ""
            continue
        yield from found
        open_ = ""
    if open_:
        raise ValueError(open_)


def _split(text: str) -> Iterator[list[str]]:
    """The words between operators. Raises ValueError within quotes."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if set(word) <= set("|&;()<>"):
            yield words
            words = []
        else:
            words.append(word)
    yield words


def wrong(words: list[str], whole: bool) -> str:
    """What is wrong with a command, if it is one of ours. One that is not ``whole`` may
    lack arguments."""
    while words and (re.match(r"[A-Z_]+=", words[0]) or words[0] in PREFIXES):
        words = words[1:]
    if not words:
        return ""
    name, *rest = words
    name = name.rpartition("/")[2] if name.startswith(".venv/bin/") else name
    if name == "relaychat":
        return _clicked(main, rest, whole)
    if name in ("twistd", "twist"):
        return _tapped(rest)
    if name == "make" and rest and rest[0].isalpha():
        known = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)
        return "" if rest[0] in known else f"make has no {rest[0]}"
    if name in ("python", "python3") and rest:
        return _script(rest)
    return ""


PREFIXES = {"sudo", "exec", "nice", "time", "while", "do", "if", "then", "!"}


def _clicked(command: click.Command, words: list[str], whole: bool) -> str:
    """What click would say of this command line, before it looks at the values."""
    context = click.Context(command, info_name=command.name)
    if "--help" in words or "--version" in words:
        return ""
    try:
        values, left, _ = command.make_parser(context).parse_args(list(words))
    except click.UsageError as error:
        return f"{command.name}: {error.format_message()}"
    if isinstance(command, click.Group):
        if not left:
            return f"{command.name}: which command?" if whole else ""
        if command.name == "ctl" and left[0] in EXTENSIONS:
            return ""
        below = command.get_command(context, left[0])
        return _clicked(below, left[1:], whole) if below else f"no command {left[0]}"
    if left:
        return f"{command.name}: too many arguments: {left}"
    lacking = [
        one.name
        for one in command.params
        if isinstance(one, click.Argument) and one.required and one.nargs == 1
        if not isinstance(values.get(str(one.name)), str)
    ]
    return f"{command.name}: no {lacking[0]}" if lacking and whole else ""


def _tapped(words: list[str]) -> str:
    """Whether a tap has the options that are behind it."""
    for at, word in enumerate(words):
        if word in TAPS:
            known = TAPS[word]().longOpt
            names = {one.rstrip("=") for one in known} | {"help"}
            asked = [
                one[2:].partition("=")[0] for one in words[at + 1 :] if one[:2] == "--"
            ]
            return "".join(
                f"{word} has no --{one} " for one in asked if one not in names
            )
    return ""


def _script(words: list[str]) -> str:
    """Whether the file, or the module of this project, is there."""
    if words[0] == "-m" and words[1].startswith(("relaychat", "tests", "benchmarks")):
        path = words[1].replace(".", "/")
        there = any((ROOT / one).exists() for one in (f"{path}.py", path))
    else:
        path = words[0]
        there = "/" not in path or path[0] == "/" or (ROOT / path).exists()
    return "" if there else f"there is no {path}"


class CommandTests(SynchronousTestCase):
    """Blocks of shell, and code within sentences."""

    def test_blocks(self) -> None:
        """What can be copied can be run."""
        bad, count = [], 0
        for block in blocks("sh", "bash", "console", "", "text"):
            strict = block.language in ("sh", "bash")
            for words in commands(block.text, strict):
                count += words[:1] == ["relaychat"]
                if error := wrong(words, whole=strict):
                    bad.append(f"{block.place}: {shlex.join(words)}: {error}")
        self.assertEqual(bad, [])
        self.assertGreater(count, 40)

    def test_sentences(self) -> None:
        """What is named is there."""
        bad = []
        for page, code in codes():
            for words in commands(LEFT_OUT.sub("", code), strict=False):
                if error := wrong(words, whole=False):
                    bad.append(f"{page}: {code}: {error}")
        self.assertEqual(bad, [])

    def test_it_bites(self) -> None:
        """Other words, options and files are found."""
        for line in (
            "relaychat sing '#tea'",
            "relaychat send '#tea' --loudly x",
            "relaychat send '#tea'",
            "relaychat ctl status now",
            "twistd relaychat --colour",
            "python benchmarks/nothing.py",
            "echo x | relaychat pipe",
            "make tea",
        ):
            found = [wrong(words, whole=True) for words in commands(line, strict=True)]
            self.assertTrue(any(found), line)
