"""A bot in Python: !roll 2d6 rolls dice.

relaychat bot --nick dice --room '#games' -- python3 dice.py
"""

import json
import random
import re
import sys


def say(**word: object) -> None:
    print(json.dumps(word), flush=True)


say(type="hello")
for line in sys.stdin:
    word = json.loads(line)
    if word["type"] == "welcome":
        continue
    asked = re.fullmatch(r"!roll (\d\d?)d(\d{1,4})", word.get("text", ""))
    if word["type"] == "said" and asked and int(asked[2]):
        rolled = [random.randint(1, int(asked[2])) for _ in range(int(asked[1]))]
        text = f"{' + '.join(map(str, rolled))} = {sum(rolled)}"
        say(type="send", room=word["room"], text=text, kind="notice", reply=word["seq"])
    say(type="done")
