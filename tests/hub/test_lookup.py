"""Client ids (H5, H20), and what names lead to."""

from __future__ import annotations

from relaychat.model import commands as c
from relaychat.model.events import Done
from relaychat.model.policy import PolicyChange
from relaychat.store.api import Batch, Duplicates, First, Outcome
from tests.hub.support import HubTestCase, RecordingPeer, failed


class CidTests(HubTestCase):
    """A resend is harmless."""

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.enter()
        self.do(self.ann, c.Join("#ops"))

    def enter(self) -> RecordingPeer:
        """Ann's client connects."""
        return self.connect("ann", account=True, device="d1", window_s=300)

    def test_within_a_turn(self) -> None:
        """The same cid twice in a turn is one message, answered twice."""
        heard = self.do(self.ann, *[c.Say("#ops", "hi", cid=1)] * 2)
        self.assertEqual(
            heard, ["said #ops 2 ann hi", "ok #ops 2 1", "ok #ops 2 1 True"]
        )

    def test_across_turns(self) -> None:
        """A resend is answered with the first answer, when the tail is gone too."""
        self.do(self.ann, c.Say("#ops", "hi", cid=1))
        heard = self.do(self.ann, c.Say("#ops", "hi", cid=1))
        self.assertEqual(heard, ["ok #ops 2 1 True"])
        self.assertEqual(len(self.log("#ops")), 2)

    def test_after_a_restart(self) -> None:
        """A crash of the server doesn't make a message come twice."""
        self.do(self.ann, c.Say("#ops", "hi", cid=1))
        self.restart()
        ann = self.enter()
        heard = self.do(ann, c.Say("#ops", "hi", cid=1), c.Say("#ops", "on", cid=2))
        self.assertEqual(
            heard, ["ok #ops 2 1 True", "said #ops 3 ann on", "ok #ops 3 2"]
        )

    def test_ack_lost(self) -> None:
        """Who reconnects while the first commit of a new device is on its way, and
        resends, finds the message there."""
        self.store.hold()
        self.ann.ask(c.Say("#ops", "hi", cid=1))
        self.run_hub()
        self.hub.lost(self.ann, "lost", "cut")
        ann = self.peer()
        ann.ask(self.hello("ann", True, "d1", 300))
        ann.ask(c.Say("#ops", "hi", cid=1))
        self.store.release()
        self.run_hub()
        self.assertEqual(ann.heard()[-1], "ok #ops 2 1 True")
        self.assertEqual(len(self.log("#ops")), 2)

    def test_another_body(self) -> None:
        """A cid stands for one thing."""
        self.do(self.ann, c.Say("#ops", "hi", cid=1))
        heard = self.do(self.ann, c.Say("#ops", "ho", cid=1), c.Say("#b", "hi", cid=1))
        self.assertEqual(heard, ["error cid_reused", "error cid_reused"])

    def test_label_is_no_part(self) -> None:
        """The id of a connection may change in a resend (H20)."""
        self.do(self.ann, c.Say("#ops", "hi", cid=1, id=7))
        self.ann.ask(c.Say("#ops", "hi", cid=1, id="again"))
        self.run_hub()
        done = self.ann.words()[0]
        assert isinstance(done, Done)
        self.assertEqual((done.id, done.duplicate), ("again", True))

    def test_late(self) -> None:
        """A cid that is not in the log, and a later one is, was refused before, or left
        out: it would stand behind what was sent after it."""
        self.do(self.ann, c.Say("#ops", "five", cid=5))
        heard = self.do(self.ann, c.Say("#ops", "three", cid=3))
        self.assertEqual(heard, ["error cid_passed"])

    def test_refused_and_not_heard(self) -> None:
        """A refusal whose answer got lost stays one, also if the same might be done
        by now: the sender's order is kept."""
        edit = c.Edit("#ops", 2, "better", cid=1)
        self.assertEqual(self.do(self.ann, edit), ["error no_such_message"])
        self.do(self.ann, c.Say("#ops", "hi", cid=2))
        self.assertEqual(self.do(self.ann, edit), ["error cid_passed"])

    def test_first_answer(self) -> None:
        """The answer of a resend names the room as the first one did."""
        self.connect("bob", account=True, device="d2")
        first = self.do(self.ann, c.Say("@bob", "hi", cid=1))[-1]
        again = self.do(self.ann, c.Say("@bob", "hi", cid=1))
        self.assertEqual((first, again), ("ok @ann,bob 1 1", ["ok @ann,bob 1 1 True"]))

    def test_room_left(self) -> None:
        """A resend is answered also where one could not send any more."""
        self.do(self.ann, c.Say("#ops", "hi", cid=1), c.SetTopic("#ops", "x"))
        self.do(self.ann, c.SetPolicy("#ops", secret()), c.Part("#ops"))
        heard = self.do(self.ann, c.Say("#ops", "hi", cid=1))
        self.assertEqual(heard, ["ok #ops 2 1 True"])

    def test_all_that_have_one(self) -> None:
        """Edits, redactions and reactions are resent in the same way."""
        self.do(self.ann, c.Say("#ops", "hi", cid=1))
        asked = [
            c.Edit("#ops", 2, "ho", cid=2),
            c.React("#ops", 2, "+1", cid=3),
            c.Redact("#ops", 2, cid=4),
        ]
        self.do(self.ann, *asked)
        self.assertEqual(
            self.do(self.ann, *asked),
            ["ok #ops 3 2 True", "ok #ops 4 3 True", "ok #ops 5 4 True"],
        )

    def test_needs_device(self) -> None:
        """Without a device there is nothing that a cid could be unique in."""
        bob = self.connect("bob")
        self.do(bob, c.Join("#ops"))
        self.assertEqual(
            self.do(bob, c.Say("#ops", "hi", cid=1)), ["error cid_needs_device"]
        )

    def test_store_knows_better(self) -> None:
        """What the hub took for new and the log has already is answered from there."""

        def known(batch: Batch) -> Outcome:
            return Duplicates(
                {
                    n: First(row.room, 7, (row.cid_hash or 0) if row.cid != 3 else 1)
                    for n, row in enumerate(batch.rows)
                    if row.cid is not None and row.cid > 1
                }
            )

        self.store.script = [known]
        heard = self.do(
            self.ann, *[c.Say("#ops", str(cid), cid=cid) for cid in (1, 2, 3)]
        )
        self.assertEqual(
            heard,
            [
                "said #ops 2 ann 1",
                "ok #ops 2 1",
                "ok #ops 7 2 True",
                "error cid_reused",
            ],
        )


