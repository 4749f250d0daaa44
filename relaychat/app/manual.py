"""The manual of the configuration, made from its sections: ``docs/configuration.md``.

``python -m relaychat.app.manual > docs/configuration.md`` makes it anew. With the names
of extensions behind it, their sections are in it.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from textwrap import dedent
from typing import Any

from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from relaychat.app.config import LISTEN, Config, Listen, Tls
from relaychat.app.finding import KINDS, CannotFind
from relaychat.session.limits import Rate

HEAD = """\
# Configuration

One TOML file, given as `twistd relaychat --config FILE`. No file is needed: everything
has a default, and the defaults listen on this machine only. `--data FOLDER` overrides
the data folder. `--check` tries all that the file names (folders, dialects, endpoints,
certificates, hooks), listens nowhere (so it finds no port that is taken), writes
nothing, and ends. What is wrong is an error that names the file and the key; the relay
does not start. Modules may lie beside the file.

Peers on this machine (loopback, UNIX sockets) are exempt from the limits of addresses
and of speed (`limits.guard`, the rates of `limits.session`): they stand for many
people, as a proxy does, or are the owner's own programs.

A relay for the world, with a certificate of its own:

```toml
[server]
name = "chat.example.org"
data = "/var/lib/relaychat"

[tls.public]
certificate = "/etc/relaychat/fullchain.pem"
key = "/etc/relaychat/privkey.pem"

[[listen]]
dialect = "irc"
endpoint = "tcp:6697:interface=0.0.0.0"
tls = "public"

[[listen]]
dialect = "native"
endpoint = "tcp:7601:interface=0.0.0.0"
tls = "public"

[[listen]]
dialect = "control"
endpoint = "unix:{data}/control.sock"
```

A relay under a load test, with the flood and per-address limits lifted:

```toml
[limits.guard]
per_address = 0
new_per_address = 0

[limits.session]
guest_rate = { per_s = inf, burst = 1_000_000 }
account_rate = { per_s = inf, burst = 1_000_000 }
flight_commands = 100_000
flight_bytes = 100_000_000
```

This page is made from the code: `python -m relaychat.app.manual`. With the names of
extensions behind it (`module:Class`, too) their sections are in it.
"""


def manual(*extensions: Any) -> str:
    """The whole page, with the sections of these extensions."""
    parts = list(_section("", Config, Config()))
    for one in extensions:
        parts += _section(f"extension.{one.name}", type(one.settings), one.settings)
    return _linked("\n".join([HEAD, *_contents(parts), *parts]))


def _contents(parts: list[str]) -> Iterator[str]:
    """The sections, each with its first sentence."""
    yield "| section | |\n| --- | --- |"
    for part in parts:
        if found := re.match(r"## `(.*)`\n\n(.*?)(?:\. [A-Z]|$)", part, re.M):
            anchor = re.sub(r"[^\w-]", "", found[1]).lower()
            yield f"| [`{found[1]}`](#{anchor}) | {found[2].rstrip('.')} |"
    yield ""


def _linked(page: str) -> str:
    """With links to the pages that it names."""
    return re.sub(r"`docs/(\w+\.md)`", r"[\1](\1)", page)


def _section(name: str, kind: type[Struct], made: Any) -> Iterator[str]:
    """A section's heading, its table, then the sections in it."""
    told = _told(kind)
    plain, inner = [], []
    for field in fields(kind):
        section = _inside(field)
        if section is None:
            plain.append(field)
        else:
            inner.append((field.name, section))
    if plain and kind is not Config:
        yield f"## `{_heading(name, kind)}`\n\n{_prose(kind.__doc__ or '')}\n"
        yield "| key | default | |\n| --- | --- | --- |"
        for field in plain:
            default = _default(field, made)
            yield f"| `{field.name}` | {default} | {told.get(field.name, '')} |"
        yield ""
    if kind is Listen:
        yield _default_doors()
    for key, section in inner:
        path = f"{name}.{key}" if name else key
        if section is Tls:
            path += ".NAME"
        yield from _section(path, section, getattr(made, key, None))
    if kind is Config:
        yield f"## `[extension.NAME]`\n\n{told['extension']}\n"


def _heading(name: str, kind: type[Struct]) -> str:
    return f"[[{name}]]" if kind is Listen else f"[{name}]"


def _inside(field: FieldInfo) -> type[Struct] | None:
    """The section behind a key, if it is one. Rates are values in one line."""
    for kind in (field.type, *getattr(field.type, "__args__", ())):
        if isinstance(kind, type) and issubclass(kind, Struct) and kind is not Rate:
            return kind
    return None


def _default(field: FieldInfo, made: Any) -> str:
    value = getattr(made, field.name, field.default) if made else field.default
    if value is NODEFAULT:
        return "needed"
    if isinstance(value, Rate):
        return f"`{{ per_s = {value.per_s:g}, burst = {value.burst} }}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{json.dumps(value)}`"


def _default_doors() -> str:
    lines = ["The default ones:\n", "```toml"]
    for one in LISTEN:
        lines += ["[[listen]]", f'dialect = "{one.dialect}"']
        lines += [f'endpoint = "{one.endpoint}"']
        lines += [f'tls = "{one.tls}"'] if one.tls else []
        lines += [""]
    return "\n".join([*lines[:-1], "```\n"])


def _told(kind: type[Struct]) -> dict[str, str]:
    """What stands under each field in the source, and its literal choices."""
    told: dict[str, str] = {}
    body = ast.parse(dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    for field, text in zip(body.body, body.body[1:], strict=False):
        if not (
            isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        ):
            continue
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            told[field.target.id] = _prose(str(text.value.value))
    for info in fields(kind):
        choices = getattr(info.type, "__args__", ())
        if choices and all(isinstance(choice, str) for choice in choices):
            listed = ", ".join(f"`{choice}`" for choice in choices)
            told[info.name] = f"One of {listed}. {told.get(info.name, '')}".strip()
    return told


def _prose(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("``", "`")).strip()


def _extension(name: str) -> Any:
    """An extension with settings, by whichever door. Exits if there is none."""
    for kind in KINDS:
        with suppress(CannotFind):
            found = kind.find(name)
            if getattr(found, "settings", None) is not None:
                return found
    sys.exit(f"{name}: is no extension with settings")


if __name__ == "__main__":
    sys.path.append("")
    sys.stdout.write(manual(*map(_extension, sys.argv[1:])))
