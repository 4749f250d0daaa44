"""Makes docs/_static/room.svg: one room, seen by five programs, from a real run.

python docs/picture.py [FILE]

A relay is started in a folder of its own, with its usual ports in a network of its own
(unshare), and five terminals (tmux): nc, irssi, WeeChat, relaychat chat, and a shell.
What they show in the end is drawn as it is, letter by letter.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from html import escape
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
PICTURE = ROOT / "docs" / "_static" / "room.svg"
INSIDE = "RELAYCHAT_PICTURE"
PATIENCE_S = 30.0
CELL_W, CELL_H, BAR_H, GAP = 7.2, 15.0, 22.0, 10.0


class Terminal(NamedTuple):
    """A terminal, where it stands in the picture, in cells, and what runs in it."""

    name: str
    title: str
    column: int
    row: int
    width: int
    height: int
    command: str


class Style(NamedTuple):
    """How a cell looks."""

    front: str = "#d8dee9"
    back: str = ""
    bold: bool = False


TERMINALS = (
    Terminal("nc", "nc 127.0.0.1 7600", 0, 0, 123, 20, "nc 127.0.0.1 7600"),
    Terminal(
        "irssi", "irssi -c 127.0.0.1", 0, 20, 60, 12,
        "irssi --home={home}/irssi -c 127.0.0.1 -n zoe",
    ),
    Terminal(
        "weechat", "weechat, by TLS", 61, 20, 60, 12,
        "weechat --dir {home}/weechat -r '/server add relay 127.0.0.1/6697 -ssl"
        " -ssl_verify=off -nicks=wim -autojoin=#tea; /buflist toggle;"
        " /set weechat.bar.nicklist.hidden on; /set weechat.bar.title.hidden on;"
        " /connect relay'",
    ),
    Terminal(
        "chat", "relaychat chat '#tea'", 0, 32, 60, 9,
        "relaychat chat '#tea' --nick ann",
    ),
    Terminal("shell", "sh", 61, 32, 60, 9, "env 'PS1=$ ' sh"),
)  # fmt: skip
STORY = (
    ("nc", '{"type":"hello","nick":"ned"}', "welcome"),
    ("nc", '{"type":"join","room":"#tea"}', "epoch"),
    ("irssi", "/join #tea", "zoe"),
    ("chat", "two lumps, please", "two lumps"),
    ("irssi", "coming up", "coming up"),
    ("weechat", "in TLS, with WeeChat: grüß dich", "grüß"),
    ("irssi", "/me pours", "pours"),
    ("nc", '{"type":"send","room":"#tea","text":"from a socket"}', "from a socket"),
    ("shell", "uptime -p | relaychat pipe '#tea' --nick bot", "up "),
)
"""Who types what, and what is seen in all terminals but the shell then."""
COLOURS = [
    "#3b4252", "#bf616a", "#a3be8c", "#ebcb8b", "#81a1c1", "#b48ead", "#88c0d0",
    "#e5e9f0", "#616e88", "#d08770", "#a3be8c", "#ebcb8b", "#81a1c1", "#b48ead",
    "#8fbcbb", "#eceff4",
]  # fmt: skip
BACKS = [
    "#3b4252", "#6b3a40", "#4c5d42", "#6b5d3a", "#3d5270", "#5d4a5a", "#3f5d63",
    "#4c566a",
]  # fmt: skip
"""Terminals' colours, softened; darker ones behind letters."""


