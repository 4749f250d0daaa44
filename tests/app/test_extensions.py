"""What the configuration brings in: hooks, checkers, dialects, with their settings."""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IStreamServerEndpointStringParser
from twisted.plugin import IPlugin
from zope.interface import implementer

from relaychat.app.extensions import CannotBuild
from relaychat.app.manual import manual
from relaychat.extend import Dialect, Hook, Settings, Verdict, commands, events, verb
from tests.app.test_build import BuildCase, Peer
from tests.app.test_finding import FindCase

HERE = "tests.app.test_extensions"


class Manners(Settings, frozen=True):
    """How one has to speak."""

    words: tuple[str, ...] = ("please",)
    """One of these has to be said."""
    patience: int = 0
    """Messages that may do without."""


class Polite(Hook):
    """Remembers how often somebody was not."""

    name = "polite"
    settings = Manners()

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.heard: list[events.LogEvent] = []

    def before_say(self, user: Any, room: Any, event: Any) -> Verdict:
        """One of the words has to be in it."""
        rude = sum(
            event.text == "tea" for event in self.heard if hasattr(event, "text")
        )
        good = any(word in event.text for word in self.settings.words)
        fine = good or rude < self.settings.patience
        return Verdict.PASS if fine else Verdict.DENY

    def after_events(self, kept: list[events.LogEvent]) -> None:
        """Remember."""
        self.heard += kept


class Greet(Dialect):
    """Greets with a word of the configuration."""

    name = "greet"
    settings = Manners()
    acks = False

    @verb("IAM <nick>", early=True)
    def iam(self, nick: str) -> commands.Hello:
        """Say hello."""
        return commands.Hello(nick)

    @verb("GREET", early=True)
    def greet(self) -> str:
        """Say it."""
        return " ".join(self.settings.words)


class Broken(Hook):
    """Can't be made."""

    def __init__(self, world: Any) -> None:
        raise OSError("no luck")


class Nameless(Hook):
    """Has settings that nobody can give it."""

    settings = Manners()


def function(user: Any, room: Any, event: Any) -> Verdict:
    """A hook that is no class."""
    return Verdict.PASS


class SettingsTests(BuildCase):
    """``[extension.NAME]``."""

    def say(self, peer: Peer, text: str) -> str:
        """The first word of the answer to a message."""
        return str(peer.ask(type="send", room="#tea", text=text)[0]["type"])

    def ann(self, **table: Any) -> Peer:
        """Somebody in a room of a relay with the hook."""
        peer = Peer(
            self.relay(hooks={"use": [f"{HERE}:Polite"]}, **table), self.reactor
        )
        peer.ask(type="hello", nick="ann")
        peer.ask(type="join", room="#tea")
        return peer

    def test_defaults(self) -> None:
        """Without a section the defaults hold."""
        ann = self.ann()
        self.assertEqual(self.say(ann, "tea"), "error")
        self.assertEqual(self.say(ann, "tea, please"), "said")

    def test_section(self) -> None:
        """What the section says is what the hook is handed; the rest is default."""
        ann = self.ann(extension={"polite": {"patience": 1}})
        self.assertEqual(self.say(ann, "tea"), "said")
        self.assertEqual(self.say(ann, "tea"), "error")
        self.assertEqual(self.say(ann, "please"), "said")
        self.assertEqual(Polite.settings.patience, 0)

    def test_dialect(self) -> None:
        """A dialect has them in its verbs; the class that was written keeps its own."""
        doors = [{"dialect": f"{HERE}:Greet", "endpoint": "tcp:0"}]
        relay = self.relay(listen=doors, extension={"greet": {"words": ["hi", "you"]}})
        factory: Any = relay.doors[0].factory
        host = factory._host
        self.assertEqual(host.dialect.settings.words, ("hi", "you"))
        self.assertIsNot(host.dialect, Greet)
        self.assertIs(host.dialect.acks, False)
        self.assertEqual(Greet.settings.words, ("please",))

    def test_wrong(self) -> None:
        """What is wrong is named by its key, whoever's section it is."""
        use = {"use": [f"{HERE}:Polite"]}
        for table, words in (
            ({"polite": {"patience": "much"}}, "extension.polite.patience: expected"),
            (
                {"polite": {"pateince": 1}},
                "extension.polite.pateince: there is no such key "
                "(did you mean patience?)",
            ),
            ({"polight": {}}, "extension.polight: nothing that is in use"),
            ({"greet": {}}, "extension.greet: nothing that is in use"),
        ):
            with self.assertRaises(CannotBuild) as caught:
                self.relay(hooks=use, extension=table)
            self.assertIn(words, str(caught.exception))

    def test_manual(self) -> None:
        """The reference of the configuration shows the section when it is asked to."""
        page = manual(Polite)
        self.assertIn("## `[extension.polite]`\n\nHow one has to speak.", page)
        self.assertIn("| `patience` | `0` | Messages that may do without. |", page)
        self.assertIn("| `words` | `['please']` | One of these has to be said. |", page)


