"""The client's half of the native wire."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.speech import Unknown, Unreadable, read
from relaychat.model import events


class SpokenTests(SynchronousTestCase):
    """What a client understands."""

    def test_every_answer(self) -> None:
        """No answer is a stranger: who asks would wait for it for ever."""
        strangers = []
        for kind in events.Answer.__subclasses__():
            tag = kind.__struct_config__.tag
            try:
                word = read(b'{"type":"%s"}' % str(tag).encode())
            except Unreadable:
                continue  # It is known, and more belongs to it.
            if isinstance(word, Unknown):
                strangers.append(tag)
        self.assertEqual(strangers, [])
