"""Ask a room something, and wait for the first answer.

python ask.py relaychat://ann@chat.example.org '#ops' 'may I restart the database?'

$RELAYCHAT_PASSWORD is the account's password; $RELAYCHAT_NICK its name, if the link has
none.
"""

import os
import sys

from relaychat.client import blocking
from relaychat.model import events

server, room, text = sys.argv[1:]
nick = os.environ.get("RELAYCHAT_NICK", "")
password = os.environ.get("RELAYCHAT_PASSWORD")

with blocking.connect(server, nick, password=password, name="ask") as chat:
    chat.join(room)
    chat.send(room, text)
    try:
        said = chat.wait(events.Said, room, timeout_s=60)
    except TimeoutError:
        sys.exit("nobody answered")
    chat.mark(room, said.seq)
    print(f"{said.sender}: {said.text}")
