"""The client's core against scripted lines of a server."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from relaychat.client.core import LOST, Conversation
from relaychat.client.happenings import (
    Answered,
    Complaint,
    Entered,
    Happening,
    Kept,
    Parting,
    Ready,
    Refused,
    Rejected,
    Shown,
    Shut,
    Up,
)
from relaychat.model.commands import Cursor, Hello, ListRooms, Rename, Say
from relaychat.model.events import Fault, LogEvent

DEVICE = "0123456789abcdef" * 2


class Server:
    """A script of what a server says, and what it is told."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.heard: list[Happening] = []

    def connect(self, *words: dict[str, Any], cid: int = 0) -> dict[str, Any]:
        """A new connection up to ``resumed``; returns the hello."""
        self.conversation.connected()
        (hello,) = self.told()
        self.say({"type": "welcome", "id": hello["id"], "nick": hello["nick"],
                  "server": "s", "software": "x", "version": 1, "cid": cid},
                 *words)  # fmt: skip
        return hello

    def resumed(self, number: int, *rooms: str) -> None:
        self.say({"type": "resumed", "id": number, "rooms": rooms})

    def say(self, *words: dict[str, Any]) -> None:
        data = b"".join(json.dumps(word).encode() + b"\n" for word in words)
        self.heard += self.conversation.receive(data)

    def told(self) -> list[dict[str, Any]]:
        """What the client wrote since the last look."""
        lines = self.conversation.data_to_send().splitlines()
        return [json.loads(line) for line in lines]

    def lose(self) -> None:
        self.heard += self.conversation.disconnected()

    def got(self, kind: type) -> list[Any]:
        return [one for one in self.heard if isinstance(one, kind)]

    def seqs(self) -> list[int]:
        return [
            one.event.seq for one in self.got(Shown) if isinstance(one.event, LogEvent)
        ]


def said(seq: int, room: str = "#ops", **more: Any) -> dict[str, Any]:
    return {"type": "said", "room": room, "seq": seq, "at": 1, "sender": "bob",
            "text": f"line {seq}", **more}  # fmt: skip


def left(seq: int, room: str = "#ops") -> dict[str, Any]:
    return {"type": "left", "room": room, "seq": seq, "at": 1, "sender": "ann"}


def shown(
    seq: int, epoch: str = "e1", room: str = "#ops", **more: Any
) -> dict[str, Any]:
    return {"type": "room", "room": room, "epoch": epoch, "seq": seq, **more}


def talk(**options: Any) -> tuple[Conversation, Server]:
    conversation = Conversation(Hello("ann", device=DEVICE), **options)
    return conversation, Server(conversation)


