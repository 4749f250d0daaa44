"""The configuration: TOML into frozen typed sections, checked as a whole, once.

Everything has a default, so no file is needed. What is unknown or out of bounds is an
error that names the file and the key. ``docs/configuration.md`` is made from this file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace
from twisted.internet.endpoints import quoteStringArgument

from relaychat.app.likely import hint, keys_beside
from relaychat.hub.limits import Limits as HubLimits
from relaychat.net.datagrams import PORT
from relaychat.net.discovery import Rates
from relaychat.net.listen import Guard
from relaychat.net.outlet import Bounds
from relaychat.net.proxied import Proxies
from relaychat.net.reach import Network
from relaychat.session.limits import Limits as SessionLimits
from relaychat.wire.misfit import expected, misfit

S = TypeVar("S", bound=Struct)


class ConfigError(Exception):
    """A configuration that can't be used. The text names the key, for people."""


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all sections."""


class Settings(Section, frozen=True):
    """Base of an extension's own section, ``[extension.NAME]``. Everything has a
    default."""


HostName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?\Z",
        description="a host name of at most 63 characters",
    ),
]


class Server(Section, frozen=True):
    """The relay itself."""

    name: HostName = "relaychat.localhost"
    """How the relay calls itself: in welcomes, as the source of its IRC lines, as the
    host in ban masks."""
    data: str = "relaychat-data"
    """Folder of everything that it keeps: database, sockets, development certificate.
    Relative to the configuration file, or to where the relay was started."""


class Store(Section, frozen=True):
    """Where the log lives."""

    kind: Literal["sqlite", "memory"] = "sqlite"
    """``memory`` forgets everything at the end; it is for trying things out."""
    file: str = "relaychat.db"
    """The database, relative to the data folder."""


class Listen(Section, frozen=True):
    """A door: one dialect, or one factory, at one endpoint. One ``[[listen]]`` for
    each; any at all replace the defaults as a whole."""

    endpoint: str
    """A Twisted server endpoint string; ``{data}`` stands for the data folder. TCP
    endpoints get this relay's backlog and buffer sizes."""
    dialect: str = ""
    """``native``, ``irc``, ``control``, the name of a plugin, or ``module:Class``."""
    factory: str = ""
    """In the place of a dialect: a protocol factory of Twisted's, by the name of a
    plugin or ``module:name``, or what is called with the relay's ``Premises`` and
    returns one. See ``docs/extending.md``."""
    tls: str = ""
    """Name of the ``[tls.NAME]`` section to encrypt with; empty for plain."""
    proxies: tuple[str, ...] = ()
    """Addresses and networks of the proxies that this door stands behind, and ``unix``
    for those that come by a UNIX socket. They tell who their peers are by the PROXY
    protocol, version 1 or 2, before anything else (before TLS, too); nobody else is let
    in here."""

    @property
    def name(self) -> str:
        """Of what listens here."""
        return self.dialect or self.factory


class Tls(Section, frozen=True):
    """Certificates for listeners, as ``[tls.NAME]``. Where none is named, a self-signed
    one for development is made in the data folder at the first start. Files that have
    changed are noticed within a minute, and at once by ``relaychat ctl reload``;
    connections that are there go on. ``docs/tls.md`` says how to come by them."""

    certificate: str = ""
    """PEM file: the certificate, then its chain. Relative to the configuration file."""
    key: str = ""
    """PEM file of the private key; empty if it is in the certificate's file."""
    folder: str = ""
    """In the place of one certificate: a folder of several, of which each client gets
    the one for the name that it asks for (SNI, wildcards too). It holds ``NAME.crt`` or
    ``NAME.pem`` with ``NAME.key``, or is certbot's ``/etc/letsencrypt/live``."""
    default: str = ""
    """Which of the folder a client gets that asks for no name, or for an unknown one:
    a host name. Empty for the relay's own ``server.name``, or the first one."""
    client_certificates: bool = False
    """Ask clients for a certificate: accounts may log in by its fingerprint, whoever
    signed it. Who has none comes in all the same."""
    client_ca: str = ""
    """PEM file of authorities: ask clients for a certificate, and refuse one that none
    of these has signed."""


