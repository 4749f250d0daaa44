"""Come into a room, say hello, and be sure that it is in the log.

python examples/hello.py relaychat://ann@chat.example.org

$RELAYCHAT_PASSWORD is the account's password; $RELAYCHAT_NICK its name, if the link has
none.
"""

import os
import sys

from twisted.internet.task import react

from relaychat.client.api import Client
from relaychat.model import events


async def hello(reactor, server, nick, password):
    client = Client(reactor, server, nick, password=password)
    client.on(events.Said, lambda said: print(said.sender, said.text))
    await client.connect()  # waits for a server that is away
    room = await client.join("#tea")  # members, topic, unread, marked, cursor
    sending = client.send("#tea", "hello")  # in the outbox, on the disk
    done = await sending.kept()  # in the log, at done.seq
    client.mark("#tea", done.seq or 0)  # read up to here, on all devices
    await client.close()
    print(len(room.members), "here, seq", done.seq)


nick, password = map(os.environ.get, ("RELAYCHAT_NICK", "RELAYCHAT_PASSWORD"))
react(hello, [sys.argv[1], nick or "", password])