class GoBackTests(HubTestCase):
    """After a refusal a sender's order is kept (H5)."""

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.connect("ann", device="d1")
        self.do(self.ann, c.Join("#ops"), c.Say("#ops", "1", cid=1))
        self.store.script = [failed]
        self.do(self.ann, *[c.Say("#ops", str(n), cid=n) for n in (2, 3)])
        self.reported()

    def say(self, *cids: int) -> list[str]:
        """Resend these, and what was answered."""
        heard = self.do(self.ann, *[c.Say("#ops", str(n), cid=n) for n in cids])
        return [line for line in heard if not line.startswith("said")]

    def test_later_ones_wait(self) -> None:
        """What comes behind the first refused one is refused until that is resent."""
        self.assertEqual(self.say(3, 4), ["error unavailable"] * 2)
        self.assertEqual(self.say(2, 3, 4), [f"ok #ops {n + 1} {n}" for n in (2, 3, 4)])

    def test_earlier_ones_pass(self) -> None:
        """A resend of what came before changes nothing."""
        self.assertEqual(self.say(1, 3), ["ok #ops 2 1 True", "error unavailable"])

    def test_refused_for_good(self) -> None:
        """When the first one turns out to be wrong, the others may go on."""
        heard = self.do(self.ann, c.Say("#ops", "\0", cid=2), c.Say("#ops", "3", cid=3))
        self.assertEqual(heard, ["error bad_text", "said #ops 3 ann 3", "ok #ops 3 3"])

    def test_refused_before(self) -> None:
        """An earlier one that is refused too is the first one now."""
        self.say(2)
        self.store.script = [failed]
        self.say(5)
        self.store.script = [failed]
        self.assertEqual(self.say(4), ["error unavailable"])
        self.assertEqual(self.say(5), ["error unavailable"])
        self.assertEqual(self.say(4, 5), ["ok #ops 4 4", "ok #ops 5 5"])
        self.reported()

    def test_in_the_log_after_all(self) -> None:
        """When the first one is found in the log, the others may go on."""

        def known(batch: Batch) -> Outcome:
            return Duplicates(
                {0: First(batch.rows[0].room, 2, batch.rows[0].cid_hash or 0)}
            )

        self.store.script = [known]
        self.assertEqual(self.say(2, 3), ["ok #ops 2 2 True", "ok #ops 3 3"])

    def test_without_cid(self) -> None:
        """Who uses no cid is not held back."""
        heard = self.do(self.ann, c.Say("#ops", "x"))
        self.assertEqual(heard, ["said #ops 3 ann x", "ok #ops 3"])

    def test_new_session(self) -> None:
        """A new session of the device starts afresh."""
        ann = self.connect("ann", device="d1")
        self.do(ann, c.Join("#ops"))
        self.assertEqual(self.do(ann, c.Say("#ops", "9", cid=9))[-1], "ok #ops 3 9")


