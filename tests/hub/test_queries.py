"""Questions about what is (H1, H2, H22, H25)."""

from __future__ import annotations

import msgspec

from relaychat.hub.facts import Survey
from relaychat.hub.queries import ENTRIES_A_PAGE, ROOMS_SHOWN
from relaychat.model import commands as c
from relaychat.model.admission import Admission, Enter
from relaychat.model.events import (
    MemberList,
    RoomList,
    RoomShown,
    SessionList,
    StatusReport,
    WhoIs,
)
from relaychat.model.policy import PolicyChange
from tests.hub.support import HubTestCase, RecordingPeer

WIDE = "\U00020000"
"""Of four bytes."""
LINE_BYTES = 64 * 1024


class QueryTests(HubTestCase):
    """Asked by people."""

    def setUp(self) -> None:
        super().setUp()
        self.ann, self.bob = self.connect("ann", account=True), self.connect("bob")

    def rooms(self, peer: RecordingPeer, after: str = "") -> RoomList:
        """The rooms that somebody is shown."""
        peer.ask(c.ListRooms(after, id=1))
        self.run_hub()
        answer = peer.words()[-1]
        assert isinstance(answer, RoomList)
        return answer

    def test_rooms(self) -> None:
        """Open rooms and one's own, by name; secret and direct ones are hidden."""
        self.do(self.ann, c.Join("#b"), c.Join("#A"), c.Join("#c"))
        self.do(self.ann, c.SetPolicy("#c", PolicyChange(secret=True)))
        self.do(self.ann, c.SetTopic("#b", "news"), c.Say("@ann", "x"))
        self.do(self.bob, c.Join("#b"))
        found = self.rooms(self.bob)
        self.assertEqual(
            [(one.room, one.members, one.topic, one.joined) for one in found.rooms],
            [("#A", 1, "", False), ("#b", 2, "news", True)],
        )
        names = [one.room for one in self.rooms(self.ann).rooms]
        self.assertEqual(names, ["#A", "#b", "#c", "@ann,ann"])

    def test_survey(self) -> None:
        """Outside, only rooms that anybody may enter are named, the fullest first."""
        self.do(self.ann, *[c.Join(room) for room in ("#a", "#b", "#c", "#d", "#e")])
        for room, change in (
            ("#c", PolicyChange(secret=True)),
            ("#d", PolicyChange(key="x")),
            ("#e", PolicyChange(invite_only=True)),
        ):
            self.do(self.ann, c.SetPolicy(room, change))
        self.do(self.ann, c.Say("@bob", "x"))
        self.do(self.bob, c.Join("#b"))
        told: list[Survey] = []
        self.hub.survey(9, told.append)
        self.hub.survey(1, told.append)
        self.assertEqual(told, [])
        self.run_hub()
        self.assertEqual(
            told,
            [Survey((("#b", 2), ("#a", 1)), 2), Survey((("#b", 2),), 2)],
        )

    def test_rooms_by_pages(self) -> None:
        """More rooms than a page are asked for again, after the last one."""
        names = [f"#{n:03}{WIDE * 38}" for n in range(240)]
        self.do(self.ann, *map(c.Join, names))
        self.do(self.ann, *[c.SetTopic(name, "t" * 390) for name in names])
        found: list[str] = []
        more = True
        while more:
            page = self.rooms(self.bob, found[-1] if found else "")
            self.assertLessEqual(len(msgspec.json.encode(page)), LINE_BYTES)
            found += [one.room for one in page.rooms]
            more = page.more
        self.assertEqual(found, names)

    def members_page(self, after: str = "") -> MemberList:
        """The members of room a, as bob is shown them."""
        self.bob.ask(c.ListMembers("#A", after))
        self.run_hub()
        answer = self.bob.words()[-1]
        assert isinstance(answer, MemberList)
        return answer

    def test_members(self) -> None:
        """Who is in a room, by nick; also for who isn't in it."""
        self.do(self.ann, c.Join("#a"), c.SetAway("tea"))
        self.do(self.connect("Aaron"), c.Join("#a"))
        found = self.members_page()
        self.assertEqual(
            [(one.nick, one.role, one.account, one.away) for one in found.members],
            [("Aaron", "member", None, False), ("ann", "owner", "ann", True)],
        )

    def test_members_by_pages(self) -> None:
        """More members than a page are asked for again, after the last one."""
        nicks = [f"g{n:04}{WIDE * 14}" for n in range(600)]
        for nick in nicks:
            self.connect(nick).ask(c.Join("#a"))
        self.run_hub()
        found: list[str] = []
        more = True
        while more:
            page = self.members_page(found[-1] if found else "")
            self.assertLessEqual(len(msgspec.json.encode(page)), LINE_BYTES)
            found += [one.nick for one in page.members]
            more = page.more
        self.assertEqual(found, nicks)

    def test_who_is_in_many_rooms(self) -> None:
        """Whoever is in very many rooms is shown within a line, too."""
        names = [f"#{n:03}{WIDE * 38}" for n in range(249)]
        self.do(self.ann, *map(c.Join, names))
        for n in range(100):
            self.connect(f"g{n}{WIDE * 14}")
            self.do(self.ann, c.Say(f"@g{n}{WIDE * 14}", "x"))
        self.ann.words()
        self.ann.ask(c.Who("ann"))
        self.run_hub()
        answer = self.ann.words()[-1]
        assert isinstance(answer, WhoIs)
        self.assertEqual(len(answer.rooms), ROOMS_SHOWN)
        self.assertLessEqual(len(msgspec.json.encode(answer)), LINE_BYTES)

    def test_members_of_a_secret_room(self) -> None:
        """A secret room does not exist for who is not in it."""
        self.do(self.ann, c.Join("#a"), c.SetPolicy("#a", PolicyChange(secret=True)))
        self.assertEqual(
            self.do(self.bob, c.ListMembers("#a"), c.Show("#a")),
            ["error no_such_room"] * 2,
        )

    def test_uncommitted(self) -> None:
        """A list that sees a join is told with it, not before."""
        self.do(self.ann, c.Join("#a"))
        self.store.hold()
        self.ann.ask(c.Say("#a", "x"))
        self.bob.ask(c.Join("#a"), c.ListMembers("#a"))
        self.run_hub()
        self.assertEqual(self.bob.writes, 0)
        self.store.release()
        self.assertEqual(self.bob.heard(), ["joined #a 3 bob", "room #a 3", "members"])

    def test_show(self) -> None:
        """A room as it is."""
        self.do(self.ann, c.Join("#a"))
        self.assertEqual(self.do(self.ann, c.Show("#a")), ["room #a 1"])

    def test_show_from_outside(self) -> None:
        """Who is not in a room is not told its key."""
        self.do(
            self.ann, c.Join("#a"), c.SetPolicy("#a", PolicyChange(key="open sesame"))
        )
        self.bob.ask(c.Show("#a"))
        self.run_hub()
        shown = self.bob.words()[-1]
        self.assertIsInstance(shown, RoomShown)
        self.assertNotIn("sesame", repr(shown))

    def who(self, nick: str) -> WhoIs:
        """What bob learns of somebody."""
        self.bob.ask(c.Who(nick))
        self.run_hub()
        answer = self.bob.words()[-1]
        assert isinstance(answer, WhoIs)
        return answer

    def test_who(self) -> None:
        """Away, idle, and the rooms that are open or shared."""
        self.do(self.ann, c.Join("#a"), c.Join("#s"), c.SetAway("tea"))
        self.do(self.ann, c.SetPolicy("#s", PolicyChange(secret=True)))
        self.world.advance(90)
        found = self.who("Ann")
        self.assertEqual((found.away, found.idle_s, found.rooms), ("tea", 90, ("#a",)))
        self.assertEqual((found.account, found.online), ("ann", True))

    def test_who_is_away_for_long(self) -> None:
        """An account that is offline, and a guest in its window."""
        self.do(self.ann, c.Bye())
        self.assertFalse(self.who("ann").online)
        guest = self.connect("guy", device="d1", window_s=300)
        self.do(guest, c.Join("#a"))
        self.lose(guest)
        self.assertTrue(self.who("guy").online)