class Accounts(Section, frozen=True):
    """Who may come in, and who stays."""

    guests: bool = True
    """Whether people without an account may come in."""
    guest_password: str = ""
    """What guests have to give, all the same; empty for nothing."""
    register: Literal["closed", "open", "invited"] = "closed"
    """Who may make an account: administrators only; everybody; who has a ticket, which
    administrators make. 5 an hour from one address."""
    password_chars: Annotated[int, Meta(ge=1, le=64)] = 8
    """Characters that a new password has at least: NIST SP 800-63B's bound. Those that
    are in use already stay good."""
    unix: bool = False
    """Whether users of this machine log in by themselves on UNIX sockets, to the
    account of their login name, which is made at the first time."""
    checkers: tuple[str, ...] = ()
    """Checkers of ``twisted.cred`` for names that have no password here (LDAP, PAM, a
    program), each by its name or as ``module:name``, called with the reactor. See
    ``docs/accounts.md``."""
    window_s: Annotated[int, Meta(ge=0, le=86_400)] = 300
    """Seconds after which a lost native connection counts as gone. IRC: at once."""


class Hooks(Section, frozen=True):
    """Code of the house's own, asked before or told after, each by the name that it is
    announced under or as ``module:function``. See ``docs/extending.md``."""

    before_say: tuple[str, ...] = ()
    """Before messages, edits and reactions."""
    before_join: tuple[str, ...] = ()
    """Before somebody enters a room."""
    before_change: tuple[str, ...] = ()
    """Before topic, role, policy, ban, kick, invitation and redaction."""
    after_events: tuple[str, ...] = ()
    """With the log events that were just delivered."""
    use: tuple[str, ...] = ()
    """Hook classes, ``module:Class``: asked wherever they have a method for, behind the
    functions above."""


class Discovery(Section, frozen=True):
    """Being found on the local network, by questions over UDP and by mDNS: see
    ``docs/discovery.md``. The relay is heard of wherever one of its doors can be
    reached: with the default doors, on this machine alone."""

    enabled: bool = True
    """Whether it answers at all."""
    port: Annotated[int, Meta(ge=1, le=65535)] = PORT
    """UDP port of the questions. Clients ask at 7602 unless they are told otherwise.
    Several relays of one machine may have the same."""
    interfaces: tuple[str, ...] = ()
    """Names of the network interfaces to be found by; empty for all by which a door can
    be reached."""
    networks: tuple[str, ...] = ()
    """Networks whose addresses are answered although they are not on the link (another
    VLAN), or although they are public ones."""
    rooms: bool = True
    """Whether public rooms are named, with how many are in them. Where guests can't
    come in, or need a password, they are not named in any case."""
    mdns: bool = True
    """Whether doors beyond loopback are announced by mDNS too; needs ``zeroconf``
    (``pip install 'relaychat[mdns]'``)."""


class Log(Section, frozen=True):
    """What the relay says about itself. It never logs a message."""

    format: Literal["text", "json"] = "text"
    """``json`` writes one object a line."""
    level: Literal["debug", "info", "warn", "error"] = "info"
    """The least that is written."""
    file: str = ""
    """File to append to, relative to the configuration file; empty for where twistd
    logs to (with ``json``: standard output)."""


class Limits(Section, frozen=True):
    """Bounds. Each has a unit in its name and a reason. Those of ``guard`` are lifted
    by 0, the others by a number as large as one likes (rates: ``inf``)."""

    guard: Guard = Guard()
    """Who may connect. This machine's own peers are exempt."""
    outlet: Bounds = Bounds()
    """What is held for one who reads slowly."""
    session: SessionLimits = SessionLimits()
    """What one connection may do. This machine's own peers have no rates."""
    hub: HubLimits = HubLimits()
    """Texts, rooms, people, and what is kept of them in memory."""
    discovery: Rates = Rates()
    """How often it answers by UDP."""


LISTEN = (
    Listen(dialect="native", endpoint="tcp:7600:interface=127.0.0.1"),
    Listen(dialect="native", endpoint="tcp:7601:interface=127.0.0.1", tls="default"),
    Listen(dialect="irc", endpoint="tcp:6667:interface=127.0.0.1"),
    Listen(dialect="irc", endpoint="tcp:6697:interface=127.0.0.1", tls="default"),
    Listen(dialect="native", endpoint="unix:{data}/native.sock:mode=600"),
    Listen(dialect="control", endpoint="unix:{data}/control.sock:mode=600"),
)
"""The doors of a relay that was told nothing: this machine only."""


class Config(Section, frozen=True):
    """The whole configuration. ``read`` makes its paths whole."""

    server: Server = Server()
    store: Store = Store()
    listen: tuple[Listen, ...] = LISTEN
    tls: dict[str, Tls] = msgspec.field(default_factory=lambda: {"default": Tls()})
    accounts: Accounts = Accounts()
    hooks: Hooks = Hooks()
    discovery: Discovery = Discovery()
    extension: dict[str, dict[str, Any]] = {}
    """Settings of an extension that is in use, by its name; what may be in it is the
    extension's to say. See ``docs/extending.md``."""
    limits: Limits = Limits()
    log: Log = Log()


