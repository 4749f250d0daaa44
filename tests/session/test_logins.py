"""Logins of sessions, on all wires, with real accounts: SCRAM, tokens and their bounds,
suspensions, errands before and behind hello."""

from __future__ import annotations

import json
from typing import Any

from relaychat.app.config import Accounts
from relaychat.session.irc.dialect import Irc
from relaychat.session.native import Native
from relaychat.session.states import State
from relaychat.testing.link import MemoryLink
from relaychat.testing.relay import Relay, RelayTestCase, Speaker
from relaychat.wire.scram import ClientExchange

DEVICE = "0123456789abcdef0123456789abcdef"


class LoginCase(RelayTestCase):
    """People with accounts, and an administrator."""

    def setUp(self) -> None:
        super().setUp()
        self.begin(Relay(accounts=Accounts(register="invited")))

    def begin(self, relay: Relay) -> None:
        """With this relay."""
        self.relay, self.world = relay, relay.world
        for name in ("Ann", "Bob"):
            relay.account(name)
        relay.account("Boss", rank=True)

    def ask(self, speaker: Speaker, wire: MemoryLink, **word: Any) -> dict[str, Any]:
        """The last thing that somebody is told in answer to a word."""
        return self.all_told(speaker, wire, **word)[-1]

    def all_told(
        self, speaker: Speaker, wire: MemoryLink, **word: Any
    ) -> list[dict[str, Any]]:
        """All that they are told."""
        wire.clear()
        speaker.dataReceived(json.dumps(word).encode() + b"\n")
        return self.told(wire)

    def told(self, wire: MemoryLink) -> list[dict[str, Any]]:
        """All that was told since."""
        words = [json.loads(line) for line in wire.value().splitlines()]
        wire.clear()
        return words

    def log_in(
        self, nick: str, password: str = "pw", **options: Any
    ) -> tuple[Speaker, MemoryLink]:
        """A native session of an account."""
        speaker, wire = self.open(Native)
        word = self.all_told(
            speaker, wire, type="hello", nick=nick, password=password, **options
        )[0]
        self.assertEqual(word["type"], "welcome", word)
        return speaker, wire

    def irc(self, nick: str, password: str = "pw") -> tuple[Speaker, MemoryLink]:
        """An IRC session of an account."""
        speaker, wire = self.open(Irc)
        lines = f"PASS {password}\r\nNICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n"
        speaker.dataReceived(lines.encode())
        return speaker, wire


class ScramTests(LoginCase):
    """Hello, challenge, proof, welcome."""

    def challenged(self) -> tuple[Speaker, MemoryLink, ClientExchange, str]:
        """A session that was asked for its proof."""
        speaker, wire = self.open(Native)
        client = ClientExchange("Ann", "pw", "nonce")
        hello = {"type": "hello", "nick": "ann", "scram": client.first, "id": 1}
        asked = self.ask(speaker, wire, **hello)
        self.assertEqual((asked["type"], asked["id"]), ("challenge", 1))
        return speaker, wire, client, client.final(asked["scram"])

    def test_in(self) -> None:
        """Both ends have proved that they know the password."""
        speaker, wire, client, final = self.challenged()
        welcome = self.ask(speaker, wire, type="proof", scram=final, id=2)
        self.assertEqual((welcome["account"], welcome["id"]), ("Ann", 2))
        client.check(welcome["scram"])

    def test_wrong(self) -> None:
        """After a wrong proof one may say hello again."""
        speaker, wire, _, final = self.challenged()
        self.assertEqual(
            self.ask(speaker, wire, type="proof", scram=final[:-4] + "AAA=")["code"],
            "login_failed",
        )
        again = self.ask(speaker, wire, type="hello", nick="ann", password="pw")
        self.assertEqual(again["type"], "welcome")

    def test_meanwhile(self) -> None:
        """Until then one may show that one lives, and leave; nothing else."""
        speaker, wire, _, _ = self.challenged()
        self.assertEqual(self.ask(speaker, wire, type="ping")["type"], "pong")
        for word in ({"type": "hello", "nick": "eve"}, {"type": "join", "room": "#a"}):
            self.assertEqual(self.ask(speaker, wire, **word)["code"], "out_of_order")
        self.assertEqual(self.ask(speaker, wire, type="bye")["type"], "bye")
        self.assertTrue(wire.closed)

    def test_out_of_nowhere(self) -> None:
        """A proof that nobody asked for is out of order."""
        speaker, wire = self.open(Native)
        word = self.ask(speaker, wire, type="proof", scram="x")
        self.assertEqual(word["code"], "out_of_order")

    def test_in_time(self) -> None:
        """Who does not go on is hung up on."""
        _, wire, _, _ = self.challenged()
        self.world.advance(60)
        self.assertTrue(wire.closed)


