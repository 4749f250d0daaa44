"""What the configuration brings in by the doors: found, and handed its settings.

A class that has ``settings`` finds there what its section ``[extension.NAME]`` says;
``NAME`` is its own ``name``. It gets them as a class attribute of a subclass made for
this relay: so nothing has to be passed on, and two relays of a process differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from relaychat.app.config import Config, ConfigError, Settings, convert
from relaychat.app.finding import CHECKER, DIALECT, FACTORY, HOOK, CannotFind, Kind
from relaychat.hub.hooks import POINTS, Hook, Hooks
from relaychat.model.world import World
from relaychat.session.dialect import Dialect


class CannotBuild(Exception):
    """The configuration asks for what is not there. The text names the key."""


class Brought(NamedTuple):
    """The hooks and checkers of a relay."""

    hooks: Hooks
    whole: tuple[Hook, ...]
    """The hooks that are classes, made."""
    checkers: tuple[Any, ...]


class Extensions:
    """Finds what a configuration names, each once."""

    def __init__(self, config: Config) -> None:
        self._sections: Mapping[str, dict[str, Any]] = config.extension
        self._named: dict[tuple[str, str], Any] = {}
        self._taken: set[str] = set()

    def dialect(self, key: str, name: str) -> type[Dialect]:
        """The dialect that stands at a key of the configuration. Raises CannotBuild."""
        found: type[Dialect] = self._find(DIALECT, key, name)
        return found

    def factory(self, key: str, name: str) -> Any:
        """The factory that stands at a key. Raises CannotBuild."""
        return self._find(FACTORY, key, name)

    def bring(
        self,
        config: Config,
        world: World,
        reactor: Any,
        on_error: Callable[[str], None],
    ) -> Brought:
        """The hooks and checkers that the configuration names. Raises CannotBuild."""
        hooks = Hooks(on_error)
        for point in POINTS:
            for name in getattr(config.hooks, point):
                function = self._find(HOOK, f"hooks.{point}", name)
                if isinstance(function, type):
                    raise CannotBuild(f"hooks.{point}: {name} belongs into hooks.use")
                getattr(hooks, point).append(function)
        whole = tuple(self._whole(name, world) for name in config.hooks.use)
        for one in whole:
            hooks.add(one)
        key = "accounts.checkers"
        checkers = [
            self._made(key, name, self._find(CHECKER, key, name), reactor)
            for name in config.accounts.checkers
        ]
        return Brought(hooks, whole, tuple(checkers))

    def check_sections(self) -> None:
        """Raises CannotBuild for settings of what is not in use."""
        for name in self._sections:
            if name not in self._taken:
                raise CannotBuild(
                    f"extension.{name}: nothing that is in use has settings of this"
                    " name"
                )

    def _whole(self, name: str, world: World) -> Hook:
        key = "hooks.use"
        found = self._find(HOOK, key, name)
        if not (isinstance(found, type) and issubclass(found, Hook)):
            raise CannotBuild(f"{key}: {name} is no Hook class")
        made: Hook = self._made(key, name, found, world)
        return made

    def _made(self, key: str, name: str, found: Any, argument: Any) -> Any:
        try:
            return found(argument)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise CannotBuild(f"{key}: {name} can't be made: {why}") from error

    def _find(self, kind: Kind, key: str, name: str) -> Any:
        known = self._named.get((kind.name, name))
        if known is None:
            try:
                known = self._configured(kind.find(name))
            except CannotFind as error:
                raise CannotBuild(f"{key}: {error}") from None
            except ConfigError as error:
                raise CannotBuild(str(error)) from None
            self._named[kind.name, name] = known
        return known

    def _configured(self, found: Any) -> Any:
        """With the settings of its section. Raises ConfigError, CannotFind."""
        default = getattr(found, "settings", None)
        if not isinstance(found, type) or default is None:
            return found
        name = getattr(found, "name", "")
        if not isinstance(default, Settings) or not name:
            raise CannotFind(
                f"{found.__qualname__}: its settings are no Settings, or it has no name"
            )
        self._taken.add(name)
        return with_settings(found, settings_of(default, name, self._sections))


def settings_of(
    default: Settings, name: str, sections: Mapping[str, dict[str, Any]]
) -> Settings:
    """What a section says, and the default where it is silent. Raises ConfigError."""
    said = sections.get(name, {})
    return convert(
        {**msgspec.to_builtins(default), **said}, type(default), f"extension.{name}"
    )


def with_settings(found: type, settings: Settings) -> Any:
    """The same class with these settings."""
    body = {"settings": settings, "__module__": found.__module__}
    return type(found)(found.__name__, (found,), {**body, "__doc__": found.__doc__})
