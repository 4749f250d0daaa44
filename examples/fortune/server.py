"""A fortune server: who connects gets a fortune, and is hung up on.

It is a string as Qt's ``QDataStream`` writes it, so the fortune clients among Qt's
examples are served, too: its length in bytes (32 bits), then UTF-16, big-endian both.

With the folder ``fortune`` beside the configuration::

    [[listen]]
    dialect = "fortune.server:Fortune"
    endpoint = "tcp:7117"

    [extension.fortune]
    fortunes = ["Somebody who reads this will be pleased."]
"""

import struct

from relaychat.extend import Dialect, DialectPlugin, Settings, commands

CLASSICS = (
    "What you seek is in the log.",
    "A slow reader is a cursor, not a queue.",
    "You will meet a stranger. Ask for the fingerprint.",
    "Today is a good day for a backup. So was yesterday.",
    "Who resends is patient; who numbers what they send is wise.",
    "The network is fine. It is always fine. Look again.",
    "An unread message is a gift that waits. 🎁",
)


class Book(Settings, frozen=True):
    fortunes: tuple[str, ...] = CLASSICS
    """What is said, one at a time."""


class Fortune(Dialect):
    name = "fortune"
    text = False  # Nothing is read.
    settings = Book()

    def opening(self):
        fortunes = self.settings.fortunes
        number = int.from_bytes(self.session.world.token_bytes(4)) % len(fortunes)
        return [packed(fortunes[number]), commands.Bye()]


def packed(text: str) -> bytes:
    data = text.encode("utf-16-be")
    return struct.pack(">I", len(data)) + data


fortune = DialectPlugin(Fortune)