def read(file: str = "", data: str = "") -> Config:
    """The configuration in a file, or the defaults; ``data`` overrides the data folder.

    Raises ConfigError.
    """
    if not file:
        return _with_paths(from_mapping({}), Path(), data)
    try:
        config = from_mapping(tomllib.loads(Path(file).read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from None
    except (ConfigError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from None
    return _with_paths(config, Path(file).parent, data)


def _with_paths(config: Config, base: Path, data: str) -> Config:
    """The same with every relative path put behind what it is relative to."""

    def whole(name: str, folder: Path = base) -> str:
        return str(folder / name) if name else ""

    home = Path(data or whole(config.server.data))
    # Twisted's function leaves the equals sign, which would end an option's name.
    quoted = quoteStringArgument(str(home)).replace("=", "\\=")
    return replace(
        config,
        server=replace(config.server, data=str(home)),
        store=replace(config.store, file=whole(config.store.file, home)),
        listen=tuple(
            replace(
                one,
                endpoint=one.endpoint.replace("{data}", quoted),
            )
            for one in config.listen
        ),
        tls={
            name: replace(
                one,
                certificate=whole(one.certificate),
                key=whole(one.key),
                folder=whole(one.folder),
                client_ca=whole(one.client_ca),
            )
            for name, one in config.tls.items()
        },
        log=replace(config.log, file=whole(config.log.file)),
    )


def from_mapping(table: dict[str, Any]) -> Config:
    """A configuration of what TOML holds. Raises ConfigError."""
    sections = {name: value for name, value in table.items() if name != "tls"}
    named = table.get("tls", {})
    if not isinstance(named, dict):
        raise ConfigError("tls: sections are called [tls.NAME]")
    tls = {name: convert(value, Tls, f"tls.{name}") for name, value in named.items()}
    config = convert(sections, Config, "")
    # The development certificate is there under its name unless that was given another.
    config = replace(config, tls={"default": Tls(), **tls})
    for problem in _problems(config):
        raise ConfigError(problem)
    return config


def convert(value: object, kind: type[S], where: str) -> S:
    """A section of what TOML holds, at this key. Raises ConfigError."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        field, text = misfit(str(error), expected(kind))
        key = ".".join(filter(None, [where, field]))
        text = text.replace("an object", "a table")
        if text.endswith("no such field"):
            beside = keys_beside(kind, field)
            text = f"there is no such key{hint(field.rpartition('.')[2], beside)}"
        raise ConfigError(f"{key}: {text}") from None


def _problems(config: Config) -> Iterator[str]:
    """What types alone can't tell."""
    yield from _out_of_bounds(config.limits, "limits")
    if not config.listen:
        yield "listen: a relay without a door has no use; leave it out for the defaults"
    seen: set[str] = set()
    for index, listen in enumerate(config.listen):
        key = f"listen[{index}]"
        if bool(listen.dialect) == bool(listen.factory):
            yield f"{key}: needs a dialect, or a factory"
        if listen.tls and listen.tls not in config.tls:
            yield f"{key}.tls: there is no section [tls.{listen.tls}]"
        try:
            Proxies(listen.proxies)
        except ValueError as error:
            yield f"{key}.proxies: {error}"
        if ":" not in listen.endpoint:
            yield f"{key}.endpoint: expected an endpoint like tcp:7600"
        if listen.endpoint in seen:
            yield f"{key}.endpoint: {listen.endpoint} is there already"
        seen.add(listen.endpoint)
    try:
        networks(config.discovery)
    except ValueError as error:
        yield f"discovery.networks: {error}"
    yield from _tls_problems(config)


def _tls_problems(config: Config) -> Iterator[str]:
    for name, tls in config.tls.items():
        if tls.key and not tls.certificate:
            yield f"tls.{name}.certificate: is needed beside a key"
        if tls.folder and tls.certificate:
            yield f"tls.{name}.folder: stands in the place of a certificate"
        if tls.default and not tls.folder:
            yield f"tls.{name}.default: is one of several, so it needs a folder"


def networks(discovery: Discovery) -> tuple[Network, ...]:
    """The networks that are answered beside those on the link. Raises ValueError."""
    return tuple(ip_network(one) for one in discovery.networks)


def _out_of_bounds(section: Struct, where: str) -> Iterator[str]:
    least = 0 if isinstance(section, Guard) else 1e-9
    for field in section.__struct_fields__:
        value, key = getattr(section, field), f"{where}.{field}"
        if isinstance(value, Struct):
            yield from _out_of_bounds(value, key)
        elif not value >= least:
            bound = "0 or more" if least == 0 else "more than 0"
            yield f"{key}: expected {bound}, got {value}"
