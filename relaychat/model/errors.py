"""One small tree of errors. Each has a stable code; dialects map codes to their words.

An error is a *reply*: raising one refuses a command and is never logged. Its text is
ours, written for the peer; the text of any other exception never leaves the server.
"""

from __future__ import annotations

from typing import ClassVar


class RelayError(Exception):
    """A refusal with a stable ``code`` and a text for people.

    ``fatal`` errors close the connection after they were told. ``retry`` says that the
    same command may succeed later, unchanged.
    """

    code: ClassVar[str] = "internal"
    fatal: ClassVar[bool] = False
    retry: ClassVar[bool] = False
    default: ClassVar[str] = "something went wrong here; it has been logged"

    def __init__(self, text: str = "", about: str = "") -> None:
        super().__init__(text or self.default)
        self.text = text or self.default
        self.about = about
        """The offending name (nick, room, command), as the peer wrote it, or empty."""


class BadSyntax(RelayError):
    """The frame is not a command: malformed JSON, wrong type, missing parameter."""

    code = "bad_syntax"
    default = "this is not a command"


class UnknownCommand(BadSyntax):
    """The frame is well formed, and its command does not exist in this dialect."""

    code = "unknown_command"
    default = "no such command"


class TooLong(BadSyntax):
    """A line, a text or a name is longer than its limit."""

    code = "too_long"
    default = "longer than the limit"


class BadText(BadSyntax):
    """A text holds what a body may not hold (NUL, CR, nothing but line feeds)."""

    code = "bad_text"
    default = "the text is empty or holds characters that a message may not hold"


class BadName(BadSyntax):
    """A nick or a room name that is not allowed."""

    code = "bad_name"
    default = "this name is not allowed"


class ProtocolBroken(BadSyntax):
    """The stream can't be read any further (H30)."""

    code = "protocol_broken"
    fatal = True
    default = "the stream can't be read any further"


class OutOfOrder(RelayError):
    """The command is known, but not now: before hello, or a second hello."""

    code = "out_of_order"
    default = "say hello first"
    again = "you said hello already"


class NickInUse(RelayError):
    """Somebody has this nick, or one that looks like it."""

    code = "nick_in_use"
    default = "this nick is in use"


class NoSuchUser(RelayError):
    """Nobody by this nick is here, and no account has it."""

    code = "no_such_user"
    default = "nobody here has this name"


class NoSuchRoom(RelayError):
    """The room does not exist, or is secret and you are not in it."""

    code = "no_such_room"
    default = "there is no such room"


class NoSuchMessage(RelayError):
    """The sequence number names nothing that can be acted on."""

    code = "no_such_message"
    default = "there is no such message"


class NotInRoom(RelayError):
    """You are not a member of the room."""

    code = "not_in_room"
    default = "you are not in this room"


class UserNotInRoom(RelayError):
    """The other one is not a member of the room."""

    code = "user_not_in_room"
    default = "they are not in this room"


class AlreadyInRoom(RelayError):
    """The one who is invited is a member already."""

    code = "already_in_room"
    default = "they are in this room already"


class Forbidden(RelayError):
    """Your role does not allow it."""

    code = "forbidden"
    default = "your role does not allow this"


class CannotSpeak(Forbidden):
    """The room is moderated, or you are banned from it, and have no voice."""

    code = "cannot_speak"
    default = "you may not speak in this room"


class Banned(Forbidden):
    """A ban keeps you out."""

    code = "banned"
    default = "you are banned from this room"


class InviteOnly(Forbidden):
    """Only who was invited comes in."""

    code = "invite_only"
    default = "this room is invite-only"


class BadKey(Forbidden):
    """The room has a key, and this is not it."""

    code = "bad_key"
    default = "this room needs its key"


class RoomFull(Forbidden):
    """The room has as many members as its policy allows."""

    code = "room_full"
    default = "this room is full"


class Denied(Forbidden):
    """A hook said no."""

    code = "denied"
    default = "refused by this server's rules"


class LoginFailed(RelayError):
    """Wrong name or password; which of the two is not said."""

    code = "login_failed"
    default = "wrong name or password"


class NoScram(RelayError):
    """Passwords are not checked here alone, so that they have to be said."""

    code = "no_scram"
    default = "this relay has to see the password itself"


class Suspended(RelayError):
    """The account is suspended by an administrator."""

    code = "suspended"
    fatal = True
    default = "this account is suspended"


class Revoked(RelayError):
    """What this session came in by (a password, a token, a device) is good no more."""

    code = "revoked"
    fatal = True
    default = "this login is good no more"


class RegistrationClosed(RelayError):
    """Accounts are not for everybody to make here."""

    code = "registration_closed"
    default = "accounts are made by administrators here"


class BadTicket(RelayError):
    """Registration takes an invitation, and this is none, or none any more."""

    code = "bad_ticket"
    default = "an invitation is needed here, and this is none, or none any more"


class NoSuchCredential(RelayError):
    """There is no such token, device, certificate or ticket."""

    code = "no_such_credential"
    default = "there is no such token, device, certificate or ticket"


class GuestsNotAllowed(RelayError):
    """This listener wants an account."""

    code = "guests_not_allowed"
    default = "an account is needed here"


class CidReused(RelayError):
    """The same cid came before with another body (H20)."""

    code = "cid_reused"
    default = "this cid was used for another message"


class CidPassed(RelayError):
    """The cid was refused before, or left out: a later one of the device is kept, and
    what stands behind it can't come in front of it any more (H20)."""

    code = "cid_passed"
    default = "a later cid is kept, and this one was refused or left out before"


class CidNeedsDevice(RelayError):
    """A cid is unique per device, so hello has to name one."""

    code = "cid_needs_device"
    default = "say hello with a device before you use cid"


class TooMany(RelayError):
    """A count has reached its limit: rooms, bans, invitations, reactions."""

    code = "too_many"
    default = "the limit is reached"


class TooFast(RelayError):
    """A rate limit; wait and try again."""

    code = "too_fast"
    retry = True
    default = "slow down"


class Unavailable(RelayError):
    """The store can't keep it now. Nothing happened; the same command may be resent."""

    code = "unavailable"
    retry = True
    default = "the relay can't keep messages at the moment"


class NotStorable(RelayError):
    """The store refused this command alone (H3, poison)."""

    code = "not_storable"
    default = "this can't be stored"


class Replaced(RelayError):
    """A newer session of the same device took over (H16)."""

    code = "replaced"
    fatal = True
    default = "a newer session of this device has taken over"


class SlowReader(RelayError):
    """Nothing was read from us for too long (H18)."""

    code = "slow_reader"
    fatal = True
    default = "nothing was read for too long; come back and resume"


class TimedOut(RelayError):
    """No sign of life, or no hello in time."""

    code = "timed_out"
    fatal = True
    default = "no sign of life"


class ShuttingDown(RelayError):
    """The server stops."""

    code = "shutting_down"
    fatal = True
    retry = True
    default = "the relay is shutting down"


class Internal(RelayError):
    """A bug of ours. The text says nothing more; the log does."""
