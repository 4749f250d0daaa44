"""The smallest dialect's test, as ``docs/extending.md`` shows it."""

from __future__ import annotations

from examples.shout import Shout
from relaychat.testing.conformance import check_dialect
from relaychat.testing.relay import RelayTestCase


class ShoutTests(RelayTestCase):
    """SHOUT, in whole conversations."""

    dialect = Shout

    def test_say_reaches_the_room_in_capitals(self) -> None:
        """What one member says, every member of the room reads, in capitals."""
        self.converse(
            """
            ann> IAM ann
            ann> JOIN #tea
            bob> IAM bob
            bob> JOIN #tea
            ann> SAY #tea two lumps, please
            ann< #tea ann: TWO LUMPS, PLEASE
            bob< #tea ann: TWO LUMPS, PLEASE
            """
        )

    def test_conforms(self) -> None:
        """It does what every dialect does."""
        check_dialect(Shout)
