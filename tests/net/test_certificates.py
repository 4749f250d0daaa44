"""Certificates by name, and their renewal."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from twisted.logger import LogEvent, Logger, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from relaychat.net.certificates import LOOK_S, Certificates, Looked, Source
from relaychat.net.tls import Clients, Pair, TLSError
from relaychat.testing.world import SimulatedWorld
from tests.net.pki import FOR_CLIENTS, NOW, Made, client, make, server_of, shown

DAY = timedelta(days=1)


class CertificatesCase(SynchronousTestCase):
    """A folder, a clock, and a log."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.world = SimulatedWorld()
        self.world.set_wall(int(NOW.timestamp() * 1000))
        self.told: list[LogEvent] = []
        self.remember: Any = self.told.append

    def put(self, name: str, made: Made) -> Made:
        """A certificate in the folder, its key beside it."""
        made.put(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        return made

    def serve(self, source: Source, name: str = "") -> Certificates:
        """Load them, and look at them from now on."""
        log = Logger(namespace="tls", observer=self.remember)
        found = Certificates(source, self.world, log, name)
        found.load()
        found.start()
        self.addCleanup(found.stop)
        return found

    def log(self) -> list[str]:
        """What was logged since the last time."""
        lines = [formatEvent(event) for event in self.told]
        self.told.clear()
        return lines

    def shown(self, served: Certificates, name: str = "", **options: Any) -> str:
        """The fingerprint that a client sees who asks for a name."""
        return shown(server_of(served.connections()), client(name, **options))


class ChoiceTests(CertificatesCase):
    """Which one a client gets."""

    def setUp(self) -> None:
        super().setUp()
        self.a = self.put("a", make("a.test", "www.a.test"))
        self.b = self.put("b", make("b.test", "*.b.test"))

    def test_names(self) -> None:
        """Each gets the one for its name, in any spelling, wildcards too."""
        served = self.serve(Source(folder=self.folder))
        for name, made in (
            ("a.test", self.a), ("WWW.A.test", self.a), ("b.test", self.b),
            ("x.b.test", self.b), ("a.test.", self.a),
        ):  # fmt: skip
            self.assertEqual(self.shown(served, name), made.fingerprint, name)

    def test_wildcard(self) -> None:
        """A wildcard stands for one label, and what is exact comes first."""
        exact = self.put("c", make("x.b.test"))
        served = self.serve(Source(folder=self.folder))
        self.assertEqual(self.shown(served, "x.b.test"), exact.fingerprint)
        self.assertIsNone(served.find("x.y.b.test"))
        self.assertIsNone(served.find("test"))

    def test_default(self) -> None:
        """Who asks for no name, or an unknown one, gets the default: the one that is
        named, else the relay's own, else the first."""
        for default, own, made in (
            ("b.test", "a.test", self.b), ("", "any.b.test", self.b),
            ("", "other.test", self.a), ("", "", self.a),
        ):  # fmt: skip
            served = self.serve(Source(folder=self.folder, default=default), own)
            for name in ("", "unknown.test", "test"):
                self.assertEqual(self.shown(served, name), made.fingerprint)

    def test_no_default(self) -> None:
        """A default that is not there is an error."""
        source = Source(folder=self.folder, default="c.test")
        error = self.assertRaises(TLSError, self.serve, source)
        self.assertIn("no certificate for c.test", str(error))

    def test_two_for_a_name(self) -> None:
        """Of two for one name it is the one that is valid, and longer."""
        longer = self.put("c", make("a.test", ends=40 * DAY))
        self.put("d", make("a.test", begins=DAY, ends=90 * DAY))
        self.put("e", make("a.test", ends=20 * DAY))
        served = self.serve(Source(folder=self.folder))
        self.assertEqual(self.shown(served, "a.test"), longer.fingerprint)

    def test_one(self) -> None:
        """One certificate is for all names, and needs none."""
        one = make()
        served = self.serve(Source(one.put(self.folder / "one.pem")))
        for name in ("", "a.test"):
            self.assertEqual(self.shown(served, name), one.fingerprint)

    def test_client_certificates(self) -> None:
        """Clients are asked behind every name, for the same authority's."""
        authority = make("people", authority=True)
        ca = self.folder / "people.pem"
        ca.write_bytes(authority.certificate_pem())
        ann = make("ann", by=authority, usage=FOR_CLIENTS)
        source = Source(folder=self.folder, clients=Clients(authority=ca))
        served = self.serve(source)
        for name in ("a.test", "b.test", "c.test"):
            server = server_of(served.connections())
            shown(server, client(name, shows=ann))
            found: Any = server.get_peer_certificate(as_cryptography=True)
            self.assertEqual(found, ann.certificate)


class FirstLoadTests(CertificatesCase):
    """At the start everything has to be right."""

    def refused(self, source: Source) -> str:
        """Why a source can't be loaded."""
        return str(self.assertRaises(TLSError, self.serve, source))

    def test_empty(self) -> None:
        """A folder without any, and one that is not there."""
        text = self.refused(Source(folder=self.folder))
        self.assertIn("there is no certificate with its key in it", text)
        text = self.refused(Source(folder=self.folder / "no"))
        self.assertIn("no: No such file", text)

    def test_broken(self) -> None:
        """One that is broken is named."""
        self.put("a", make("a.test"))
        (self.folder / "b.crt").write_text("half")
        (self.folder / "b.key").write_text("half")
        self.assertIn("b.crt and", self.refused(Source(folder=self.folder)))

    def test_no_names(self) -> None:
        """One without a name is of no use among several; an authority may lie there."""
        self.put("ca", make("authority", authority=True))
        self.put("a", make("a.test"))
        self.assertEqual(len(self.serve(Source(folder=self.folder)).served()), 1)
        self.put("b", make())
        self.assertIn("for no host name", self.refused(Source(folder=self.folder)))


class RenewalTests(CertificatesCase):
    """Files that change while the relay runs."""

    def setUp(self) -> None:
        super().setUp()
        self.old = self.put("a", make("a.test"))
        self.other = self.put("b", make("b.test"))
        self.served = self.serve(Source(folder=self.folder, default="a.test"))

    def test_noticed(self) -> None:
        """A renewed pair is served within a minute, and one line says so."""
        new = self.put("a", make("a.test", "www.a.test"))
        self.assertEqual(self.shown(self.served, "a.test"), self.old.fingerprint)
        self.world.advance(60)
        for name in ("a.test", "www.a.test", ""):
            self.assertEqual(self.shown(self.served, name), new.fingerprint)
        [line] = self.log()
        self.assertIn(
            f"a.crt: for a.test, www.a.test, until {NOW + 30 * DAY:%Y-%m-%d},"
            f" SHA-256 {new.fingerprint}",
            line,
        )
        self.world.advance(600)
        self.assertEqual(self.log(), [])

    def test_at_once(self) -> None:
        """Who asks for it gets the answer at once."""
        new = self.put("b", make("b.test"))
        looked = self.served.look(anyway=True)
        self.assertEqual(len(looked.changed), 1)
        self.assertEqual(looked.problems, ())
        self.assertEqual(self.shown(self.served, "b.test"), new.fingerprint)
        self.assertEqual(self.served.look(anyway=True), Looked())

    def test_certbot(self) -> None:
        """certbot renews by pointing its links elsewhere."""
        live, archive = self.folder / "live" / "c.test", self.folder / "archive"
        live.mkdir(parents=True)
        for number in (1, 2):
            made = make("c.test")
            made.put(archive / f"fullchain{number}.pem", archive / f"key{number}.pem")
            for link, name in (("fullchain.pem", "fullchain"), ("privkey.pem", "key")):
                (live / link).unlink(missing_ok=True)
                (live / link).symlink_to(f"../../archive/{name}{number}.pem")
            self.world.advance(LOOK_S)
            self.assertEqual(self.shown(self.served, "c.test"), made.fingerprint)

    def test_broken(self) -> None:
        """A broken renewal keeps the old pair, and is told once."""
        for broken in (b"", b"-----BEGIN CERTIFICATE-----\nMIIB", os.urandom(100)):
            (self.folder / "a.crt").write_bytes(broken)
            self.world.advance(300)
            self.assertEqual(self.shown(self.served, "a.test"), self.old.fingerprint)
            [line] = self.log()
            self.assertIn("certificate not taken, what was served before stays", line)
            self.assertIn("a.crt and", line)
        self.assertEqual(len(self.served.look(anyway=True).problems), 1)

    def test_half_written(self) -> None:
        """A certificate whose key is still the old one waits for the new one."""
        new = make("a.test")
        (self.folder / "a.crt").write_bytes(new.certificate_pem())
        self.world.advance(LOOK_S)
        self.assertIn("a.key is not the key of", " ".join(self.log()))
        self.assertEqual(self.shown(self.served, "a.test"), self.old.fingerprint)
        (self.folder / "a.key").unlink()
        self.world.advance(LOOK_S)
        self.assertEqual(self.shown(self.served, "a.test"), self.old.fingerprint)
        (self.folder / "a.key").write_bytes(new.key_pem())
        self.world.advance(LOOK_S)
        self.assertEqual(self.shown(self.served, "a.test"), new.fingerprint)

    def test_every_half(self) -> None:
        """Cut anywhere, a renewed file is either taken as a whole or not at all."""
        new = make("a.test")
        whole = new.certificate_pem()
        for end in range(0, len(whole), 61):
            (self.folder / "a.crt").write_bytes(whole[:end])
            self.served.look()
            self.assertEqual(self.shown(self.served, "a.test"), self.old.fingerprint)

    def test_more_and_less(self) -> None:
        """A new pair comes in, one that was taken away is served no more."""
        new = self.put("c", make("c.test"))
        for kind in ("crt", "key"):
            (self.folder / f"b.{kind}").unlink()
        self.world.advance(LOOK_S)
        self.assertEqual(self.shown(self.served, "c.test"), new.fingerprint)
        self.assertEqual(self.shown(self.served, "b.test"), self.old.fingerprint)
        self.assertEqual(sum("b.crt is not there any more" in x for x in self.log()), 1)

    def test_all_away(self) -> None:
        """With nothing left the old ones stay, and that is told once."""
        for path in list(self.folder.iterdir()):
            path.unlink()
        self.world.advance(600)
        self.assertEqual(self.shown(self.served, "b.test"), self.other.fingerprint)
        [line] = self.log()
        self.assertIn("there is no certificate with its key in it", line)

    def test_no_folder(self) -> None:
        """The same if the folder itself is away."""
        self.folder.rename(self.folder.with_name("away"))
        self.world.advance(600)
        self.assertEqual(self.shown(self.served, "b.test"), self.other.fingerprint)
        self.assertEqual(len(self.log()), 1)

    def test_default_gone(self) -> None:
        """The default stays the default, though its name is gone."""
        self.put("a", make("renamed.test"))
        self.world.advance(600)
        self.assertEqual(self.shown(self.served), self.old.fingerprint)
        self.assertEqual(sum("which is to be the default" in x for x in self.log()), 1)

    def test_handshake_under_way(self) -> None:
        """A handshake that began before a renewal ends well, with the new one."""
        server, end = server_of(self.served.connections()), client("a.test")
        new = self.put("a", make("a.test"))
        self.served.look()
        self.assertEqual(shown(server, end), new.fingerprint)

    def test_stopped(self) -> None:
        """Nothing is left of it when it stops."""
        self.served.stop()
        self.served.stop()
        self.assertIsNone(self.world.next_us())


class AuthorityTests(CertificatesCase):
    """Whom the certificates of clients are signed by."""

    def test_renewed(self) -> None:
        """Another authority counts from then on; a broken one changes nothing."""
        made = make("a.test").put(self.folder / "a.pem")
        first, second = (make("people", authority=True) for _ in range(2))
        ca = self.folder / "people"
        ca.write_bytes(first.certificate_pem())
        served = self.serve(Source(made, clients=Clients(authority=ca)))
        ann = make("ann", by=first, usage=FOR_CLIENTS)
        bob = make("bob", by=second, usage=FOR_CLIENTS)
        self.shown(served, shows=ann)
        ca.write_bytes(b"junk")
        self.world.advance(LOOK_S)
        self.assertIn(str(ca), " ".join(self.log()))
        self.shown(served, shows=ann)
        ca.write_bytes(second.certificate_pem())
        self.world.advance(LOOK_S)
        self.shown(served, shows=bob)
        with self.assertRaises(Exception):  # noqa: B017
            self.shown(served, shows=ann)


class WarningTests(CertificatesCase):
    """A certificate's end is told before it comes."""

    def serve_one(self, ends: timedelta) -> None:
        """Serve one that ends then."""
        pair: Pair = make("a.test", ends=ends).put(self.folder / "a.pem")
        self.serve(Source(pair))

    def test_soon(self) -> None:
        """Within two weeks it is told once a day, and then that it is over."""
        self.serve_one(ends=15 * DAY)
        day = f"{NOW + 15 * DAY:%Y-%m-%d}"
        for hours, words in (
            (0, []), (23, []), (24, ["expires on"]), (47, []), (48, ["expires on"]),
            (48.2, []), (360, ["has expired on"]),
        ):  # fmt: skip
            self.world.set_wall(int((NOW.timestamp() + hours * 3600) * 1000))
            self.world.advance(LOOK_S)
            found = [
                f"certificate {self.folder / 'a.pem'}: {one} {day}" for one in words
            ]
            self.assertEqual(self.log(), found)

    def test_at_the_start(self) -> None:
        """One that is over is told at once."""
        self.serve_one(ends=timedelta(minutes=-5))
        self.assertEqual(len(self.log()), 1)
