"""The client library, against a relay in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.api import CannotConnect, Client
from relaychat.client.happenings import Down, Exited, Kept
from relaychat.client.link import LONGEST_DELAY_S
from relaychat.client.sending import RefusedByServer
from relaychat.client.state import StateError
from relaychat.model import events
from relaychat.model.commands import Ban
from relaychat.testing.place import RelayPlace
from relaychat.testing.relay import Relay


class ClientTestCase(SynchronousTestCase):
    """A relay with the accounts ann and bob."""

    def setUp(self) -> None:
        self.relay = Relay()
        self.relay.stays = True
        for name in ("ann", "bob"):
            self.relay.account(name, "secret")
        self.place = RelayPlace(self.relay)
        self.state = Path(self.mktemp())

    def client(self, nick: str = "ann", name: str = "main", **options: Any) -> Client:
        options = {"password": "secret", **options}
        return Client(
            self.place.clock, "tcp:memory:1", nick, name=name, state=self.state,
            endpoint=self.place, jitter=lambda: 0.5, **options,
        )  # fmt: skip

    def up(self, nick: str = "ann", *rooms: str, **options: Any) -> Client:
        client = self.client(nick, **options)
        connected = client.connect()
        self.place.run()
        self.assertIs(self.successResultOf(connected), client)
        for room in rooms:
            joined = client.join(room)
            self.place.run()
            self.successResultOf(joined)
        return client

    def close(self, client: Client) -> None:
        closed = Deferred.fromCoroutine(client.close())
        self.place.run()
        self.successResultOf(closed)

    def crash(self, client: Client) -> None:
        """kill -9: its file is as it is, its connection is gone."""
        client.conversation.disconnected()
        client.file._settled.clear()
        client.file.close()
        client._heard = lambda happening: None  # type: ignore[method-assign]
        client.link.heard = client._heard
        client.link.stopService()
        if client._followed._writing is not None:
            client._followed._writing.cancel()
        self.place.cut()

    def heard(self, client: Client) -> list[tuple[str, str]]:
        """What is said, from now on."""
        found: list[tuple[str, str]] = []
        client.on(events.Said, lambda said: found.append((said.sender, said.text)))
        return found


class ConnectTests(ClientTestCase):
    def test_connect(self) -> None:
        """It is connected when the server has welcomed it."""
        client = self.up()
        self.assertEqual((client.nick, client.connected), ("ann", True))
        self.assertIs(self.successResultOf(client.connect()), client)

    def test_refused_login(self) -> None:
        """A wrong password is an error, not a wait."""
        waiting = self.client(password="wrong").connect()
        self.place.run()
        self.failureResultOf(waiting, CannotConnect)

    def test_waits_for_a_server(self) -> None:
        """A server that is away is waited for; why is told."""
        relay, self.place.relay = self.place.relay, None
        client = self.client()
        downs: list[Down] = []
        client.on(Down, downs.append)
        waiting = client.connect()
        self.place.advance(1)
        self.assertNoResult(waiting)
        self.assertTrue(downs)
        self.place.relay = relay
        self.place.advance(LONGEST_DELAY_S)
        self.successResultOf(waiting)

    def test_one_at_a_time(self) -> None:
        """Two programs can't be the same device; with names of their own they are
        two."""
        self.client()
        self.assertRaises(StateError, self.client)
        self.client(name="other")


class SendTests(ClientTestCase):
    def test_send(self) -> None:
        """A send is answered with its place in the log, and others read it."""
        ann, bob = self.up("ann", "#tea"), self.up("bob", "#tea")
        heard = self.heard(bob)
        kept = ann.send("#tea", "two lumps").kept()
        self.place.run()
        self.assertEqual(self.successResultOf(kept).seq, 3)
        self.assertEqual(heard, [("ann", "two lumps")])

    def test_custom(self) -> None:
        """An event of a kind of one's own is kept, and others get it typed."""
        ann, bob = self.up("ann", "#tea"), self.up("bob", "#tea")
        heard: list[events.Custom] = []
        bob.on(events.Custom, heard.append)
        kept = ann.send_custom("#tea", "tea/order", {"cups": 2}).kept()
        self.place.run()
        self.assertEqual(self.successResultOf(kept).seq, 3)
        [event] = heard
        self.assertEqual((event.kind, event.value), ("tea/order", {"cups": 2}))

    def test_edit_and_react(self) -> None:
        """What is said can be edited, reacted to and blanked."""
        ann = self.up("ann", "#tea")
        sent = ann.send("#tea", "two lumps")
        self.place.run()
        seq = self.successResultOf(sent.kept()).seq or 0
        ann.edit("#tea", seq, "three lumps")
        ann.react("#tea", seq, "+1")
        ann.redact("#tea", seq, "sugar")
        self.place.run()
        asked = Deferred.fromCoroutine(ann.history("#tea", after=seq))
        self.place.run()
        found = self.successResultOf(asked)
        self.assertEqual(
            [type(one) for one in found],
            [events.Edited, events.Reacted, events.Redacted],
        )

    def test_refused(self) -> None:
        """What the server refuses fails, and is out of the outbox."""
        ann = self.up("ann")
        sent = ann.send("#nowhere", "hello?")
        self.place.run()
        error = self.failureResultOf(sent.kept(), RefusedByServer).value
        self.assertIn(error.fault.code, ("no_such_room", "not_in_room"))
        self.assertEqual(ann.unsent, [])

    def test_sent_offline(self) -> None:
        """What is sent while the server is away goes out when it is back, in order."""
        ann, bob = self.up("ann", "#tea"), self.up("bob", "#tea")
        heard = self.heard(bob)
        relay, self.place.relay = self.place.relay, None
        self.place.cut()
        sent = [ann.send("#tea", str(n)) for n in range(300)]
        self.place.advance(5)
        self.assertEqual(len(ann.unsent), 300)
        self.place.relay = relay
        self.place.advance(LONGEST_DELAY_S)
        self.assertEqual(heard, [("ann", str(n)) for n in range(300)])
        self.assertEqual(
            [self.successResultOf(one.kept()).seq for one in sent],
            list(range(3, 303)),
        )

    def test_crash_with_an_outbox(self) -> None:
        """What an earlier run left in the outbox goes out first, once, in order; what
        the log held already is not doubled."""
        ann, bob = self.up("ann", "#tea"), self.up("bob", "#tea")
        heard = self.heard(bob)
        for text in ("a", "b"):
            ann.send("#tea", text)
        self.place.run()
        relay, self.place.relay = self.place.relay, None
        self.place.cut()
        ann.send("#tea", "c")
        self.crash(ann)
        self.place.relay = relay
        again = self.client("ann")
        kept: list[Kept] = []
        again.on(Kept, kept.append)
        again.send("#tea", "d")
        again.connect()
        self.place.advance(LONGEST_DELAY_S)
        self.assertEqual([text for _, text in heard], ["a", "b", "c", "d"])
        # c's write took the answer to a and b with it, or they are told as duplicates.
        self.assertEqual([one.send.cid for one in kept][-2:], [3, 4])


