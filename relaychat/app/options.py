"""The options of the tap ``relaychat``."""

from __future__ import annotations

import sys

from twisted.python import usage

from relaychat.app.config import Config, ConfigError, read


class Options(usage.Options):
    """What stands behind ``twistd relaychat``."""

    synopsis = "[options]"
    longdesc = (
        "Runs a chat relay. Without a configuration it listens on this machine only:"
        " native on port 7600, IRC on 6667, both with TLS on 7601 and 6697, and keeps"
        " everything in the folder relaychat-data."
    )
    optParameters = [
        ["config", "c", "", "Configuration file (TOML); see docs/configuration.md."],
        ["data", "d", "", "Data folder, in place of the configuration's."],
    ]
    optFlags = [["check", None, "Check the configuration, and end."]]

    config: Config

    def postOptions(self) -> None:
        """Read the configuration. If it is wrong, one line says so, and the end."""
        try:
            self.config = read(self["config"], self["data"])
        except ConfigError as error:
            sys.exit(f"relaychat: {error}")
        if self["check"]:
            sys.stdout.write("relaychat: the configuration is good\n")
            sys.exit(0)