class TokenTests(LoginCase):
    """What sessions may do that came in by a token."""

    def setUp(self) -> None:
        super().setUp()
        self.ann, self.ann_wire = self.log_in("ann")
        for room in ("#ops", "#tea"):
            self.ask(self.ann, self.ann_wire, type="join", room=room)

    def bot(self, **options: Any) -> tuple[Speaker, MemoryLink]:
        """A bot with a token of Ann's."""
        made = self.ask(self.ann, self.ann_wire, type="token", **options)
        self.mark = made["token"]
        return self.log_in("ann", made["secret"])

    def code(self, bot: tuple[Speaker, MemoryLink], **word: Any) -> str:
        """What comes of a command: its answer's code, or else its kind."""
        answer = self.ask(*bot, **word)
        return str(answer.get("code", answer["type"]))

    def test_read(self) -> None:
        """It follows rooms, and says nothing."""
        bot = self.bot(scope="read")
        for kind in ("history", "members", "show"):
            self.assertNotEqual(self.code(bot, type=kind, room="#ops"), "forbidden")
        self.assertEqual(self.code(bot, type="mark", room="#ops", seq=1), "marked")
        for word in (
            {"type": "send", "room": "#ops", "text": "x"},
            {"type": "join", "room": "#new"},
            {"type": "typing", "room": "#ops"},
            {"type": "nick", "nick": "anna"},
            {"type": "tokens"},
            {"type": "status"},
        ):
            self.assertEqual(self.code(bot, **word), "forbidden", word)

    def test_send(self) -> None:
        """It takes part, and rules nothing."""
        bot = self.bot()
        send = {"type": "send", "room": "#ops", "text": "x"}
        self.assertEqual(self.code(bot, **send), "ok")
        self.assertEqual(self.code(bot, type="join", room="#new"), "room")
        for word in (
            {"type": "kick", "room": "#ops", "nick": "ann"},
            {"type": "topic", "room": "#ops", "text": "x"},
            {"type": "policy", "room": "#ops", "policy": {"secret": True}},
            {"type": "password", "new": "x", "old": "pw"},
        ):
            self.assertEqual(self.code(bot, **word), "forbidden", word)

    def test_admin(self) -> None:
        """It does all that its account may do; but tokens and certificates are made in
        person."""
        bot = self.bot(scope="admin")
        self.assertEqual(self.code(bot, type="topic", room="#ops", text="x"), "ok")
        self.assertEqual(self.code(bot, type="tokens"), "tokens")
        self.assertEqual(self.code(bot, type="token"), "forbidden")
        self.assertEqual(self.code(bot, type="status"), "forbidden")

    def test_rooms(self) -> None:
        """Other rooms are none of its business."""
        bot = self.bot(rooms=["#OPS"])
        self.assertEqual(self.code(bot, type="history", room="#Ops"), "history")
        for word in (
            {"type": "history", "room": "#tea"},
            {"type": "send", "room": "@bob", "text": "x"},
            {"type": "join", "room": "#new"},
            {"type": "resume", "rooms": {"#tea": {"epoch": "", "seq": 0}}},
        ):
            self.assertEqual(self.code(bot, **word), "no_such_room", word)

    def test_on_irc(self) -> None:
        """The same bounds hold on every wire."""
        made = self.ask(self.ann, self.ann_wire, type="token", scope="read")
        bot, wire = self.irc("ann", made["secret"])
        self.assertIn(b" 001 ", wire.value())
        wire.clear()
        bot.dataReceived(b"PRIVMSG #ops :x\r\nJOIN #new\r\n")
        self.assertEqual(wire.value().count(b" 482 "), 2)
        self.assertNotIn(b"JOIN", wire.value())

    def test_expires(self) -> None:
        """A session ends with its token's time."""
        _, wire = self.bot(expires_s=60)
        self.world.advance(59)
        self.assertFalse(wire.closed)
        self.world.advance(1)
        self.assertEqual(self.told(wire)[-1]["code"], "revoked")
        self.assertTrue(wire.closed)
        self.assertFalse(self.ann_wire.closed)

    def test_revoked(self) -> None:
        """So it does when it is taken back."""
        _, wire = self.bot()
        self.ask(self.ann, self.ann_wire, type="revoke", token=self.mark)
        self.assertEqual(self.told(wire)[-1]["code"], "revoked")
        self.assertTrue(wire.closed)

    def test_welcome(self) -> None:
        """A bot is told what it may."""
        made = self.ask(self.ann, self.ann_wire, type="token", scope="read")
        bot, wire = self.open(Native)
        hello = {"type": "hello", "nick": "ann", "password": made["secret"]}
        self.assertEqual(self.all_told(bot, wire, **hello)[0]["scope"], "read")


