"""Does a bot live with a bad network? A relay, a bot, and between them chaos.

    python bad_weather.py [options of "relaychat chaos"]

The bot is follow.py, which writes down a room. 3,000 lines go into the room while the
network cuts the bot off, pauses, closes halves of its connections, and is slow all the
time. In the end the bot has to have written down each line once, in order.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RELAY = [sys.executable, "-m", "twisted", "relaychat"]
RELAYCHAT = [sys.executable, "-m", "relaychat"]
SETTINGS = '[[listen]]\ndialect = "native"\nendpoint = "unix:{data}/native.sock"\n'
WEATHER = "--seed 7 --delay 0.02 --jitter 0.02 --rate 100000 --cut 1.5 --stall 2"
WEATHER += " --stall-for 0.3 --half-close 4 --quiet"
LINES = [f"line {number}" for number in range(1, 3001)]


def wait_for(path: Path) -> None:
    """Until something listens there."""
    for _ in range(1000):
        if path.exists():
            return
        time.sleep(0.02)
    sys.exit(f"nobody listens on {path}")


def say(server: str, *lines: str) -> None:
    """Into the room, by the relay's own door."""
    pipe = [*RELAYCHAT, "pipe", "#ops", "--server", server, "--nick", "ann"]
    subprocess.run(pipe, input="\n".join(lines), text=True, check=True)


def texts(bot: Any, last: str) -> list[str]:
    """What the bot writes down, up to this text."""
    read: list[str] = []
    while last not in read:
        event = json.loads(bot.stdout.readline() or sys.exit("the bot has died"))
        if event["type"] == "said":
            read.append(event["text"])
    return read


def main(folder: Path, weather: list[str]) -> bool:
    inner, outer = folder / "data" / "native.sock", folder / "front.sock"
    config = folder / "relay.toml"
    config.write_text(SETTINGS)
    os.environ["RELAYCHAT_STATE"] = str(folder / "state")
    relay = [*RELAY, "--config", f"{config}", "--data", f"{folder}/data"]
    chaos = [*RELAYCHAT, "chaos", "--listen", f"unix:{outer}", "--to", f"unix:{inner}"]
    follow = [sys.executable, f"{HERE}/follow.py", f"{outer}", "#ops", "bot"]
    running = [subprocess.Popen(relay, stdout=subprocess.DEVNULL)]
    try:
        wait_for(inner)
        running += [subprocess.Popen([*chaos, *weather], stdin=subprocess.DEVNULL)]
        wait_for(outer)
        bot: Any = subprocess.Popen(follow, stdout=subprocess.PIPE)
        running += [bot]
        while not select.select([bot.stdout], [], [], 0.1)[0]:
            say(f"unix:{inner}", "is the bot there?")
        say(f"unix:{inner}", *LINES)
        read = [text for text in texts(bot, LINES[-1]) if text in LINES]
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait()
    same = read == LINES
    print(f"{len(LINES)} lines, {len(read)} read, {'as' if same else 'NOT as'} said")
    return same


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        sys.exit(0 if main(Path(name), sys.argv[1:] or WEATHER.split()) else 1)