class FollowTests(TestCase):
    def follow(
        self, everything: bool = False, **options: Any
    ) -> tuple[Conversation, Server]:
        """A reader that is level at seq 5."""
        conversation, server = talk(everything=everything)
        conversation.follow("#ops", **options)
        hello = server.connect()
        self.assertEqual(hello["resume"], {})
        server.resumed(hello["id"])
        (join,) = server.told()
        self.assertEqual((join["type"], join["room"]), ("join", "#ops"))
        server.say(shown(5, id=join["id"]))
        return conversation, server

    def test_join_begins_now(self) -> None:
        """A room that is joined first shows what comes after that moment."""
        _, server = self.follow()
        server.say(said(6), said(7))
        self.assertEqual(server.seqs(), [6, 7])
        self.assertEqual(len(server.got(Entered)), 1)
        self.assertEqual(len(server.got(Ready)), 1)

    def test_since_resumes_from_there(self) -> None:
        """With ``since`` the log is asked for from that seq on, and live events that
        come before their turn are shown in it."""
        _, server = self.follow(since=2)
        (resume,) = server.told()
        self.assertEqual(resume["rooms"], {"#ops": {"epoch": "e1", "seq": 2}})
        server.say(said(6), said(3), said(4), said(5), said(6), said(7))
        server.resumed(resume["id"], "#ops")
        self.assertEqual(server.seqs(), [3, 4, 5, 6, 7])
        self.assertEqual(server.conversation.broken, "")

    def test_since_beyond_the_end(self) -> None:
        """A ``since`` that the log has not reached begins at its end."""
        _, server = self.follow(since=99)
        server.say(said(6))
        self.assertEqual(server.seqs(), [6])

    def test_reconnect_resumes(self) -> None:
        """A new connection resumes from the last event shown, and shows none twice."""
        _, server = self.follow()
        server.say(said(6), said(7))
        server.lose()
        hello = server.connect(shown(9))
        self.assertEqual(hello["resume"], {"#ops": {"epoch": "e1", "seq": 7}})
        server.say(said(7), said(8), said(9))
        server.resumed(hello["id"], "#ops")
        server.say(said(10))
        self.assertEqual(server.seqs(), [6, 7, 8, 9, 10])
        self.assertEqual(server.told(), [])
        reader = server.conversation.reader("#OPS")
        self.assertEqual(reader and reader.doubles, 1)

    def test_no_longer_a_member(self) -> None:
        """Put out in the meantime, one joins again and resumes from the cursor."""
        _, server = self.follow()
        server.lose()
        hello = server.connect()
        server.resumed(hello["id"], "#ops")
        (join,) = server.told()
        server.say(said(9), shown(9, id=join["id"]), said(10))
        (resume,) = server.told()
        self.assertEqual(resume["rooms"], {"#ops": {"epoch": "e1", "seq": 5}})
        server.say(said(6), said(7), said(8), said(9), said(10))
        server.resumed(resume["id"], "#ops")
        server.say(said(11))
        self.assertEqual(server.seqs(), [6, 7, 8, 9, 10, 11])

    def test_another_device_was_faster(self) -> None:
        """Another session of ours joined a room while we were about to: the cursor is
        resumed from all the same."""
        _, server = self.follow()
        server.lose()
        hello = server.connect()
        server.resumed(hello["id"])
        (join,) = server.told()
        server.say(said(9), shown(9), shown(9, again=True, id=join["id"]), said(10))
        (resume,) = server.told()
        self.assertEqual(resume["rooms"], {"#ops": {"epoch": "e1", "seq": 5}})
        server.say(*[said(seq) for seq in range(6, 11)])
        server.resumed(resume["id"], "#ops")
        self.assertEqual(server.seqs(), [6, 7, 8, 9, 10])

    def test_another_device_was_faster_still(self) -> None:
        """The same while hello's resume is under way, which does not reach the room."""
        _, server = self.follow()
        server.lose()
        hello = server.connect(shown(9), said(10))
        server.resumed(hello["id"])
        (resume,) = server.told()
        self.assertEqual(resume["rooms"], {"#ops": {"epoch": "e1", "seq": 5}})
        server.say(*[said(seq) for seq in range(6, 11)])
        server.resumed(resume["id"], "#ops")
        server.say(said(11))
        self.assertEqual(server.seqs(), [6, 7, 8, 9, 10, 11])

    def test_out_and_in_while_resuming(self) -> None:
        """Another session of ours leaves a room and joins it while it is resumed: what
        was said in between is asked for."""
        _, server = self.follow()
        server.lose()
        hello = server.connect(shown(5), left(6))
        server.say({**said(9), "type": "joined"}, shown(9, entered=True))
        server.resumed(hello["id"], "#ops")
        (resume,) = server.told()
        self.assertEqual(resume["rooms"], {"#ops": {"epoch": "e1", "seq": 6}})
        server.say(*[said(seq) for seq in range(7, 10)])
        server.resumed(resume["id"], "#ops")
        server.say(said(10))
        self.assertEqual(server.seqs(), [6, 7, 8, 9, 10])

    def test_begun_anew_while_resuming(self) -> None:
        """The same with a room that has begun anew in between: the server says what
        that leaves out."""
        _, server = self.follow()
        server.lose()
        hello = server.connect(shown(5), left(6), shown(1, "e2", entered=True), said(2))
        server.resumed(hello["id"], "#ops")
        (resume,) = server.told()
        server.say({"type": "gap", "room": "#ops", "first": 7, "last": 2,
                    "reason": "reset", "epoch": "e2"})  # fmt: skip
        server.resumed(resume["id"], "#ops")
        server.say(said(3))
        self.assertEqual(server.seqs(), [6, 3])

    def test_one_resume_for_many_rooms(self) -> None:
        """Rooms that are joined together are resumed together."""
        conversation, server = talk()
        for room in ("#a", "#b", "#c"):
            conversation.follow(room, since=1)
        hello = server.connect()
        server.resumed(hello["id"])
        joins = server.told()
        server.say(*[shown(3, room=one["room"], id=one["id"]) for one in joins])
        (resume,) = server.told()
        self.assertEqual(sorted(resume["rooms"]), ["#a", "#b", "#c"])

    def test_a_hole_is_never_shown(self) -> None:
        """An event out of sequence breaks the connection, and nothing more is taken."""
        conversation, server = self.follow()
        server.say(said(6), said(8), said(9))
        self.assertIn("8 came after 6", conversation.broken)
        server.say(said(7))
        self.assertEqual(server.seqs(), [6])

    def test_a_resume_that_falls_short(self) -> None:
        """A resume that ends before an event that was seen early is a hole."""
        conversation, server = self.follow(since=2)
        (resume,) = server.told()
        server.say(said(9), said(3))
        server.resumed(resume["id"], "#ops")
        self.assertIn("resumed to 3, but saw 9", conversation.broken)

    def test_gap_moves_on(self) -> None:
        """What can't be had is shown as a gap, and the room goes on behind it."""
        _, server = self.follow()
        server.say({"type": "gap", "room": "#ops", "first": 6, "last": 20,
                    "reason": "retention", "epoch": "e1"}, said(21))  # fmt: skip
        self.assertEqual(server.seqs(), [21])
        self.assertEqual(len(server.got(Shown)), 2)

    def test_reset_changes_the_epoch(self) -> None:
        """A room that began anew goes on under its new epoch."""
        conversation, server = self.follow()
        server.lose()
        hello = server.connect(
            shown(3, "e2"),
            {"type": "gap", "room": "#ops", "first": 6, "last": 3,
             "reason": "reset", "epoch": "e2"},
        )  # fmt: skip
        server.resumed(hello["id"], "#ops")
        server.say(said(4))
        self.assertEqual(server.seqs(), [4])
        reader = conversation.reader("#ops")
        assert reader is not None
        self.assertEqual(reader.cursor, Cursor("e2", 4))

    def test_begun_anew_meanwhile(self) -> None:
        """What a room that began anew tells before its reset does not follow the old
        cursor, even where its seq does; without a reset it is of no use."""
        for reset in (True, False):
            conversation, server = self.follow()
            server.lose()
            hello = server.connect()
            server.resumed(hello["id"])
            (join,) = server.told()
            server.say(shown(5, "e2", id=join["id"]), said(6),
                       {"type": "withheld", "room": "#ops", "first": 6, "last": 7},
                       said(8))  # fmt: skip
            (resume,) = server.told()
            self.assertEqual(resume["rooms"], {"#ops": {"epoch": "e1", "seq": 5}})
            if reset:
                server.say({"type": "gap", "room": "#ops", "first": 6, "last": 8,
                            "reason": "reset", "epoch": "e2"}, said(9))  # fmt: skip
            server.resumed(resume["id"], "#ops")
            self.assertEqual(server.seqs(), [9] if reset else [])
            self.assertEqual(bool(conversation.broken), not reset)

    def test_withheld_counts(self) -> None:
        """Entries one may not read are passed over, not missed."""
        _, server = self.follow()
        server.say({"type": "withheld", "room": "#ops", "first": 6, "last": 8},
                   {"type": "withheld", "room": "#ops", "first": 6, "last": 8},
                   said(9))  # fmt: skip
        self.assertEqual(server.seqs(), [9])
        self.assertEqual(len(server.got(Shown)), 2)

    def test_what_comes_again_is_cut_off(self) -> None:
        """A resume that starts over may end before it is level again, with what one may
        not read any more, or has forgotten what it brought before: only what is new of
        that is shown."""
        _, server = self.follow()
        server.say({"type": "withheld", "room": "#ops", "first": 4, "last": 8},
                   {"type": "gap", "room": "#ops", "first": 3, "last": 7,
                    "reason": "no_history", "epoch": "e1"}, said(8),
                   {"type": "gap", "room": "#ops", "first": 8, "last": 10,
                    "reason": "no_history", "epoch": "e1"}, said(11))  # fmt: skip
        withheld, gap, last = server.got(Shown)
        self.assertEqual((withheld.event.first, withheld.event.last), (6, 8))
        self.assertEqual(json.loads(withheld.raw)["first"], 6)
        self.assertEqual((gap.event.first, gap.event.last), (9, 10))
        self.assertEqual(last.event.seq, 11)

    def test_withheld_too_far_is_a_hole(self) -> None:
        """A withheld stretch must follow the last event too."""
        conversation, server = self.follow()
        server.say({"type": "withheld", "room": "#ops", "first": 8, "last": 9})
        self.assertIn("8 came after 5", conversation.broken)

    def test_newer_entries_count(self) -> None:
        """A log entry of a kind we don't know is passed over in its place."""
        _, server = self.follow()
        server.say({"type": "haiku", "room": "#ops", "seq": 6}, said(7))
        server.say({"type": "mood", "nick": "bob"})
        self.assertEqual(server.seqs(), [7])

    def test_refused_room(self) -> None:
        """A room that does not let us in is told, and does not hold up the rest."""
        conversation, server = talk()
        conversation.follow("#ops")
        hello = server.connect()
        server.resumed(hello["id"])
        (join,) = server.told()
        server.say({"type": "error", "code": "banned", "text": "no", "id": join["id"]})
        self.assertEqual(server.got(Shut)[0].fault.code, "banned")
        self.assertEqual(len(server.got(Ready)), 1)
        self.assertFalse(conversation.stalled)

    def test_refused_for_now(self) -> None:
        """A room that can't be joined now is tried again, and ready waits for it."""
        conversation, server = talk()
        conversation.enter("#ops")
        hello = server.connect()
        server.resumed(hello["id"])
        (join,) = server.told()
        server.say({"type": "error", "code": "unavailable", "text": "no",
                    "retry": True, "id": join["id"]})  # fmt: skip
        self.assertTrue(conversation.stalled)
        self.assertEqual(server.got(Ready), [])
        conversation.again()
        (join,) = server.told()
        server.say(shown(1, id=join["id"]))
        self.assertEqual(len(server.got(Ready)), 1)

    def test_put_out(self) -> None:
        """Who was put out of a room counts nothing of it until back in."""
        _, server = self.follow()
        server.say(said(6), {"type": "kicked", "room": "#ops", "seq": 7, "at": 1,
                             "sender": "bob", "nick": "Ann"}, said(20))  # fmt: skip
        self.assertEqual(server.seqs(), [6, 7])
        self.assertEqual(server.conversation.broken, "")

    def test_replayed_goodbyes(self) -> None:
        """A kick in what is replayed was before the moment at which we are inside."""
        conversation, server = self.follow()
        server.lose()
        hello = server.connect(shown(8))
        server.say({"type": "kicked", "room": "#ops", "seq": 6, "at": 1,
                    "sender": "bob", "nick": "ann"},
                   {"type": "joined", "room": "#ops", "seq": 7, "at": 1,
                    "sender": "ann"}, said(8))  # fmt: skip
        server.resumed(hello["id"], "#ops")
        server.say(said(9), {"type": "left", "room": "#ops", "seq": 10, "at": 1,
                             "sender": "ann"})  # fmt: skip
        self.assertEqual(server.seqs(), [6, 7, 8, 9, 10])
        self.assertEqual(conversation.rooms, [])

    def test_own_nick_is_followed(self) -> None:
        """A rename, asked for here or in another session, is known."""
        conversation, server = self.follow()
        server.say({"type": "renamed", "room": "#ops", "seq": 6, "at": 1,
                    "sender": "ann", "nick": "anna"})  # fmt: skip
        self.assertEqual(conversation.nick, "anna")
        conversation.ask(Rename("an"))
        server.say({"type": "ok", "id": server.told()[0]["id"]})
        self.assertEqual(conversation.nick, "an")

    def test_everything(self) -> None:
        """With ``everything``, rooms that the user is in are followed unasked."""
        _conversation, server = talk(everything=True)
        hello = server.connect(shown(3), shown(1, room="@x", direct="bob"))
        server.resumed(hello["id"])
        server.say(said(4), said(2, "@x", to="ann"), said(2, "#other"))
        self.assertEqual(server.seqs(), [4, 2])
        self.assertEqual(server.told(), [])

    def test_direct_room_by_nick(self) -> None:
        """A direct room is followed by the other's nick, once it is there."""
        conversation, server = talk()
        conversation.follow("@Bob")
        hello = server.connect()
        server.resumed(hello["id"])
        self.assertEqual(server.told(), [])
        self.assertEqual(len(server.got(Ready)), 1)
        server.say(shown(0, room="@k1,k2", direct="bob"), said(1, "@k1,k2"))
        self.assertEqual(server.seqs(), [1])

    def test_leave(self) -> None:
        """Until the server has let us go, what happens in a room is shown: so nothing
        of our own is missing, and our leaving is the last of it."""
        conversation, server = self.follow()
        conversation.leave("#OPS", "tea")
        (part,) = server.told()
        self.assertEqual((part["room"], part["reason"]), ("#ops", "tea"))
        self.assertEqual((conversation.rooms, conversation.leaving), ([], True))
        self.assertFalse(conversation.wants("#ops"))
        server.say(said(6), left(7), {"type": "ok", "id": part["id"]}, said(8))
        self.assertEqual(server.seqs(), [6, 7])
        self.assertFalse(conversation.leaving)
        conversation.leave("#ops")
        self.assertEqual(server.told(), [])

    def test_leave_and_come_back(self) -> None:
        """Who leaves and joins in one breath is out and in again, and begins anew."""
        conversation, server = self.follow()
        conversation.leave("#ops")
        conversation.follow("#ops")
        part, join = server.told()
        server.say(said(6), left(7), {"type": "ok", "id": part["id"]},
                   shown(1, epoch="e2", id=join["id"]), said(2))  # fmt: skip
        self.assertEqual(server.seqs(), [6, 7, 2])
        self.assertEqual(conversation.rooms, ["#ops"])
        self.assertEqual(server.told(), [])

    def test_leave_while_joining(self) -> None:
        """A room that is left before it let us in is left."""
        conversation, server = self.follow(everything=True)
        conversation.follow("#tea")
        conversation.leave("#tea")
        join, part = server.told()
        server.say(shown(1, room="#tea", id=join["id"]), left(2, room="#tea"),
                   {"type": "ok", "id": part["id"]})  # fmt: skip
        self.assertEqual(conversation.rooms, ["#ops"])
        self.assertEqual(server.told(), [])

    def test_leave_over_a_lost_connection(self) -> None:
        """If the answer is lost with the connection, the next one tells: we are in the
        room still, and ask again, or are out."""
        conversation, server = self.follow()
        conversation.leave("#ops", "tea")
        server.lose()
        hello = server.connect(shown(5))
        server.resumed(hello["id"], "#ops")
        (part,) = server.told()
        self.assertEqual((part["type"], part["reason"]), ("part", "tea"))
        server.lose()
        hello = server.connect()
        server.resumed(hello["id"])
        self.assertEqual(server.told(), [])
        self.assertFalse(conversation.leaving)

    def test_leave_and_come_back_over_a_lost_connection(self) -> None:
        """The same with the room wanted again: then nothing was ever left."""
        conversation, server = self.follow()
        conversation.leave("#ops")
        conversation.follow("#ops")
        server.told()
        server.lose()
        hello = server.connect(shown(6))
        server.resumed(hello["id"])
        self.assertEqual(conversation.rooms, ["#ops"])
        self.assertEqual(server.told(), [])

    def test_leave_refused(self) -> None:
        """A room that can't be left now is not left; one that we were put out of is."""
        conversation, server = self.follow()
        for retry, rooms in ((True, ["#ops"]), (False, [])):
            conversation.leave("#ops")
            (part,) = server.told()
            server.say({"type": "error", "code": "?", "text": "?", "retry": retry,
                        "id": part["id"]})  # fmt: skip
            self.assertEqual(conversation.rooms, rooms)
            self.assertFalse(conversation.leaving)

    def test_follow_while_connected(self) -> None:
        """A room that is wanted later is joined at once."""
        conversation, server = self.follow()
        conversation.follow("#tea")
        (join,) = server.told()
        server.say(shown(0, room="#tea", id=join["id"]), said(1, "#tea"))
        self.assertEqual(server.seqs(), [1])
        self.assertEqual(conversation.rooms, ["#ops", "#tea"])

    def test_resume_names_all_rooms(self) -> None:
        """A resume by command carries every room: those left out would start at now."""
        conversation, server = self.follow()
        conversation.follow("#tea", since=0)
        (join,) = server.told()
        server.say(shown(4, room="#tea", id=join["id"]))
        (resume,) = server.told()
        self.assertEqual(set(resume["rooms"]), {"#ops", "#tea"})

    def test_refused_resume_reconnects(self) -> None:
        """A resume that is refused makes the connection useless, not the cursor."""
        conversation, server = self.follow(since=2)
        (resume,) = server.told()
        server.say(
            {"type": "error", "code": "no_such_room", "text": "?", "id": resume["id"]}
        )
        self.assertIn("could not resume", conversation.broken)

    @given(st.data())
    def test_any_interruption(self, data: st.DataObject) -> None:
        """Cut anywhere, resumed from anywhere at or before the cursor, with live events
        early or not: every event is shown once, in order."""
        conversation, server = talk()
        conversation.follow("#ops", since=0)
        head, known = 0, False
        for _ in range(data.draw(st.integers(1, 5))):
            hello = server.connect(*([shown(head)] if known else []))
            server.resumed(hello["id"]) if not known else None
            start = hello["resume"].get("#ops", {"seq": 0})["seq"]
            number = hello["id"]
            if not known:
                (join,) = server.told()
                server.say(shown(head, id=join["id"]))
                asked = server.told()
                number = asked[0]["id"] if asked else 0
                known = True
            start = max(0, start - data.draw(st.integers(0, 2)))
            new = head + data.draw(st.integers(0, 6))
            catch_up = [said(seq) for seq in range(start + 1, new + 1)]
            cut = data.draw(st.integers(0, len(catch_up)))
            early = [said(head + 1)] if new > head and number else []
            server.say(*early, *catch_up[:cut])
            if cut == len(catch_up) and number:
                server.resumed(number, "#ops")
            self.assertEqual(conversation.broken, "")
            head = new
            server.lose()
        hello = server.connect(shown(head))
        start = hello["resume"]["#ops"]["seq"]
        server.say(*[said(seq) for seq in range(start + 1, head + 1)])
        server.resumed(hello["id"], "#ops")
        self.assertEqual(server.seqs(), list(range(1, head + 1)))


