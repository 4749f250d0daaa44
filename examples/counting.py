"""Who says how much: a hook that listens, has settings, and answers on ``ctl``.

Put this file beside the configuration, and say there::

    [hooks]
    use = ["counting:Counting"]

    [extension.counting]
    shown = 3

Then ``relaychat ctl talkers`` lists who has said most since the relay's start, and
``relaychat ctl forget ann`` begins anew with one of them.
"""

from collections import Counter

from relaychat.extend import Hook, HookPlugin, Settings, control, errors, events

NICKS_LIMIT = 10_000
"""Remembered at a time: a relay lives long, and nicks are cheap."""


class Shown(Settings, frozen=True):
    """What is listed."""

    shown: int = 10
    """So many, of those who have said most."""


class Counting(Hook):
    name = "counting"
    settings = Shown()

    def __init__(self, world):
        super().__init__(world)
        self.said: Counter[str] = Counter()

    def after_events(self, told):
        for event in told:
            if isinstance(event, events.Said):
                self.said[event.sender] += 1
        if len(self.said) > NICKS_LIMIT:
            self.said = Counter(dict(self.said.most_common(NICKS_LIMIT // 2)))

    @control("talkers [<count>]")
    def talkers(self, count=""):
        """Who has said most, and how much."""
        if count and not count.isdecimal():
            raise errors.BadSyntax("how many?", count)
        most = self.said.most_common(int(count or self.settings.shown))
        return [f"{nick} {number}" for nick, number in most]

    @control("forget <nick>")
    def forget(self, nick):
        """Begin anew with somebody."""
        return {"forgotten": self.said.pop(nick, 0)}


counting = HookPlugin(Counting)