class EndTests(LoginCase):
    """Sessions that end because of what happened to their account."""

    def setUp(self) -> None:
        super().setUp()
        self.boss, self.boss_wire = self.log_in("boss")

    def test_suspended_on_every_wire(self) -> None:
        """All her sessions end before any time has passed; nobody comes in again."""
        native, native_wire = self.log_in("ann", device=DEVICE)
        self.ask(native, native_wire, type="join", room="#tea")
        _, irc_wire = self.irc("ann")
        bot_wire = self.log_in("ann")[1]
        self.ask(self.boss, self.boss_wire, type="suspend", name="ann")
        self.assertEqual(self.told(native_wire)[-1]["code"], "suspended")
        self.assertIn(b"ERROR :this account is suspended", irc_wire.value())
        for wire in (native_wire, irc_wire, bot_wire):
            self.assertTrue(wire.closed)
        again, wire = self.open(Native)
        for word in ({"password": "pw"}, {"device": DEVICE}):
            answer = self.ask(again, wire, type="hello", nick="ann", **word)
            self.assertEqual(answer["code"], "suspended")
        self.assertEqual(b"", self.irc("ann")[1].value().partition(b" 001 ")[2])
        self.ask(self.boss, self.boss_wire, type="suspend", name="ann", lift=True)
        self.log_in("ann")

    def test_revoked_device(self) -> None:
        """It is cut, and neither its cursors nor its cids are taken any more."""
        lost, lost_wire = self.log_in("ann", device=DEVICE)
        self.ask(lost, lost_wire, type="join", room="#tea")
        ann, wire = self.log_in("ann")
        (device,) = self.ask(ann, wire, type="devices")["devices"]
        self.ask(ann, wire, type="revoke", device=device["device"])
        self.assertTrue(lost_wire.closed)
        self.assertFalse(wire.closed)
        again, wire = self.open(Native)
        resume = {"#tea": {"epoch": "", "seq": 0}}
        hello = {"type": "hello", "nick": "ann", "password": "pw"}
        answer = self.ask(again, wire, **hello, device=DEVICE, resume=resume)
        self.assertEqual(answer["code"], "revoked")
        self.assertEqual(again.session.state, State.NEW)

    def test_deleted(self) -> None:
        """With her account her sessions end, and her rooms pass on."""
        ann, wire = self.log_in("ann")
        bob, bob_wire = self.log_in("bob")
        for who, its in ((ann, wire), (bob, bob_wire)):
            self.ask(who, its, type="join", room="#tea")
        self.assertEqual(
            self.ask(ann, wire, type="delete", password="no")["code"], "login_failed"
        )
        told = self.all_told(ann, wire, type="delete", password="pw")
        self.assertEqual([word["type"] for word in told][-1], "bye")
        self.assertTrue(wire.closed)
        kinds = [word["type"] for word in self.told(bob_wire)]
        self.assertEqual(kinds[-2:], ["role_set", "left"])

    def test_who_goes_does_not_stop_it(self) -> None:
        """What an administrator has begun is done, also when they hang up."""
        ann_wire = self.log_in("ann")[1]
        self.relay.store.hold()
        self.boss.dataReceived(b'{"type":"suspend","name":"ann"}\n')
        self.boss.connectionLost()
        self.relay.store.release()
        self.relay.run()
        self.assertTrue(ann_wire.closed)


class ErrandTests(LoginCase):
    """Commands about accounts."""

    def test_register(self) -> None:
        """An account is made before hello, by a ticket of an administrator's."""
        boss = self.log_in("boss")
        ticket = self.ask(*boss, type="ticket")["secret"]
        eve, wire = self.open(Native)
        register = {"type": "register", "name": "Eve", "password": "milk"}
        self.assertEqual(self.ask(eve, wire, **register)["code"], "bad_ticket")
        answer = self.ask(eve, wire, **register, ticket=ticket, id=3)
        self.assertEqual(answer, {"type": "ok", "id": 3})
        hello = {"type": "hello", "nick": "eve", "password": "milk"}
        self.assertEqual(self.ask(eve, wire, **hello)["account"], "Eve")
        self.assertEqual(self.ask(eve, wire, **register)["code"], "out_of_order")

    def test_reset(self) -> None:
        """A new password by an administrator's token, before hello."""
        made = self.ask(*self.log_in("boss"), type="reset", name="ann")
        ann, wire = self.open(Native)
        word = {"type": "password", "name": "ann", "token": made["token"], "new": "x"}
        self.assertEqual(self.ask(ann, wire, **word)["type"], "ok")
        self.log_in("ann", "x")

    def test_administrators(self) -> None:
        """They look at the server from anywhere; what stops it is the owner's."""
        boss = self.log_in("boss")
        self.assertEqual(self.ask(*boss, type="status")["type"], "status")
        self.assertEqual(self.ask(*boss, type="sessions")["type"], "sessions")
        self.assertEqual(self.ask(*boss, type="stop")["code"], "forbidden")
        self.assertEqual(self.ask(*boss, type="reload")["code"], "unknown_command")
        self.assertEqual(
            self.ask(*self.log_in("ann"), type="status")["code"], "forbidden"
        )
        speaker, wire = self.open(Native)
        hello = {"type": "hello", "nick": "boss", "password": "pw"}
        self.assertTrue(self.all_told(speaker, wire, **hello)[0]["administrator"])

    def test_guests(self) -> None:
        """Guests have nothing to look after."""
        guest, wire = self.open(Native)
        self.ask(guest, wire, type="hello", nick="eve")
        self.assertEqual(self.ask(guest, wire, type="devices")["code"], "forbidden")

    def test_unreadable_store(self) -> None:
        """A store that can't be read is said so, with its id."""
        ann, wire = self.log_in("ann")
        self.relay.store.close()
        answer = self.ask(ann, wire, type="devices", id=4)
        self.assertEqual((answer["code"], answer["id"]), ("unavailable", 4))
