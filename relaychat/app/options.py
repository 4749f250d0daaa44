"""The options of the tap ``relaychat``."""

from __future__ import annotations

import sys
from pathlib import Path

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
    optFlags = [
        ["check", None, "Check the configuration and all that it names, and end."]
    ]

    config: Config

    def postOptions(self) -> None:
        """Read the configuration. If it is wrong, one line says so, and the end.

        What it names as ``module:…`` may lie beside it.
        """
        file = self["config"]
        try:
            self.config = read(file, self["data"])
        except ConfigError as error:
            sys.exit(f"relaychat: {error}")
        if file:
            sys.path.append(str(Path(file).parent.absolute()))
        if self["check"]:
            self._check(file)

    def _check(self, file: str) -> None:
        # The relay's parts are imported when they are needed, not for twistd's help.
        from twisted.internet import reactor

        from relaychat.app.build import check
        from relaychat.app.extensions import CannotBuild
        from relaychat.app.reasons import reason_of

        try:
            check(self.config, reactor)
        except (CannotBuild, OSError) as error:
            why = reason_of(error)
            sys.exit(f"relaychat: {file}: {why}" if file else f"relaychat: {why}")
        sys.stdout.write("relaychat: the configuration is good\n")
        sys.exit(0)
