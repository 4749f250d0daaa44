"""Causes and cures, as a table: which facts make which verdict.

A rule fits if each fact that it names is one of its words. Of ``VERDICTS`` the first
one that fits is the verdict, so each may rely on those above it; of ``HINTS`` all that
fit are told. Nothing here asks the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address

from msgspec import Struct

from relaychat.doctor.report import PROBES, Report, Row, Target, answering, facts

WELL = "all_well"
"""The verdict when nothing is wrong."""


class Rule(Struct, frozen=True):
    """Facts, and what they mean. In the texts ``{…}`` are names of this network."""

    cause: str
    when: Mapping[str, str]
    """By fact: the words that fit, with spaces between them."""
    says: str
    cure: str

    def fits(self, found: Mapping[str, str]) -> bool:
        """Whether all that it names is so."""
        return all(
            found.get(name) in words.split() for name, words in self.when.items()
        )


class Told(Struct, frozen=True):
    """A rule that fits, in the words of this network."""

    cause: str
    says: str
    cure: str


_BLOCKED = "silent unreachable"
_NOT = f"{_BLOCKED} refused"

VERDICTS = (
    Rule(
        "no_interface", {"interface": "none"},
        "No network interface is up and has an address: this machine is on no network.",
        "Plug the cable in, or join the Wi-Fi. `ip address` shows what there is.",
    ),
    Rule(
        "no_route", {"route": "none"},
        "No route leads from this machine to {target}: it is in none of its networks"
        " ({networks}), and no gateway is set.",
        "Give both machines addresses of one network, or set a gateway.",
    ),
    Rule(
        "wrong_interface", {"route": "wrong"},
        "Wrong interface: {target} answers on {answers}, but this machine sends to it"
        " by {sends}.",
        "Two interfaces claim the same network, or a route points elsewhere. Give them"
        " different networks, switch {sends} off, or set the route: ip route replace"
        " {target} dev {answers}",
    ),
    Rule(
        "other_certificate", {"certificate": "other"},
        "The certificate at {door} is not the one that {target} announces. Somebody"
        " else answers, by UDP or by TCP.",
        "Before you log in there, compare the fingerprint with the one that the relay"
        " prints at its start.",
    ),
    Rule(
        "firewall_here", {"udp": "denied"},
        "A firewall on this machine forbids to send UDP to {target}.",
        "Allow UDP port {udp_port} out. `nft list ruleset` shows the rules.",
    ),
    Rule(
        "firewall_here", {"tcp": "denied"},
        "A firewall on this machine forbids to connect to {door}.",
        "Allow that TCP port out. `nft list ruleset` shows the rules.",
    ),
    Rule(
        "firewall_here", {"broadcast": "denied"},
        "A firewall on this machine forbids to send broadcasts.",
        "Allow UDP port {udp_port} out. `nft list ruleset` shows the rules.",
    ),
    Rule(
        "isolated",
        {"neighbour": "missing", "udp": _NOT, "tcp": _NOT, "gateway": "ok",
         "wireless": "yes"},
        "On this Wi-Fi the router answers and {target} does not, not even to ARP: the"
        " access point keeps its stations apart, or that machine is off.",
        "Switch client isolation (AP isolation, guest network) off in the access point,"
        " or take a cable.",
    ),
    Rule(
        "absent", {"neighbour": "missing", "udp": _NOT, "tcp": _NOT},
        "On this network nobody has the address {target}: it does not answer ARP.",
        "See whether that machine is on, has this address now, and hangs on the same"
        " switch or VLAN.",
    ),
    Rule(
        "not_listening", {"udp": "refused", "tcp": "refused"},
        "{target} is there, and no relay listens: it refuses UDP port {udp_port} and"
        " {door}.",
        "Start the relay there, with a door beyond loopback (interface=0.0.0.0 in its"
        " [[listen]]).",
    ),
    Rule(
        "no_discovery", {"udp": "refused", "tcp": "ok"},
        "{door} is open, and nobody there answers discovery.",
        "Switch it on in the relay: [discovery] enabled = true, and this network's"
        " interface among its interfaces. Or name the server: --server.",
    ),
    Rule(
        "all_blocked", {"udp": _NOT, "tcp": _NOT},
        "UDP and TCP are blocked: {target} answers neither port {udp_port} by UDP nor"
        " {door} by TCP.",
        "Allow both in the firewall of {target}; on another network also in those of"
        " the routers between.",
    ),
    Rule(
        "tcp_blocked", {"udp": "ok", "tcp": _NOT},
        "TCP is blocked: {target} answers by UDP, and {door} can't be connected to.",
        "Allow that TCP port in the firewall of {target}, and see that the relay"
        " listens there.",
    ),
    Rule(
        "tls_fails", {"certificate": "failed"},
        "{door} can be connected to, and no TLS comes about there.",
        "See whether another program has that port, or something on the way cuts TLS.",
    ),
    Rule(
        "udp_blocked", {"udp": _BLOCKED, "tcp": "ok", "route": "right"},
        "UDP is blocked: {door} opens by TCP, and UDP port {udp_port} is silent.",
        "Allow UDP port {udp_port} in the firewall of {target}. Until then name the"
        " server: --server.",
    ),
    Rule(
        "other_network", {"udp": _BLOCKED, "tcp": "ok", "route": "gateway"},
        "{target} is on another network: {door} opens by TCP, and discovery gets no"
        " answer through the router.",
        "Name this network in the relay's [discovery] networks, and allow UDP port"
        " {udp_port} on the way. Or name the server: --server.",
    ),
    Rule(
        "other_network", {"udp": "ok", "tcp": "ok", "route": "gateway"},
        "{target} is on another network, where broadcast and multicast do not come. By"
        " its address all is well.",
        "Ask for it by its address (relaychat discover --ask {target}), or name the"
        " server: --server.",
    ),
    Rule(
        "broadcast_multicast_filtered",
        {"udp": "ok", "broadcast": "silent", "multicast": "silent"},
        "Broadcast and multicast are filtered: {target} answers only when it is asked"
        " by its address.",
        "A firewall on this machine may drop the answers, as they come from another"
        " address than was asked: allow UDP from port {udp_port}. Else allow UDP port"
        " {udp_port} at {target}, and in the access point broadcast between stations.",
    ),
    Rule(
        "broadcast_filtered", {"target": "given found", "broadcast": "silent"},
        "Broadcast is filtered; multicast gets through.",
        "Mostly a firewall at {target}, or a switch with storm control. Discovery works"
        " by multicast all the same.",
    ),
    Rule(
        "multicast_filtered", {"target": "given found", "multicast": "silent partly"},
        "Multicast is filtered ({groups}); broadcast gets through.",
        "Mostly IGMP or MLD snooping in a switch or access point without a querier:"
        " switch it off, or a querier on; or a firewall at {target}. Discovery works by"
        " broadcast all the same.",
    ),
    Rule(
        "silence", {"target": "none"},
        "Nobody answers, by no way.",
        "If there is a relay, ask it by its address: relaychat doctor lan ADDRESS. If"
        " not, run relaychat doctor lan --listen on another machine.",
    ),
    Rule(WELL, {}, "All is well between this machine and {target}.", ""),
)  # fmt: skip

HINTS = (
    Rule(
        "tunnel", {"tunnel": "yes"},
        "The default route goes through a tunnel ({tunnel}). A VPN often forbids the"
        " local network.",
        "Allow it in the VPN's settings, or leave the VPN.",
    ),
    Rule(
        "isolation", {"neighbour": "missing", "gateway": "ok", "wireless": "no"},
        "The router answers on the same network.",
        "So if {target} is on: look for client isolation in the access point, or for"
        " another VLAN.",
    ),
    Rule(
        "isolation", {"target": "none", "gateway": "ok"},
        "The router answers.",
        "So if others are there: look for client isolation in the access point.",
    ),
    Rule(
        "no_gateway", {"target": "none", "gateway": "silent"},
        "Not even the router answers, on {networks}.",
        "See whether this machine has the right address, and the cable or Wi-Fi the"
        " right network.",
    ),
    Rule(
        "mdns", {"mdns": "silent", "udp": "ok"},
        "mDNS has no answer: the relay does not announce itself (it needs the package"
        " zeroconf), or UDP port 5353 is filtered.",
        "It is needed only for programs that browse for services.",
    ),
    Rule(
        "down", {"down": "yes"},
        "{down} has an address, and nothing at the other end.",
        "See to the cable or the Wi-Fi, if it should have.",
    ),
)  # fmt: skip


def diagnose(report: Report, names: Mapping[str, str]) -> tuple[Told, list[Told]]:
    """The verdict, and hints. ``names``: more for the texts, as ``udp_port``."""
    found = facts(report)
    words = {**_names(report), **names}
    verdict = next(rule for rule in VERDICTS if rule.fits(found))
    return _told(verdict, words), [
        _told(one, words) for one in HINTS if one.fits(found)
    ]


def _told(rule: Rule, words: Mapping[str, str]) -> Told:
    return Told(rule.cause, rule.says.format(**words), rule.cure.format(**words))


def _names(report: Report) -> dict[str, str]:
    rows, target = report.rows, report.target
    up = [row for row in rows if row.up]
    other = answering(rows)
    silent = [
        {"multicast4": "IPv4", "multicast6": "IPv6"}[probe]
        for probe in PROBES[1:3]
        if any(row.of(probe) == "silent" for row in up)
        and not any(row.of(probe) == "ok" for row in up)
    ]
    return {
        "target": target.address if target else "",
        "door": target.door if target else "",
        "networks": _list(_networks(up, target)) or "no network of that kind",
        "answers": other.name if other else "",
        "sends": _list(row.name for row in rows if row.routed),
        "groups": _list(silent),
        "tunnel": _list(row.name for row in up if row.default and row.tunnel),
        "down": _list(row.name for row in rows if row.addresses and not row.up),
    }


def _networks(rows: Iterable[Row], target: Target | None) -> Iterator[str]:
    """Those of the target's version of IP, without link-local ones."""
    version = ip_address(target.address).version if target else None
    for text in (one for row in rows for one in row.addresses):
        ip = ip_address(text.partition("/")[0])
        if version in (None, ip.version) and not ip.is_link_local:
            yield text


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)
