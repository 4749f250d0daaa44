"""Tell a room that something is done, from a script. It waits until that is in the log.

python notify.py relaychat://ann@chat.example.org '#ops' 'the backup is done'

$RELAYCHAT_PASSWORD is the account's password; $RELAYCHAT_NICK its name, if the link has
none.
"""

import os
import sys

from relaychat.client import blocking

server, room, text = sys.argv[1:]
nick = os.environ.get("RELAYCHAT_NICK", "")
password = os.environ.get("RELAYCHAT_PASSWORD")

with blocking.connect(server, nick, password=password, name="notify") as chat:
    chat.join(room)
    print("seq", chat.send(room, text, "notice").seq)