def tmux(*words: str) -> str:
    """Ask our tmux."""
    done = subprocess.run(
        ["tmux", "-L", "relaychat-picture", "-f", "/dev/null", *words],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


def screen(name: str) -> str:
    """What a terminal shows, with its colours."""
    return tmux("capture-pane", "-e", "-p", "-t", name)


def wait_for(text: str, *names: str) -> None:
    """Until these terminals show it."""
    until = time.monotonic() + PATIENCE_S
    for name in names:
        while text not in re.sub(r"\x1b\[[\d;]*m|\n", "", screen(name)):
            if time.monotonic() > until:
                sys.exit(f"{name} does not show {text}:\n{screen(name)}")
            time.sleep(0.1)


def play(home: Path) -> None:
    """Start everything, and let it be typed."""
    for one in TERMINALS:
        command = one.command.format(home=home)
        size = ("-x", str(one.width), "-y", str(one.height))
        tmux("new-session", "-d", "-s", one.name, *size, "-c", str(home), command)
        tmux("set-option", "-g", "status", "off")
        tmux("resize-window", "-t", one.name, *size)
    time.sleep(3)
    everybody = [one.name for one in TERMINALS if one.name != "shell"]
    for name, text, seen in STORY:
        tmux("send-keys", "-t", name, "-l", text)
        tmux("send-keys", "-t", name, "Enter")
        wait_for(seen, *([name] if text[0] in "/{" else everybody))
        time.sleep(1.0)


def style(before: Style, codes: str) -> Style:
    """What an escape sequence makes of a style."""
    numbers = [int(code or 0) for code in codes.split(";")]
    while numbers:
        code = numbers.pop(0)
        if code == 0:
            before = Style()
        elif code == 1:
            before = before._replace(bold=True)
        elif code == 7:
            before = before._replace(front="#2e3440", back=before.front)
        elif code in (38, 48) and numbers[:1] == [5]:
            colour = indexed(numbers[1], BACKS if code == 48 else COLOURS)
            numbers = numbers[2:]
            before = (
                before._replace(front=colour)
                if code == 38
                else before._replace(back=colour)
            )
        elif code == 39:
            before = before._replace(front=Style().front)
        elif code == 49:
            before = before._replace(back="")
        elif code // 10 in (3, 9):
            before = before._replace(front=COLOURS[code % 10 + 8 * (code >= 90)])
        elif code // 10 in (4, 10):
            before = before._replace(back=BACKS[code % 10])
    return before


def indexed(number: int, first: list[str]) -> str:
    """A colour of the 256."""
    if number < 16:
        return first[number % len(first)]
    if number > 231:
        return f"#{8 + 10 * (number - 232):02x}" + f"{8 + 10 * (number - 232):02x}" * 2
    number -= 16
    return "#" + "".join(
        f"{0 if part == 0 else 55 + 40 * part:02x}"
        for part in (number // 36, number // 6 % 6, number % 6)
    )


def cells(line: str, now: Style) -> tuple[list[tuple[str, Style]], Style]:
    """The letters of a line, each with its style."""
    found: list[tuple[str, Style]] = []
    for text, codes in re.findall(r"([^\x1b]+)|\x1b\[([\d;]*)m", line):
        if text:
            found += [(letter, now) for letter in text]
        else:
            now = style(now, codes)
    return found, now


def drawn(one: Terminal, shown: str) -> str:
    """A terminal as SVG."""
    wide, high = one.width * CELL_W + 12, one.height * CELL_H + BAR_H + 8
    parts = [
        f'<rect width="{wide:g}" height="{high:g}" rx="6" fill="#2e3440"/>',
        f'<text x="10" y="15" class="bar">{escape(one.title)}</text>',
    ]
    now = Style()
    for row, line in enumerate(shown.split("\n")[: one.height]):
        letters, now = cells(line, now)
        column, y = 0, BAR_H + row * CELL_H
        for look, group in groupby(letters, key=lambda cell: cell[1]):
            text = "".join(letter for letter, _ in group)
            x, width = 6 + column * CELL_W, len(text) * CELL_W
            column += len(text)
            if look.back:
                parts.append(
                    f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{CELL_H:g}"'
                    f' fill="{look.back}"/>'
                )
            if word := text.strip():
                x += (len(text) - len(text.lstrip())) * CELL_W
                width = len(word) * CELL_W
                bold = ' font-weight="bold"' if look.bold else ""
                parts.append(
                    f'<text x="{x:g}" y="{y + 11.5:g}" textLength="{width:g}"'
                    f' fill="{look.front}"{bold}>{escape(word)}</text>'
                )
    x = one.column * (CELL_W) + (GAP + 5) * bool(one.column)
    rows = sorted({other.row for other in TERMINALS})
    y = one.row * CELL_H + rows.index(one.row) * (BAR_H + 8 + GAP)
    return f'<g transform="translate({x:g} {y:g})">{"".join(parts)}</g>'


def picture() -> str:
    """All terminals, as they are now."""
    last = TERMINALS[-1]
    rows = len({one.row for one in TERMINALS})
    wide = TERMINALS[0].width * CELL_W + 12 + GAP
    high = (last.row + last.height) * CELL_H + rows * (BAR_H + 8 + GAP) - GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high:g}"'
        ' font-family="ui-monospace,DejaVu Sans Mono,Menlo,Consolas,monospace"'
        ' font-size="12" xml:space="preserve" role="img">'
        "<title>One room, seen by nc, irssi, WeeChat, relaychat and a shell</title>"
        "<style>.bar{fill:#88909f;font-size:11px}</style>"
        + "\n".join(drawn(one, screen(one.name)) for one in TERMINALS)
        + "</svg>\n"
    )


def main(target: Path) -> None:
    """In the network of our own: start, play, draw, end."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with TemporaryDirectory(dir="/tmp") as folder:
        home = Path(folder)
        log = (home / "log").open("w")
        relay = subprocess.Popen(
            [BIN / "twistd", "--nodaemon", "--pidfile=", "relaychat"],
            cwd=home, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            while not (home / "relaychat-data" / "control.sock").exists():
                time.sleep(0.1)
            play(home)
            target.write_text(picture(), encoding="utf-8")
        finally:
            subprocess.run(["tmux", "-L", "relaychat-picture", "kill-server"])
            relay.terminate()
            relay.wait(PATIENCE_S)
            log.close()


if __name__ == "__main__":
    if os.environ.get(INSIDE):
        main(Path(sys.argv[1]))
    else:
        for program in ("nc", "irssi", "weechat", "tmux", "unshare", "ip"):
            if shutil.which(program) is None:
                sys.exit(f"{program} is needed")
        target = Path(sys.argv[1] if len(sys.argv) > 1 else PICTURE).absolute()
        plain = {"PATH": f"{BIN}:{os.environ['PATH']}", "LANG": "C.UTF-8", INSIDE: "1"}
        plain |= {"TERM": "xterm-256color", "PS1": "$ ", "HOME": "/tmp", "TZ": "UTC"}
        words = ["unshare", "-rn", sys.executable, __file__, str(target)]
        sys.exit(subprocess.run(words, env=plain).returncode)
