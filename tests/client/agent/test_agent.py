"""The agent and its local programs, against a relay in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet.testing import StringTransport

from relaychat.client.agent.agent import Agent, told
from relaychat.client.agent.local import FLIGHT, Local
from relaychat.client.happenings import (
    Complaint,
    Down,
    Entered,
    Exited,
    Kept,
    Parting,
    Refused,
    Rejected,
    Shut,
    Up,
)
from relaychat.client.link import LONGEST_DELAY_S
from relaychat.client.state import StateError
from relaychat.model import events
from relaychat.model.commands import Say
from tests.client.test_api import ClientTestCase

DEVICE = "0123456789abcdef" * 2


class Program(StringTransport):
    """A local program: what it says, and what it was told."""

    def __init__(self, agent: Agent) -> None:
        super().__init__()
        self.local = Local(agent)
        self.local.makeConnection(self)

    def say(self, *words: dict[str, Any]) -> None:
        self.local.dataReceived(b"".join(json.dumps(w).encode() + b"\n" for w in words))

    def told(self, *kinds: str) -> list[dict[str, Any]]:
        words = [json.loads(line) for line in self.value().splitlines()]
        self.clear()
        return [word for word in words if not kinds or word["type"] in kinds]

    def texts(self) -> list[str]:
        return [word["text"] for word in self.told("said")]


class AgentTestCase(ClientTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.agent = self.start("#tea")
        self.bob = self.up("bob", "#tea")
        self.heard_by_bob = self.heard(self.bob)

    def start(self, *rooms: str) -> Agent:
        agent = Agent(
            self.place.clock, self.client(name="agent"), Path(self.mktemp()), rooms
        )
        agent._reactor = NoSockets()
        agent.startService()
        self.place.run()
        return agent

    def restart(self) -> None:
        """kill -9 of the agent, and a new one."""
        self.crash(self.agent.client)
        self.agent = self.start()

    def away(self) -> None:
        """The relay is away, until ``back``."""
        self._relay, self.place.relay = self.relay, None
        self.place.cut()

    def back(self) -> None:
        self.place.relay = self._relay
        self.place.advance(LONGEST_DELAY_S)

    def program(self, device: str = "", **hello: Any) -> Program:
        program = Program(self.agent)
        if device:
            program.say({"type": "hello", "nick": "x", "device": device, **hello})
            self.place.run()
        return program


class NoSockets:
    """A reactor that listens nowhere."""

    def listenUNIX(self, path: str, factory: Any, mode: int) -> NoSockets:
        return self

    async def stopListening(self) -> None:
        """Nothing to stop."""


def say(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "send", "room": "#tea", "text": text, **more}


class SendTests(AgentTestCase):
    def test_without_hello(self) -> None:
        """One line is enough to send, and is answered when it is in the log."""
        program = self.program()
        program.say(say("done", id="a"))
        self.place.run()
        self.assertEqual(self.heard_by_bob, [("ann", "done")])
        (answer,) = program.told()
        self.assertEqual((answer["type"], answer["id"]), ("ok", "a"))
        self.assertIn("seq", answer)

    def test_offline(self) -> None:
        """What was taken goes out when the server is back, also when both the program
        and the agent died meanwhile."""
        self.away()
        self.program().say(say("one"), say("two"))
        self.restart()
        self.program(DEVICE).say(say("three", cid=1))
        self.back()
        self.assertEqual([text for _, text in self.heard_by_bob],
                         ["one", "two", "three"])  # fmt: skip

    def test_resent(self) -> None:
        """A cid is taken once: while it is on its way, after it was answered, after
        the agent died in between."""
        program = self.program(DEVICE)
        program.say(say("x", cid=1))
        self.place.run()
        program.say(say("x", cid=1))
        self.away()
        program.say(say("y", cid=2), say("y", cid=2))
        self.restart()
        program = self.program(DEVICE)
        self.assertEqual(program.told("welcome")[0]["cid"], 2)
        program.say(say("y", cid=2), say("x", cid=1), say("z", cid=3))
        self.back()
        self.assertEqual([text for _, text in self.heard_by_bob], ["x", "y", "z"])
        answers = program.told("ok")
        self.assertEqual({one["cid"] for one in answers}, {1, 2, 3})

    def test_reused(self) -> None:
        """Another text under the same cid is refused; so is a cid without a device,
        and one that is too old to be known."""
        program = self.program(DEVICE)
        program.say(say("x", cid=5000))
        self.place.run()
        program.say(say("y", cid=5000), say("z", cid=1))
        codes = [one["code"] for one in program.told("error")]
        self.assertEqual(codes, ["cid_reused", "cid_reused"])
        other = self.program()
        other.say(say("x", cid=1))
        self.assertEqual(other.told()[0]["code"], "cid_needs_device")

    def test_refused(self) -> None:
        """What the server refuses, the program is told."""
        program = self.program(DEVICE)
        program.told()
        program.say({"type": "send", "room": "#nowhere", "text": "x", "cid": 1})
        self.place.run()
        self.assertEqual(program.told()[0]["cid"], 1)

    def test_full_disk(self) -> None:
        """What can't be written is refused for now, and all behind it until it comes
        again: the order stays."""
        program, file = self.program(DEVICE), self.agent.client.file
        program.told()
        file._db.execute("CREATE TRIGGER full BEFORE INSERT ON unsent BEGIN"
                         " SELECT RAISE(ABORT, 'disk full'); END")  # fmt: skip
        program.say(say("a", cid=1))
        file._db.execute("DROP TRIGGER full")
        program.say(say("b", cid=2))
        self.assertEqual([one["retry"] for one in program.told()], [True, True])
        program.say(say("a", cid=1), say("b", cid=2))
        self.place.run()
        self.assertEqual([text for _, text in self.heard_by_bob], ["a", "b"])

    def test_answers_are_forgotten(self) -> None:
        """The answers of long ago are not kept for ever."""
        program = self.program(DEVICE)
        for first in range(1, 2050, 50):
            program.say(*[say("x", cid=n) for n in range(first, first + 50)])
            self.place.run()
        self.assertLess(len(self.agent.client.file.labels("")), 1200)

    def test_not_read(self) -> None:
        """A program with too much on its way is not read until it is answered."""
        self.away()
        program = self.program(DEVICE)
        program.say(*[say("x", cid=n + 1) for n in range(FLIGHT + 1)])
        self.assertEqual(program.producerState, "paused")
        self.back()
        self.assertEqual(program.producerState, "producing")

    def test_questions_not_read(self) -> None:
        """Nor is one that has very much asked for what the server has to answer."""
        program = self.program()
        program.say(*[{"type": "history", "room": "#tea"}] * (FLIGHT + 1))
        self.assertEqual(program.producerState, "paused")
        self.place.run()
        self.assertEqual(len(program.told("history")), FLIGHT + 1)
        self.assertEqual(program.producerState, "producing")

    def test_who_does_not_read_is_not_read(self) -> None:
        """What one asks that does not read its answers waits with it, not in memory;
        whichever it is that one is not read for, it is over when all is."""
        program = self.program(DEVICE)
        program.local.pauseProducing()
        self.assertEqual(program.producerState, "paused")
        program.say(*[say("x", cid=n + 1) for n in range(FLIGHT + 1)])
        program.local.resumeProducing()
        self.assertEqual(program.producerState, "paused")
        program.local.pauseProducing()
        self.place.run()
        self.assertEqual(program.producerState, "paused")
        program.local.resumeProducing()
        self.assertEqual(program.producerState, "producing")

    def test_nonsense(self) -> None:
        """What is no command is answered, and is no reason to hang up."""
        program = self.program()
        program.local.dataReceived(b"\n \nwhat\n")
        self.assertEqual([one["code"] for one in program.told()], ["bad_syntax"])


class ListenTests(AgentTestCase):
    def test_join_and_listen(self) -> None:
        """Without hello one hears of the rooms that one joined here."""
        deaf, program = self.program(), self.program()
        program.say({"type": "join", "room": "#tea", "id": 1})
        (room,) = program.told()
        self.assertEqual((room["type"], room["id"]), ("room", 1))
        self.bob.send("#tea", "hello")
        self.place.run()
        self.assertEqual((program.texts(), deaf.told()), (["hello"], []))

    def test_new_room(self) -> None:
        """A room that the agent is not in is joined for the program, and one that does
        not exist for it is an error."""
        program = self.program()
        program.say({"type": "join", "room": "#new", "id": 1},
                    {"type": "join", "room": "nonsense", "id": 2})  # fmt: skip
        self.place.run()
        self.assertEqual({one["type"] for one in program.told()}, {"room", "error"})

    def test_resume(self) -> None:
        """A cursor is gone on from, through the log, to what is live."""
        program = self.program()
        program.say({"type": "join", "room": "#tea"})
        room = program.told()[0]
        for n in range(1200):
            self.bob.send("#tea", str(n))
        self.place.run()
        self.assertEqual(len(program.texts()), 1200)
        cursor = {"epoch": room["epoch"], "seq": room["seq"]}
        other = self.program(DEVICE, resume={"#tea": cursor})
        self.bob.send("#tea", "live")
        self.place.run()
        self.assertEqual(other.texts(), [*map(str, range(1200)), "live"])

    def test_other_epoch(self) -> None:
        """A cursor of another life of the room is told so by a gap."""
        program = self.program(DEVICE, resume={"#tea": {"epoch": "old", "seq": 9}})
        (gap,) = program.told("gap")
        self.assertEqual((gap["first"], gap["reason"]), (10, "reset"))

    def test_slow(self) -> None:
        """Who does not read is not sent more, and is given it from the log later."""
        program = self.program(DEVICE)
        program.told()
        program.local.pauseProducing()
        for n in range(700):
            self.bob.send("#tea", str(n))
        self.place.run()
        self.assertEqual(program.texts(), [])
        program.local.resumeProducing()
        self.place.run()
        self.assertEqual(program.texts(), list(map(str, range(700))))

    def test_over_a_lost_link(self) -> None:
        """What is missed while the link is away comes once, in order."""
        program = self.program(DEVICE)
        self.away()
        self.back()
        self.bob.send("#tea", "1")
        self.place.advance(LONGEST_DELAY_S)
        self.assertEqual(program.texts(), ["1"])

    def test_asks(self) -> None:
        """What else there is to ask is asked for the program; without a connection it
        is told that the answer is lost."""
        program = self.program()
        program.say({"type": "rooms", "id": 7}, {"type": "ping", "id": 8},
                    {"type": "pong", "token": ""})  # fmt: skip
        self.place.run()
        answers = {one["id"]: one["type"] for one in program.told()}
        self.assertEqual(answers, {7: "rooms", 8: "pong"})
        self.away()
        program.say({"type": "rooms", "id": 9})
        self.assertEqual(program.told()[0]["code"], "lost")
        self.back()

    def test_mark_and_leave(self) -> None:
        """Markers and rooms are the user's."""
        program = self.program(DEVICE)
        self.bob.send("#tea", "hello")
        self.place.run()
        seq = program.told("said")[0]["seq"]
        program.say({"type": "mark", "room": "#tea", "seq": seq, "id": 1})
        self.assertEqual(program.told()[0]["type"], "marked")
        self.assertEqual(self.agent.client.rooms["#tea"].unread, 0)
        program.say({"type": "part", "room": "#tea", "id": 2})
        self.place.run()
        self.assertEqual(self.agent.client.rooms, {})
        program.say({"type": "bye"})
        self.assertEqual(program.told("bye")[0]["code"], "bye")
        program.local.connectionLost()
        self.assertEqual(self.agent.locals, [])

    def test_stop(self) -> None:
        """When the agent stops, programs are hung up on and the file is free."""
        program = self.program(DEVICE)
        stopped = self.agent.stopService()
        self.place.run()
        self.successResultOf(stopped)
        self.assertTrue(program.disconnecting)
        self.client(name="agent")


class WordTests(AgentTestCase):
    def test_long_path(self) -> None:
        """A path that no socket can have is an error of its own."""
        client = self.client(name="other")
        path = Path("x" * 200)
        self.assertRaises(StateError, Agent, self.place.clock, client, path)

    def test_words(self) -> None:
        """Each happening of the link has its words, or none."""
        fault = events.Fault("banned", "no")
        for happening, text in (
            (Down("gone"), "down: gone; trying again"),
            (Shut("#a", fault), "not let into #a: no"),
            (Rejected(fault), "refused: no"),
            (Complaint(fault), "refused: no"),
            (Parting(events.Goodbye("bye", "later")), "the server closes: later"),
            (Exited("#a"), "out of #a"),
            (Refused(Say("#a", "x"), fault), "a message to #a was refused: no"),
            (Kept(Say("#a", "x", cid=1), events.Done()), ""),
        ):
            self.assertEqual(told(happening), text)
        self.assertEqual(told(Up(events.Welcome("a", "s", "x", 1))), "up as a on s")
        self.assertEqual(told(Entered(events.RoomShown("#a", "e", 3))), "in #a, at 3")