class SendTests(TestCase):
    def ready(self, **options: Any) -> tuple[Conversation, Server]:
        conversation, server = talk(**options)
        server.resumed(server.connect()["id"])
        return conversation, server

    def put(self, conversation: Conversation, *cids: int) -> None:
        for cid in cids:
            conversation.send(Say("#ops", f"line {cid}", cid=cid))

    def cids(self, server: Server) -> list[int]:
        return [word["cid"] for word in server.told()]

    def test_sends_go_in_order(self) -> None:
        """Sends go out with their cid, and are kept by the server's word alone."""
        conversation, server = self.ready()
        self.put(conversation, 1, 2)
        self.assertEqual(self.cids(server), [1, 2])
        server.say({"type": "ok", "room": "#ops", "seq": 7, "cid": 1, "id": 1})
        (kept,) = server.got(Kept)
        self.assertEqual((kept.send.text, kept.done.seq), ("line 1", 7))
        self.assertEqual(len(conversation.outbox), 1)

    def test_nothing_before_ready(self) -> None:
        """What is sent before we are in our rooms waits until then."""
        conversation, server = talk()
        conversation.enter("#ops")
        self.put(conversation, 1)
        hello = server.connect()
        server.resumed(hello["id"])
        (join,) = server.told()
        server.say(shown(1, id=join["id"]))
        self.assertEqual(self.cids(server), [1])

    def test_window(self) -> None:
        """No more than the window is in flight."""
        conversation, server = self.ready(window=2)
        self.put(conversation, 1, 2, 3)
        self.assertEqual(self.cids(server), [1, 2])
        server.say({"type": "ok", "id": 1})
        self.assertEqual(self.cids(server), [3])

    def test_reconnect_resends_all(self) -> None:
        """All that was not acknowledged goes again, in order, with the same cids; a
        duplicate is an acknowledgement like any other."""
        conversation, server = self.ready(window=3)
        self.put(conversation, 1, 2, 3, 4)
        server.told()
        server.say({"type": "ok", "id": 1})
        server.lose()
        server.resumed(server.connect(cid=2)["id"])
        self.assertEqual(self.cids(server), [2, 3, 4])
        server.say({"type": "ok", "id": 2, "cid": 2, "seq": 9, "duplicate": True})
        self.assertTrue(server.got(Kept)[-1].done.duplicate)

    def test_unavailable_goes_back(self) -> None:
        """After a refusal for now all that follows goes back too, and starts over from
        the first one when everything was answered."""
        conversation, server = self.ready()
        self.put(conversation, 1, 2, 3)
        server.told()
        refuse = {"type": "error", "code": "unavailable", "text": "", "retry": True}
        server.say({"type": "ok", "id": 1}, {**refuse, "id": 2, "cid": 2})
        self.put(conversation, 4)
        self.assertFalse(conversation.stalled)
        self.assertEqual(server.told(), [])
        server.say({**refuse, "id": 3, "cid": 3})
        self.assertTrue(conversation.stalled)
        conversation.again()
        self.assertEqual(self.cids(server), [2, 3, 4])

    def test_refused_for_good(self) -> None:
        """A refusal for good is told, and the rest goes on."""
        conversation, server = self.ready()
        self.put(conversation, 1, 2)
        server.say({"type": "error", "code": "denied", "text": "no", "cid": 1},
                   {"type": "ok", "id": 2})  # fmt: skip
        self.assertEqual(server.got(Refused)[0].fault.code, "denied")
        self.assertEqual(len(conversation.outbox), 0)

    def test_cids_rise(self) -> None:
        """A cid that does not rise is a mistake of ours; without one it is the next."""
        conversation, _ = self.ready()
        self.put(conversation, 5)
        self.assertRaises(ValueError, self.put, conversation, 5)
        (send,) = conversation.send(Say("#ops", "x"))
        self.assertEqual(send.cid, 6)

    def test_unknown_answers_are_nothing(self) -> None:
        """An answer to what was not asked is no event."""
        conversation, server = self.ready()
        server.say({"type": "ok", "id": 77}, {"type": "ok"},
                   {"type": "pong", "token": ""},
                   {"type": "error", "code": "x", "text": "", "id": 78})  # fmt: skip
        self.assertEqual(server.got(Kept) + server.got(Refused), [])
        self.assertEqual(conversation.broken, "")

    def test_forget(self) -> None:
        """What is given up is not sent."""
        conversation, _ = self.ready(window=1)
        self.put(conversation, 1, 2)
        self.assertEqual([one.cid for one in conversation.outbox.forget()], [1, 2])
        self.assertEqual(len(conversation.outbox), 0)


