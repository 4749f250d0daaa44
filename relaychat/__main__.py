"""``python -m relaychat`` is the command ``relaychat``."""

from __future__ import annotations

from relaychat.app.command import main

main(prog_name="relaychat")
