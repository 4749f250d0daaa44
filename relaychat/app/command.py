"""The command ``relaychat`` as a whole: the client's commands, and the tools beside
them."""

from __future__ import annotations

from relaychat.client.command import main as main
from relaychat.testing.simulation.command import simulate

main.add_command(simulate)