class WordsTests(TestCase):
    def test_bytes_one_at_a_time(self) -> None:
        """It does not matter how the server's bytes arrive."""
        conversation, server = talk()
        conversation.follow("#ops", since=5)
        hello = server.connect(shown(5))
        server.resumed(hello["id"])
        for byte in json.dumps(said(6)).encode() + b"\n":
            server.heard += conversation.receive(bytes([byte]))
        self.assertEqual(server.seqs(), [6])

    def test_rejected(self) -> None:
        """A refused hello is told as such."""
        conversation, server = talk()
        conversation.connected()
        server.say({"type": "error", "code": "login_failed", "text": "no", "id": -1})
        self.assertEqual(server.got(Rejected)[0].fault.code, "login_failed")

    def test_complaint(self) -> None:
        """An error about nothing in particular is told."""
        _conversation, server = talk()
        server.connect()
        server.say({"type": "error", "code": "bad_syntax", "text": "?"})
        self.assertEqual(len(server.got(Complaint)), 1)

    def test_ask(self) -> None:
        """An answer finds its question; a lost connection is an answer too."""
        conversation, server = talk()
        server.connect()
        conversation.ask(ListRooms())
        conversation.ask(ListRooms("#a"))
        first, second = server.told()
        server.say({"type": "rooms", "id": first["id"], "rooms": []})
        self.assertEqual(server.got(Answered)[0].command, ListRooms())
        server.lose()
        self.assertEqual(server.got(Answered)[1], Answered(ListRooms("#a"), LOST))
        self.assertLess(second["id"], first["id"])

    def test_refused_question(self) -> None:
        """A refused question is answered with the fault."""
        conversation, server = talk()
        server.connect()
        conversation.ask(ListRooms())
        (asked,) = server.told()
        server.say(
            {"type": "error", "code": "forbidden", "text": "", "id": asked["id"]}
        )
        self.assertIsInstance(server.got(Answered)[0].answer, Fault)

    def test_signs_of_life(self) -> None:
        """A ping is answered with its token; ours carries none."""
        conversation, server = talk()
        server.connect()
        server.say({"type": "ping", "token": "t"})
        self.assertEqual(server.told(), [{"type": "pong", "token": "t"}])
        conversation.ping()
        conversation.bye("tea")
        self.assertEqual(
            server.told(), [{"type": "ping"}, {"type": "bye", "reason": "tea"}]
        )

    def test_goodbye(self) -> None:
        """The server's goodbye is told, and what is told once is shown."""
        _conversation, server = talk()
        server.connect()
        server.say(
            {"type": "presence", "nick": "bob", "online": True},
            {"type": "bye", "code": "shutting_down", "text": "later"},
        )
        self.assertEqual(server.got(Parting)[0].goodbye.code, "shutting_down")
        self.assertEqual(len(server.got(Shown)), 1)
        self.assertEqual(len(server.got(Up)), 1)

    def test_what_is_no_protocol(self) -> None:
        """Bytes that are no line of the protocol break the connection, without raising;
        the next connection is none the worse."""
        for junk in (b"hello\n", b'{"type":"said","room":1}\n', b"\xff\xfe\n", b"[]\n",
                     b'{"type":7}\n'):  # fmt: skip
            conversation, server = talk()
            server.connect()
            server.heard += conversation.receive(junk)
            self.assertTrue(conversation.broken, junk)
            server.lose()
            server.resumed(server.connect()["id"])
            self.assertEqual(conversation.broken, "")

    def test_endless_line(self) -> None:
        """A line without an end is not held for ever."""
        conversation, server = talk()
        server.connect()
        for _ in range(80):
            conversation.receive(b"x" * 65536)
        self.assertIn("without end", conversation.broken)

    @given(st.binary(max_size=60))
    def test_any_bytes(self, junk: bytes) -> None:
        """Whatever comes, nothing is raised."""
        conversation, server = talk(everything=True)
        server.connect(shown(1))
        conversation.receive(junk)
        conversation.receive(b"\n" + junk + b"\n")
