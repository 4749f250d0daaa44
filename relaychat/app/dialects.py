"""Finding dialects by name: the first door of extension.

A dialect is found under its own name where it is announced: by a ``DialectPlugin`` in a
``twisted/plugins`` directory, or by an entry point in the group ``relaychat.dialects``.
Or it is named outright, as ``module:Class``."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, cast

from twisted.plugin import IPlugin, getPlugins
from zope.interface import Attribute, Interface, implementer

from relaychat.session.dialect import Dialect

GROUP = "relaychat.dialects"
BUILT_IN = {
    "native": "relaychat.session.native:Native",
    "irc": "relaychat.session.irc.dialect:Irc",
    "control": "relaychat.session.control:Control",
}
"""Also found where the package was not installed."""


class IDialectPlugin(Interface):
    """Announces a dialect."""

    name: str = Attribute("As it is called in the configuration.")
    dialect: type[Dialect] = Attribute("The class.")


@implementer(IPlugin, IDialectPlugin)
class DialectPlugin:
    """Announces a dialect to ``twisted.plugin``: an instance in a plugin module is
    all."""

    def __init__(self, dialect: type[Dialect]) -> None:
        self.name = dialect.name
        self.dialect = dialect


class NoSuchDialect(Exception):
    """No dialect is announced under this name, or it can't be imported."""


def find_dialect(name: str) -> type[Dialect]:
    """The dialect of this name. Raises NoSuchDialect."""
    if ":" in name:
        return _load(name)
    if name in BUILT_IN:
        return _load(BUILT_IN[name])
    for entry_point in entry_points(group=GROUP, name=name):
        return _load(entry_point.value)
    for plugin in getPlugins(cast(Any, IDialectPlugin)):
        if plugin.name == name:
            return cast(type[Dialect], plugin.dialect)
    raise NoSuchDialect(f"no dialect is called {name!r}")


def _load(path: str) -> type[Dialect]:
    module, _, name = path.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise NoSuchDialect(f"{path!r} can't be imported: {error}") from error
    if isinstance(found, DialectPlugin):
        found = found.dialect
    if not (isinstance(found, type) and issubclass(found, Dialect)):
        raise NoSuchDialect(f"{path!r} is not a dialect")
    return found
