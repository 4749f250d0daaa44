"""finger (RFC 1288): who is in the rooms, for anybody with a finger client.

    finger @chat.example.org        the rooms that are open, and who is in them
    finger ann@chat.example.org     somebody

Listen with ``dialect = "finger:Finger"`` at ``tcp:79``, or where you like: without a
finger client, ``echo ann | nc chat.example.org 7079`` is as good.

Who asks is a guest for as long as the answer takes. So they are told what any guest may
know, secret rooms are not among it, and a relay without guests answers nobody.
"""

from textwrap import wrap

from relaychat.extend import Dialect, DialectPlugin, commands, events, render

ROOMS = 20
"""Shown in one answer: each is a question to the hub."""
WIDTH = 78  # columns


class Finger(Dialect):
    name = "finger"
    line_limit = 512  # bytes
    query: str | None = None

    def decode(self, frame):
        """A query is ``[/W] [nick]``, and there is one in a connection."""
        if self.query is not None:
            return ()
        self.query = frame.decode(errors="replace").strip()
        if self.query[:2].upper() == "/W":
            self.query = self.query[2:].strip()
        if "@" in self.query:  # RFC 1288, 3.2.1
            denied = "Finger forwarding service denied"
            return self.words([denied, commands.Bye()])
        return [commands.Hello(f"finger{self.session.number}")]

    @render(events.Welcome)
    def welcome(self, welcome):
        if self.query:
            self.session.ask(commands.Who(self.query), commands.Bye())
        else:
            self.session.ask(commands.ListRooms())

    @render(events.RoomList)
    def rooms(self, found):
        shown = found.rooms[:ROOMS]
        members = [commands.ListMembers(entry.room) for entry in shown]
        self.session.ask(*members, commands.Bye())
        self.topics = {entry.room: entry.topic for entry in shown}
        some = f"the first {ROOMS}" if len(found.rooms) > ROOMS else len(shown)
        return f"Open rooms on {self.session.server}: {some or 'none'}"

    @render(events.MemberList)
    def members(self, found):
        here = [one for one in found.members if one.online]
        nicks = [one.nick + ("*" if one.away else "") for one in here]
        more = ["..."] if found.more else []
        about = printable(f"{found.room}  {self.topics[found.room]}").rstrip()
        names = wrap(" ".join(nicks + more), WIDTH, initial_indent="  ",
                     subsequent_indent="  ", break_on_hyphens=False)  # fmt: skip
        return ["", about, *names]

    @render(events.WhoIs)
    def who(self, who):
        lines = [f"Nick: {who.nick:30}  Account: {who.account or '(a guest)'}"]
        here = f"Here, idle for {who.idle_s // 60} min" if who.online else "Not here"
        lines += [f"{here}; away: {who.away}" if who.away else here]
        lines += wrap(" ".join(["Rooms:", *who.rooms]), WIDTH, break_on_hyphens=False)
        return [printable(line) for line in lines]

    @render(events.Fault)
    def fault(self, fault):
        if fault.command == "members":
            return None  # The room was closed a moment ago.
        self.session.ask(commands.Bye())
        return fault.text

    @render(events.Goodbye)
    def goodbye(self, goodbye):
        return goodbye.text if goodbye.code != "bye" else None


def printable(text: str) -> str:
    """Without what would do something to a terminal (RFC 1288, 3.3)."""
    return "".join([char if char.isprintable() else "?" for char in text])


finger = DialectPlugin(Finger)
