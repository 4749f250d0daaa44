"""Finding what extends the relay, by name: one way for all doors.

An extension is found under the name that it is announced by: as a plugin (``Plugin``,
in a ``twisted/plugins`` directory) or as an entry point in the door's group. Or it is
named outright, as ``module:Class``. Endpoints that are plugins are Twisted's own kind
of plugin (``app.endpoints``).

What is announced under one name from two places is an error, whichever the places are:
else the order of a path would decide who speaks. Whatever is the same object counts
once, so a package may announce its dialect both ways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, NamedTuple, cast

from twisted.internet.interfaces import (
    IProtocolFactory,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import IPlugin, getPlugins
from twisted.python.modules import getModule
from zope.interface import Attribute, Interface, implementer

from relaychat.app.likely import hint
from relaychat.session.dialect import Dialect

API = 1
"""The version of what extensions build on: ``relaychat.extend`` and the test tools."""
APIS = (1,)
"""The versions that this relay understands."""


class CannotFind(Exception):
    """Nothing is announced under this name, or two things are, or what is named can't
    be imported or does not fit the door. The text says which, and where."""


class IExtension(Interface):
    """Announces something that extends the relay."""

    door: str = Attribute("Which door it is for: ``dialect``, ``hook``, …")
    name: str = Attribute("As it is called in the configuration.")
    found: Any = Attribute("The class, function or factory.")


@implementer(IPlugin, IExtension)
class Plugin:
    """Announces an extension to ``twisted.plugin``: an instance in a plugin module is
    all. Subclasses are for one door each."""

    door: ClassVar[str]

    def __init__(self, found: Any, name: str = "") -> None:
        """``name`` may be left out for what has a ``name`` itself.

        Raises ValueError.
        """
        self.name: str = name or getattr(found, "name", "")
        self.found = found
        if not self.name:
            raise ValueError(f"{found!r} is announced without a name")


class DialectPlugin(Plugin):
    """Announces a dialect."""

    door = "dialect"


class HookPlugin(Plugin):
    """Announces a hook: a function, or a ``Hook`` class."""

    door = "hook"


class CheckerPlugin(Plugin):
    """Announces a checker of passwords: what is called with the reactor and returns
    one."""

    door = "checker"


class FactoryPlugin(Plugin):
    """Announces a factory of Twisted's: what ``[[listen]] factory`` can name."""

    door = "factory"


class Kind(NamedTuple):
    """One kind of extension, and how it is found."""

    name: str
    group: str
    """Of entry points."""
    fits: Callable[[Any], bool]
    """Whether something can come in by it."""
    built_in: Mapping[str, str] = {}
    """Also found where the package was not installed."""

    def find(self, name: str) -> Any:
        """What has this name, or is called ``module:name``. Raises CannotFind."""
        if ":" in name:
            return self._fitting(_load(name), name)
        found_plugins = getPlugins(cast(Any, IExtension))
        plugins = [one for one in found_plugins if one.door == self.name]
        places = list(self._announced(name, plugins))
        if not places:
            none = (
                f"no {self.name} is called {name!r}{hint(name, self._names(plugins))}"
            )
            raise CannotFind("; ".join([none, *_bad()]))
        found = {id(one): where for one, where in reversed(places)}
        if len(found) > 1:
            both = ", and by ".join(reversed(found.values()))
            raise CannotFind(f"the {self.name} {name!r} is announced twice: by {both}")
        one, where = places[0]
        return self._fitting(one, where)

    def _names(self, plugins: list[Any]) -> Iterator[str]:
        """All names that are announced."""
        yield from self.built_in
        yield from (one.name for one in entry_points(group=self.group))
        yield from (plugin.name for plugin in plugins)

    def _announced(self, name: str, plugins: list[Any]) -> Iterator[tuple[Any, str]]:
        """All that is announced under a name, and where."""
        if name in self.built_in:
            yield _load(self.built_in[name]), f"relaychat itself ({name})"
        for entry_point in entry_points(group=self.group, name=name):
            yield _announced(_load(entry_point.value)), _place(entry_point)
        for plugin in plugins:
            if plugin.name == name:
                yield plugin.found, _source(plugin.found)

    def _fitting(self, found: Any, where: str) -> Any:
        found = _announced(found)
        if not self.fits(found):
            raise CannotFind(f"{where} is no {self.name}")
        wanted = getattr(found, "api", API)
        if wanted not in APIS:
            raise CannotFind(f"{where} is for API {wanted}, and this relay has {API}")
        return found


def _announced(found: Any) -> Any:
    """What a plugin announces, where something is named by it."""
    return found.found if isinstance(found, Plugin) else found


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        return getattr(import_module(module), name)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise CannotFind(f"{path!r} can't be imported: {why}") from error


def _place(entry_point: EntryPoint) -> str:
    dist = entry_point.dist
    whose = f"{dist.name} {dist.version}" if dist else "a package"
    return f"{whose} ({entry_point.value})"


def _source(found: Any) -> str:
    """Where something is written, as far as Python knows."""
    module = getattr(found, "__module__", type(found).__module__)
    file = getattr(import_module(module), "__file__", None)
    return f"the plugin {file or module}"


def _bad() -> Iterator[str]:
    """Plugin modules that can't be imported. Twisted logs these and goes on, so that
    one of them does not stop programs that it does not concern."""
    for module in getModule("twisted.plugins").iterModules():
        try:
            module.load()
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            yield f"the plugin {module.filePath.path} can't be imported: {why}"


def _is_dialect(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, Dialect)


DIALECT = Kind(
    "dialect",
    "relaychat.dialects",
    _is_dialect,
    {
        "native": "relaychat.session.native:Native",
        "irc": "relaychat.session.irc.dialect:Irc",
        "control": "relaychat.session.control:Control",
    },
)


def _is_factory(found: Any) -> bool:
    return callable(found) or IProtocolFactory.providedBy(found)


def _is_endpoint(found: Any) -> bool:
    wanted: Any = IStreamServerEndpointStringParser
    if isinstance(found, type):
        return bool(wanted.implementedBy(found))
    return bool(wanted.providedBy(found))


HOOK = Kind("hook", "relaychat.hooks", callable)
CHECKER = Kind("checker", "relaychat.checkers", callable)
FACTORY = Kind("factory", "relaychat.factories", _is_factory)
ENDPOINT = Kind("endpoint", "relaychat.endpoints", _is_endpoint)
KINDS = (DIALECT, HOOK, CHECKER, FACTORY, ENDPOINT)