class HookTests(BuildCase):
    """``[hooks]``."""

    def test_wrong(self) -> None:
        """Each kind at its own key; what can't be made says why."""
        for hooks, words in (
            ({"before_say": [f"{HERE}:Polite"]}, "belongs into hooks.use"),
            ({"use": [f"{HERE}:function"]}, "is no Hook class"),
            ({"use": [f"{HERE}:Broken"]}, "can't be made: OSError: no luck"),
            ({"use": [f"{HERE}:Nameless"]}, "or it has no name"),
        ):
            with self.assertRaises(CannotBuild) as caught:
                self.relay(hooks=hooks)
            self.assertTrue(str(caught.exception).startswith("hooks."))
            self.assertIn(words, str(caught.exception))


PIGEON = f"""
from {HERE} import Pigeon
pigeon = Pigeon()
"""


@implementer(IPlugin, IStreamServerEndpointStringParser)
class Pigeon:
    """An endpoint of somebody's own: TCP, by another name."""

    prefix = "pigeon"

    def parseStreamServer(
        self, reactor: Any, *args: Any, **kwargs: Any
    ) -> TCP4ServerEndpoint:
        """See IStreamServerEndpointStringParser."""
        return TCP4ServerEndpoint(reactor, int(kwargs.get("port") or args[0]))


class EndpointTests(BuildCase, FindCase):
    """The fourth door: Twisted's own plugins, packages, and what is named outright."""

    def port(self, endpoint: str) -> int:
        """Where a listener with this endpoint listens."""
        relay = self.relay(listen=[{"dialect": "irc", "endpoint": endpoint}])
        self.successResultOf(relay.doors[0].endpoint.listen(relay.doors[0].factory))
        port: int = self.reactor.tcpServers[-1][0]
        return port

    def test_plugin(self) -> None:
        """A listener's endpoint may be of any kind that a plugin announces."""
        self.plugin("pigeon_plugin", PIGEON)
        self.assertEqual(self.port("pigeon:4711"), 4711)

    def test_entry_point(self) -> None:
        """Or a package, in its metadata."""
        self.package(f"[relaychat.endpoints]\npigeon = {HERE}:Pigeon\n")
        self.assertEqual(self.port("pigeon:port=47\\11"), 4711)

    def test_outright(self) -> None:
        """Or it is named by its module and class, before what it is told."""
        self.assertEqual(self.port(f"{HERE}:Pigeon:4711"), 4711)

    def test_twice(self) -> None:
        """Nobody takes a prefix that Twisted knows."""
        self.package(f"[relaychat.endpoints]\ntcp = {HERE}:Pigeon\n")
        with self.assertRaises(CannotBuild) as caught:
            self.port("tcp:4711")
        self.assertIn("'tcp' is announced twice", str(caught.exception))

    def test_wrong(self) -> None:
        """What is no endpoint, or makes none of what it is told, is an error that names
        the key."""
        for endpoint, words in (
            ("owl:4711", "no endpoint is called 'owl'"),
            (f"{HERE}:Polite:1", "is no endpoint"),
            (f"{HERE}:Pigeon:loft", "invalid literal for int()"),
        ):
            with self.assertRaises(CannotBuild) as caught:
                self.port(endpoint)
            self.assertTrue(str(caught.exception).startswith("listen[0].endpoint: "))
            self.assertIn(words, str(caught.exception))


class NameTests(BuildCase, FindCase):
    """The configuration calls things by the names that they are announced under."""

    def test_hook(self) -> None:
        """A hook and a dialect that one plugin announces."""
        self.plugin(
            "manners_plugin",
            f"from {HERE} import *\nfrom relaychat.extend import *\n"
            "it = HookPlugin(Polite)\nthat = HookPlugin(function, 'nothing')\n"
            "greet = DialectPlugin(Greet)\n",
        )
        relay = self.relay(
            listen=[{"dialect": "greet", "endpoint": "tcp:0"}],
            hooks={"use": ["polite"], "before_join": ["nothing"]},
        )
        factory: Any = relay.doors[0].factory
        self.assertEqual(factory._host.dialect.name, "greet")
        self.assertRaises(CannotBuild, self.relay, hooks={"use": ["rude"]})
