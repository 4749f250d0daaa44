"""SHOUT, a toy line protocol. This file is the whole extension: put it in a
``twisted/plugins/`` directory on sys.path, then listen with ``dialect = "shout"``."""

from relaychat.extend import Dialect, DialectPlugin, commands, events, render, verb


class Shout(Dialect):
    name = "shout"
    line_limit = 256  # bytes

    @verb("IAM <nick>")
    def iam(self, nick):
        return commands.Hello(nick)

    @verb("JOIN <room>")
    def join(self, room):
        return commands.Join(room)

    @verb("SAY <room> <text...>")
    def say(self, room, text):
        return commands.Say(room, text.upper())

    @render(events.Said)
    def said(self, event):
        return f"{event.room} {event.sender}: {event.text}"

    @render(events.Fault)
    def fault(self, event):
        return f"! {event.code}: {event.text}"


shout = DialectPlugin(Shout)