class NameTests(HubTestCase):
    """What names lead to, and what they don't tell."""

    def setUp(self) -> None:
        super().setUp()
        self.ann, self.bob = self.connect("ann"), self.connect("bob")
        self.cat = self.connect("cat")
        self.do(self.ann, c.Join("#Ops"))

    def test_case(self) -> None:
        """Rooms and nicks are found in any case, and shown as they were made."""
        self.assertEqual(self.do(self.bob, c.Join("#OPS"))[-1], "room #Ops 2")
        self.assertEqual(self.do(self.bob, c.Who("ANN")), ["who ann ('#Ops',)"])

    def test_nobody(self) -> None:
        """Who is not here and has no account does not exist."""
        self.assertEqual(
            self.do(self.ann, c.Who("zoe"), c.Say("@zoe", "x"), c.Kick("#ops", "zoe")),
            ["error no_such_user"] * 3,
        )

    def test_offline_account(self) -> None:
        """An account that is not here can be named, and is not remembered for it."""
        self.account("Zoe")
        users = len(self.hub.state.users)
        heard = self.do(
            self.ann, c.Who("zoe"), c.Kick("#ops", "zoe"), c.Invite("#ops", "zoe")
        )
        self.assertEqual(
            heard,
            [
                "who Zoe False",
                "error user_not_in_room",
                "invited #Ops 2 ann Zoe",
                "ok #Ops 2",
            ],
        )
        self.assertEqual(len(self.hub.state.users), users)

    def test_direct_room_of_others(self) -> None:
        """Others can't tell whether two people speak with each other."""
        self.do(self.ann, c.Say("@bob", "psst"))
        name = next(name for name in self.hub.state.rooms if name.startswith("@"))
        for command in (c.Say(name, "x"), c.History(name), c.ListMembers(name)):
            self.assertEqual(self.do(self.cat, command), ["error no_such_room"])

    def test_secret_room(self) -> None:
        """Who is not in a secret room can't tell whether it exists."""
        self.do(self.ann, c.SetPolicy("#ops", secret(members_only=False)))
        for command in (c.Say("#ops", "x"), c.Part("#ops"), c.ListMembers("#ops")):
            self.assertEqual(self.do(self.cat, command), ["error no_such_room"])

    def test_before_hello(self) -> None:
        """Before hello there is nothing to be done, nor a direct room."""
        peer = self.peer()
        heard = self.do(peer, c.Say("#ops", "x"), c.ListRooms(), c.Say("@ann", "x"))
        self.assertEqual(heard, ["error out_of_order"] * 3)

    def test_short_texts(self) -> None:
        """Reasons and topics are bounded, and one line each."""
        self.assertEqual(
            self.do(
                self.ann,
                c.SetTopic("#ops", "x" * 391),
                c.SetTopic("#ops", "\u00e9" * 196),
                c.SetTopic("#ops", "a\nb"),
                c.SetAway("x" * 301),
                c.Redact("#ops", 1, "x" * 301),
            ),
            ["error too_long"] * 2 + ["error bad_text"] + ["error too_long"] * 2,
        )


def secret(members_only: bool = True) -> PolicyChange:
    """A change of policy that hides a room."""
    return PolicyChange(secret=True, members_only=members_only)