class RoomTests(ClientTestCase):
    def test_join_refused(self) -> None:
        """A room that does not let us in is an error."""
        ann = self.up("ann", "#tea")
        asked = Deferred.fromCoroutine(ann.ask(Ban("#tea", "bob")))
        self.place.run()
        self.successResultOf(asked)
        bob = self.up("bob")
        joined = bob.join("#tea")
        self.place.run()
        error = self.failureResultOf(joined, RefusedByServer).value
        self.assertEqual(error.fault.code, "banned")
        self.assertEqual(list(bob.rooms), [])

    def test_members(self) -> None:
        """A room knows who is in it."""
        ann, bob = self.up("ann", "#tea"), self.up("bob", "#tea")
        self.assertEqual(set(ann.rooms["#tea"].members), {"ann", "bob"})
        self.assertEqual(set(bob.rooms["#tea"].members), {"ann", "bob"})
        bob.leave("#tea")
        self.place.run()
        self.assertEqual(set(ann.rooms["#tea"].members), {"ann"})
        self.assertEqual(list(bob.rooms), [])

    def test_two_devices(self) -> None:
        """What one device joins, reads and leaves is so on the other."""
        one, two = self.up("ann", name="one"), self.up("ann", name="two")
        bob = self.up("bob", "#tea")
        one.join("#tea")
        self.place.run()
        self.assertIn("#tea", two.rooms)
        bob.send("#tea", "hello")
        self.place.run()
        self.assertEqual([one.rooms["#tea"].unread, two.rooms["#tea"].unread], [1, 1])
        one.mark("#tea", one.rooms["#tea"].cursor.seq)
        self.place.run()
        self.assertEqual([one.rooms["#tea"].unread, two.rooms["#tea"].unread], [0, 0])
        exited: list[Exited] = []
        two.on(Exited, exited.append)
        one.leave("#tea")
        self.place.run()
        self.assertEqual((list(two.rooms), exited), ([], [Exited("#tea")]))

    def test_in_step_after_both_were_offline(self) -> None:
        """A device that was away is shown what it missed, and knows what another one
        has read and left meanwhile."""
        one, two = self.up("ann", "#tea", name="one"), self.up("ann", name="two")
        one.join("#old")
        self.place.run()
        self.assertEqual(set(two.rooms), {"#tea", "#old"})
        bob = self.up("bob", "#tea")
        self.close(two)
        sent = bob.send("#tea", "while two was away")
        one.leave("#old")
        self.place.run()
        seq = self.successResultOf(sent.kept()).seq or 0
        self.close(one)
        one = self.client(name="one")
        one.mark("#tea", seq)
        self.close(one)
        two = self.client(name="two")
        heard = self.heard(two)
        two.connect()
        self.place.run()
        self.assertEqual(heard, [("bob", "while two was away")])
        self.assertEqual(set(two.rooms), {"#tea"})
        self.assertEqual(two.rooms["#tea"].unread, 1)
        one = self.up("ann", name="one")
        self.assertEqual(two.rooms["#tea"].unread, 0)

    def test_spoken_to_for_the_first_time_while_away(self) -> None:
        """A direct room that began while the program was away is told from its first
        message; one that is new altogether is not told what was said before."""
        bob = self.up("bob")
        self.close(self.up("ann", "#tea"))
        for text in ("one", "two"):
            bob.send("@ann", text)
            self.place.run()
        ann = self.client()
        heard = self.heard(ann)
        ann.connect()
        self.place.run()
        self.assertEqual(heard, [("bob", "one"), ("bob", "two")])
        self.close(ann)
        other = self.client(name="other")
        heard = self.heard(other)
        other.connect()
        self.place.run()
        bob.send("@ann", "three")
        self.place.run()
        self.assertEqual(heard, [("bob", "three")])

    def test_spoken_to_for_the_first_time_while_cut_off(self) -> None:
        """The same without a connection for a while."""
        ann, bob = self.up(), self.up("bob")
        heard = self.heard(ann)
        relay, self.place.relay = self.place.relay, None
        self.place.connections[0].lose()
        bob.send("@ann", "one")
        self.place.run()
        self.place.relay = relay
        self.place.advance(60)
        self.assertEqual(heard, [("bob", "one")])

    def test_events_come_once(self) -> None:
        """Over a lost connection and a new start each event is given once."""
        ann, bob = self.up("ann", "#tea"), self.up("bob", "#tea")
        heard = self.heard(ann)
        bob.send("#tea", "1")
        self.place.run()
        self.place.cut()
        bob.send("#tea", "2")
        self.place.advance(1)
        self.close(ann)
        bob.send("#tea", "3")
        self.place.run()
        ann = self.client("ann")
        ann.on(events.Said, lambda said: heard.append((said.sender, said.text)))
        ann.connect()
        self.place.run()
        self.assertEqual([text for _, text in heard], ["1", "2", "3"])

    def test_by_hand(self) -> None:
        """By hand, what was not done comes again."""
        ann, bob = self.up("ann", "#tea", by_hand=True), self.up("bob", "#tea")
        got: list[events.Said] = []
        ann.on(events.Said, got.append)
        for text in "123":
            bob.send("#tea", text)
        self.place.run()
        ann.done(got[0])
        self.place.run()
        self.close(ann)
        ann = self.client("ann", by_hand=True)
        heard = self.heard(ann)
        ann.connect()
        self.place.run()
        self.assertEqual([text for _, text in heard], ["2", "3"])

    def test_bad_listener(self) -> None:
        """A listener that fails is logged, and the others are told."""
        ann = self.up("ann", "#tea")
        ann.on(events.Said, lambda said: 1 // 0)
        heard = self.heard(ann)
        ann.send("#tea", "x")
        self.place.run()
        self.assertEqual(heard, [("ann", "x")])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_history(self) -> None:
        """History comes in pages, and is given as one."""
        ann = self.up("ann", "#tea")
        for n in range(700):
            ann.send("#tea", str(n))
        self.place.run()
        asked = Deferred.fromCoroutine(ann.history("#tea", 650))
        self.place.run()
        found = self.successResultOf(asked)
        seqs = [one.seq for one in found if isinstance(one, events.Said)]
        self.assertEqual(seqs, list(range(52, 702)))
