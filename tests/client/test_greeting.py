"""Hello with SCRAM: the client's core against a real relay."""

from __future__ import annotations

from typing import Any

from relaychat.client.core import Conversation
from relaychat.client.dial import private
from relaychat.client.greeting import READABLE, UNPROVED, Greeting
from relaychat.client.happenings import Happening, Rejected, Up
from relaychat.model.commands import Hello
from relaychat.session.native import Native
from relaychat.testing.relay import Relay, RelayTestCase


class GreetingTests(RelayTestCase):
    """One client, and what it says."""

    def setUp(self) -> None:
        super().setUp()
        self.relay.account("Ann", "tea for two")
        self.nonces = iter(f"nonce{number}" for number in range(9))
        self.said: list[bytes] = []

    def talk(
        self, password: str | None = "tea for two", nick: str = "ann", **options: Any
    ) -> tuple[Conversation, list[Happening]]:
        """A conversation up to its welcome, or to its end."""
        greeting = Greeting(self.nonces.__next__, **options)
        conversation = Conversation(Hello(nick, password), greeting=greeting)
        return conversation, self.connect_to(conversation)

    def connect_to(self, conversation: Conversation) -> list[Happening]:
        """A connection to the relay, as long as anybody says anything."""
        speaker, wire = self.open(Native)
        found: list[Happening] = []
        conversation.connected()
        while data := conversation.data_to_send():
            self.said.append(data)
            speaker.dataReceived(data)
            answer = wire.value()
            wire.clear()
            found += conversation.receive(answer)
        return found

    def test_the_password_is_proved(self) -> None:
        """The password is not said, and both ends know that the other one knows it."""
        conversation, found = self.talk()
        self.assertIsInstance(found[0], Up)
        assert conversation.welcome is not None
        self.assertEqual(conversation.welcome.account, "Ann")
        self.assertNotIn(b"tea for two", b"".join(self.said))

    def test_again(self) -> None:
        """Later connections go without the part that takes long."""
        conversation, _ = self.talk()
        known = conversation._greeting._known.copy()
        conversation.disconnected()
        self.assertIsInstance(self.connect_to(conversation)[0], Up)
        self.assertEqual(conversation._greeting._known, known)

    def test_wrong_password(self) -> None:
        """A wrong one is refused, as a name without an account is."""
        for password, nick in (("coffee", "ann"), ("tea for two", "bob")):
            _, (rejected,) = self.talk(password, nick)
            assert isinstance(rejected, Rejected)
            self.assertEqual(rejected.fault.code, "login_failed")

    def test_tokens_are_said(self) -> None:
        """A token is no password: there is nothing to prove."""
        self.talk("rct_none")
        self.assertIn(b"rct_none", self.said[0])

    def test_false_server(self) -> None:
        """A server that welcomes anybody does not know the password."""
        conversation = Conversation(
            Hello("ann", "tea"), greeting=Greeting(self.nonces.__next__)
        )
        texts = []
        for scram in ("", ',"scram":"v=AAAA"'):
            conversation.connected()
            (rejected,) = conversation.receive(
                b'{"type":"welcome","nick":"ann","server":"x","software":"x",'
                b'"version":1%s}\n' % scram.encode()
            )
            assert isinstance(rejected, Rejected)
            self.assertFalse(rejected.fault.retry)
            self.assertIsNone(conversation.welcome)
            texts.append(rejected.fault.text)
        self.assertEqual(texts[0], UNPROVED)

    def test_unasked_challenge(self) -> None:
        """A challenge out of nowhere is answered by nothing."""
        conversation = Conversation(Hello("ann", "tea"))
        conversation.connected()
        conversation.data_to_send()
        found = conversation.receive(b'{"type":"challenge","scram":"r=x,s=AA==,i=1"}\n')
        self.assertIsInstance(found[0], Rejected)
        self.assertEqual(conversation.data_to_send(), b"")

    def test_no_scram(self) -> None:
        """A relay that has to see the password is told it, where nobody listens."""
        self.relay = Relay(checkers=(object(),))
        self.relay.account("Ann", "tea for two")
        _, (rejected,) = self.talk()
        assert isinstance(rejected, Rejected)
        self.assertEqual(rejected.fault.text, READABLE)
        self.assertNotIn(b"tea for two", b"".join(self.said))
        _, found = self.talk(secure=True)
        self.assertIsInstance(found[0], Up)


class PrivateTests(RelayTestCase):
    """Where nobody listens."""

    def test_servers(self) -> None:
        """TLS, UNIX sockets, this machine."""
        for server in ("tls:example.org:7601", "unix:/x", "tcp:127.0.0.1:7600",
                       "tcp:localhost:1", "tcp:\\:\\:1:7600"):  # fmt: skip
            self.assertTrue(private(server), server)
        for server in (
            "tcp:example.org:7600",
            "tcp:192.0.2.1:1",
            "tcp:127.0.0.1.org:1",
        ):
            self.assertFalse(private(server), server)