class ControlTests(HubTestCase):
    """Asked on the control socket."""

    def setUp(self) -> None:
        super().setUp()
        self.control = self.peer()
        self.do(self.control, Enter(c.Hello("root"), Admission(control=True)))

    def test_status(self) -> None:
        """Counts of everything."""
        ann = self.connect("ann")
        self.do(ann, c.Join("#a"), c.Say("#a", "x"))
        self.world.advance(10)
        self.control.ask(c.Status(id=1))
        self.run_hub()
        (status,) = self.control.words()
        assert isinstance(status, StatusReport)
        self.assertEqual((status.sessions, status.users, status.rooms), (2, 1, 1))
        self.assertEqual(
            (status.events, status.uptime_s, status.healthy), (2, 10, True)
        )
        self.assertEqual((status.turns, status.commands), (4, 5))

    def test_sessions(self) -> None:
        """Every session, also those that have not said hello."""
        ann = self.connect("ann", account=True)
        self.do(ann, c.Join("#a"))
        self.peer()
        self.world.advance(5)
        self.control.ask(c.ListSessions())
        self.run_hub()
        (found,) = self.control.words()
        assert isinstance(found, SessionList)
        self.assertEqual(
            [
                (one.nick, one.account, one.rooms, one.connected_s)
                for one in found.sessions
            ],
            [("", None, 0, 5), ("ann", "ann", 1, 5), ("", None, 0, 5)],
        )

    def test_sessions_by_pages(self) -> None:
        """A page at a time, each session once."""
        for _ in range(ENTRIES_A_PAGE + 3):
            self.peer()
        numbers: list[int] = []
        more = True
        while more:
            self.control.ask(c.ListSessions(numbers[-1] if numbers else 0))
            self.run_hub()
            (found,) = self.control.words()
            assert isinstance(found, SessionList)
            numbers += [one.number for one in found.sessions]
            self.assertLessEqual(len(msgspec.json.encode(found)), LINE_BYTES)
            more = found.more
        self.assertEqual(len(numbers), ENTRIES_A_PAGE + 4)
        self.assertEqual(numbers, sorted(set(numbers)))

    def test_rooms(self) -> None:
        """Control sees all rooms."""
        ann = self.connect("ann")
        self.do(ann, c.Join("#a"), c.SetPolicy("#a", PolicyChange(secret=True)))
        self.control.ask(c.ListRooms())
        self.run_hub()
        (found,) = self.control.words()
        assert isinstance(found, RoomList)
        self.assertEqual([one.room for one in found.rooms], ["#a"])
        self.assertEqual(
            self.do(self.control, c.ListMembers("#a"), c.ListMembers("@ann")),
            ["members", "error no_such_room"],
        )

    def test_stop(self) -> None:
        """The server is asked to stop once this was answered."""
        self.assertEqual(self.do(self.control, c.Stop()), ["ok"])
        self.assertEqual(self.stops, 1)

    def test_for_control_only(self) -> None:
        """Others are refused."""
        ann = self.connect("ann")
        asked = [c.Status(), c.ListSessions(), c.Stop()]
        self.assertEqual(self.do(ann, *asked), ["error forbidden"] * 3)
        self.assertEqual(self.stops, 0)

    def test_signs_of_life(self) -> None:
        """A ping is answered, a pong is not."""
        ann = self.connect("ann")
        self.assertEqual(self.do(ann, c.Pong("x"), c.Ping("y")), ["pong y"])
