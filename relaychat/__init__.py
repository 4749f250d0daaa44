"""relaychat: one relay, every wire, and no message ever lost."""

__version__ = "0.1.0"
