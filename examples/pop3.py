"""POP3 (RFC 1939): any mail program reads what was said in a room.

Listen with ``dialect = "pop3:Pop3"`` at ``tcp:995`` with ``tls = "default"``. The name
of the user is a nick and a room, ``ann#tea``; the password is the account's, and empty
for a guest.

Mails are for reading: none can be deleted, so a mail program has to leave them on the
server. Whoever reads is in the room meanwhile, and is shown what any member is.
"""

from email.header import Header
from email.utils import formataddr, formatdate

from relaychat.extend import (
    Dialect,
    DialectPlugin,
    Settings,
    commands,
    errors,
    events,
    render,
    verb,
)


class Maildrop(Settings, frozen=True):
    """Rooms by POP3."""

    mails: int = 300
    """The latest messages of a room that a mail program is shown, at most."""


class Pop3(Dialect):
    name = "pop3"
    line_limit = 512  # bytes
    pipelined = False  # RETR needs the pages of the log that PASS asks for.
    settings = Maildrop()

    def opening(self):
        self.nick = self.room = ""
        self.mails: list[tuple[str, bytes]] = []  # The identity, and the whole.
        return f"+OK {self.session.server}"

    @verb("CAPA", early=True)
    def capa(self):
        """What is understood."""
        return ["+OK", "USER", "UIDL", "TOP", "PIPELINING", "."]

    @verb("USER <name>", early=True)
    def user(self, name):
        """A nick and a room, ann#tea."""
        self.nick, hash_, room = name.partition("#")
        if not self.nick or not room:
            raise errors.BadName("a nick and a room, like ann#tea")
        self.room = hash_ + room
        return "+OK"

    @verb("PASS [<password...>]")
    def password(self, password=""):
        """The password of an account."""
        if not self.room:
            raise errors.OutOfOrder("USER comes first")
        return commands.Hello(self.nick, password or None)

    @render(events.Welcome)
    def welcome(self, event):
        if self.room:
            # A question first: to join what is not there would make it.
            self.session.ask(commands.ListMembers(self.room))

    @render(events.MemberList)
    def found(self, event):
        self.session.ask(commands.Join(self.room))

    @render(events.RoomShown)
    def shown(self, event):
        self.session.ask(commands.History(event.room))

    @render(events.Page)
    def page(self, page):
        said = [event for event in page.events if isinstance(event, events.Said)]
        mails = [(f"{page.epoch}.{one.seq}", self.mail(one)) for one in said]
        self.mails = [*mails, *self.mails][-self.settings.mails :]
        if page.more and len(self.mails) < self.settings.mails:
            self.session.ask(commands.History(page.room, before=page.events[0].seq))
            return None
        return f"+OK {len(self.mails)} messages"

    def mail(self, said):
        """A message as a mail (RFC 5322)."""
        first = "".join([c for c in said.text.partition("\n")[0] if c.isprintable()])
        head = {
            "From": formataddr((said.sender, f"relay@{self.session.server}")),
            "Subject": Header(first[:60], "utf-8").encode(),
            "Date": formatdate(said.at / 1000),
            "MIME-Version": "1.0",
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Transfer-Encoding": "8bit",
        }
        lines = [*(f"{key}: {value}" for key, value in head.items()), ""]
        return "".join([f"{one}\r\n" for one in lines + said.text.split("\n")]).encode()

    def at(self, number):
        """The place of a mail, which its number says."""
        if not number.isdecimal() or not 1 <= int(number) <= len(self.mails):
            raise errors.NoSuchMessage(about=number)
        return int(number) - 1

    @verb("STAT")
    def stat(self):
        """How many, and how many bytes."""
        return f"+OK {len(self.mails)} {sum(len(mail) for _, mail in self.mails)}"

    @verb("LIST [<number>]")
    def list_(self, number=""):
        """The bytes of a mail, or of each."""
        return self.listed(number, [str(len(mail)) for _, mail in self.mails])

    @verb("UIDL [<number>]")
    def uidl(self, number=""):
        """What a mail will be called next time as well, or each."""
        return self.listed(number, [name for name, _ in self.mails])

    def listed(self, number, values):
        if number:
            return f"+OK {number} {values[self.at(number)]}"
        return ["+OK", *(f"{at} {value}" for at, value in enumerate(values, 1)), "."]

    @verb("RETR <number>")
    def retr(self, number):
        """A mail."""
        return self.shown_mail(self.mails[self.at(number)][1])

    @verb("TOP <number> <lines>")
    def top(self, number, lines):
        """The head of a mail and some of its lines."""
        if not lines.isdecimal():
            raise errors.BadSyntax("how many lines?", lines)
        head, _, body = self.mails[self.at(number)][1].partition(b"\r\n\r\n")
        some = body.splitlines(keepends=True)[: int(lines)]
        return self.shown_mail(head + b"\r\n\r\n" + b"".join(some))

    def shown_mail(self, mail):
        lines = mail.split(b"\r\n")
        stuffed = [b"." + one if one.startswith(b".") else one for one in lines]
        return b"+OK\r\n" + b"\r\n".join(stuffed) + b".\r\n"

    @verb("NOOP")
    def noop(self):
        """Nothing."""
        return "+OK"

    @verb("QUIT", early=True)
    def quit(self):
        """Go."""
        return ["+OK", commands.Bye()]

    @render(events.Fault)
    def fault(self, fault):
        if fault.command in ("members", "join", "history"):
            self.session.ask(commands.Bye())  # There is no way back to another name.
        return f"-ERR {fault.text}"


pop3 = DialectPlugin(Pop3)
