"""What an examination makes of what it meets."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from pathlib import Path

from click.testing import CliRunner
from twisted.trial.unittest import SynchronousTestCase

from relaychat.doctor.command import doctor
from relaychat.doctor.examine import Examination, Place, place_of
from relaychat.doctor.listen import DIALECT
from relaychat.doctor.probes import Heard
from relaychat.doctor.report import Outcome
from relaychat.doctor.verdicts import diagnose
from relaychat.net.dial import TLS_PORT
from relaychat.wire.discovery import Answer, Door
from tests.net.pki import make
from tests.net.shaking import Shaking

HERE = "127.0.0.1"


class PlaceTests(SynchronousTestCase):
    def test_places(self) -> None:
        """Names and addresses; a link-local one has its interface."""
        self.assertEqual(place_of(HERE), Place(ip_address(HERE)))
        self.assertEqual(place_of("::1"), Place(ip_address("::1")))
        self.assertEqual(place_of("localhost").ip.is_loopback, True)
        scoped = place_of("fe80::1%lo")
        self.assertEqual(
            scoped, Place(ip_address("fe80::1"), socket.if_nametoindex("lo"))
        )
        self.assertRaises(OSError, place_of, "no such host.invalid")
        error = self.assertRaises(ValueError, place_of, "fe80::1")
        self.assertIn("fe80::1%eth0", str(error))


class DoorTests(SynchronousTestCase):
    """A machine that has told of its door, on loopback."""

    def setUp(self) -> None:
        self.made = make("tea.test")
        self.shaking = Shaking(Path(self.mktemp()), self.made)
        self.addCleanup(self.shaking.stop)
        self.port = self.shaking.port

    def reach(self, fingerprint: str, tls: bool = True) -> Examination:
        """Reach a machine that answered, by UDP, with this door."""
        place = Place(ip_address(HERE))
        made = Examination(place, None, 1)
        door = Door(DIALECT, HERE, self.port, tls, fingerprint.replace(":", "").lower())
        said = Answer(name="tea", instance="0" * 16, at=0, doors=(door,))
        made.prober.heard.append(Heard("lo", "broadcast", HERE, said))
        made.report.target = made.aim(place)
        made.report.target.udp = Outcome.OK
        made.reach(place)
        return made

    def test_certificate(self) -> None:
        """A certificate is compared with the one that was announced; without one, and
        without TLS, there is nothing to compare."""
        for fingerprint, tls, what in (
            (self.made.fingerprint, True, "same"),
            ("AB" * 32, True, "other"),
            ("", True, "untold"),
            ("", False, "untold"),
        ):
            target = self.reach(fingerprint, tls).report.target
            assert target is not None
            self.assertEqual(target.certificate, what)
            self.assertEqual(target.door, f"{HERE}:{self.port}")
            self.assertEqual((target.tcp, target.name), (Outcome.OK, "tea"))

    def test_other_port(self) -> None:
        """The port that is not known before is tried when it is announced; what came of
        the usual one is forgotten."""
        place = Place(ip_address(HERE))
        made = Examination(place, None, 1)
        told = made._calls(place, TLS_PORT)
        for probe in told:
            probe.close()
            probe.outcome = Outcome.REFUSED
        made.report.target = made.aim(place)
        made._take(told)
        door = Door(DIALECT, HERE, self.port, True)
        said = Answer(name="tea", instance="0" * 16, at=0, doors=(door,))
        made.prober.heard.append(Heard("lo", "broadcast", HERE, said))
        made.reach(place)
        self.assertEqual(made.report.target.tcp, Outcome.OK)
        self.assertEqual(made.report.target.door, f"{HERE}:{self.port}")
        self.assertIn("lo", [row.name for row in made.report.rows])
        outcomes = {row.of("tcp") for row in made.report.rows}
        self.assertEqual(outcomes, {Outcome.OK})

    def test_no_tls(self) -> None:
        """A door that is open, and has no TLS, is told."""
        self.shaking.context = None
        report = self.reach(self.made.fingerprint).report
        told, _ = diagnose(report, {"udp_port": "1"})
        self.assertEqual(told.cause, "tls_fails")


class CommandTests(SynchronousTestCase):
    def test_usage(self) -> None:
        """What makes no sense is refused before anything is sent."""
        for words, text in (
            (["lan", "--listen", HERE], "--listen takes no ADDRESS"),
            (["lan", "--port", "0"], "0 is not in the range"),
            (["lan", "no such host.invalid"], ""),
            (["lan", "224.0.0.1"], "not one machine's address"),
            (["lan", "0.0.0.0"], "not one machine's address"),
            (["lan", "127.255.255.255"], "not one machine's address"),
        ):
            done = CliRunner().invoke(doctor, words)
            self.assertEqual(done.exit_code, 2, done.output)
            self.assertIn(text, done.output)
