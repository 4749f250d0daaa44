"""Networks of one's own: namespaces of the kernel, joined by cables (veth) or by a
switch (bridge).

A namespace stands for a machine. What is started in one is ended by its id when the
network is cleaned up, and the namespaces with their cables go with it. ``why_not`` says
what is missing where this can't be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from itertools import count
from pathlib import Path

from tests.integration.server import PATIENCE_S

ROOT = Path(__file__).parent.parent.parent
_numbers = count()


class NoNetwork(Exception):
    """The kernel, or our rights, do not allow it. The text says what it said."""


@cache
def why_not() -> str:
    """Why there are no namespaces here; empty if there are. Tried out once."""
    if shutil.which("ip") is None:
        return "no ip (iproute2) here"
    try:
        network = Network()
        try:
            network.cable(network.machine("a"), network.machine("b"))
        finally:
            network.clean()
    except NoNetwork as error:
        return f"no network namespaces with veth here: {error}"
    return ""


class Machine:
    """A namespace: a machine with a loopback, and nothing else at first."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.started: list[subprocess.Popen[str]] = []
        _ip("netns", "add", name)
        # Addresses are usable at once: nobody else could have them.
        self.write("/proc/sys/net/ipv6/conf/default/accept_dad", "0")
        self.write("/proc/sys/net/ipv6/conf/all/accept_dad", "0")
        self.ip("link", "set", "lo", "up")

    def command(self, *words: str) -> tuple[str, ...]:
        """The words that run a command here. The process is the command's own."""
        return ("ip", "netns", "exec", self.name, *words)

    def ip(self, *words: str) -> str:
        """Run ``ip`` here: what it prints. Raises NoNetwork."""
        return _ip("-n", self.name, *words)

    def run(
        self, *words: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command here to its end."""
        return subprocess.run(
            self.command(*words),
            env=environment(env),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )

    def python(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run this Python here to its end, with our sources: ``"-m", "relaychat"``."""
        return self.run(sys.executable, *words)

    def start(
        self, *words: str, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a command here. It is killed with the network, if it still runs."""
        process = subprocess.Popen(
            self.command(*words),
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def write(self, file: str, text: str) -> None:
        """Write to a file that is another one in each namespace. Raises NoNetwork."""
        _run(*self.command("sh", "-c", 'printf %s "$1" > "$2"', "sh", text, file))

    def stop(self, process: subprocess.Popen[str]) -> str:
        """Ask a process to end, and return what it printed."""
        process.terminate()
        return self.end(process)

    def end(self, process: subprocess.Popen[str]) -> str:
        """Wait until a process has ended, and return what it printed."""
        try:
            told, _ = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
        return told

    def clean(self) -> None:
        """Kill what runs here, and be gone."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=PATIENCE_S)
            if process.stdout is not None:
                process.stdout.close()
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)


class Network:
    """Machines and what joins them. ``clean`` takes all of it away."""

    def __init__(self) -> None:
        self._prefix = f"rc{os.getpid()}-{next(_numbers)}"
        self.machines: list[Machine] = []
        self._cables = count()

    def machine(self, name: str) -> Machine:
        """A new machine without a network. Raises NoNetwork."""
        made = Machine(f"{self._prefix}-{name}")
        self.machines.append(made)
        return made

    def cable(
        self, one: Machine, other: Machine, at_one: str = "", at_other: str = ""
    ) -> tuple[str, str]:
        """Join two machines by a cable, with an address (``10.0.0.1/16``) at each end,
        if any is given. Returns the names of the interfaces. Raises NoNetwork."""
        number = next(self._cables)
        first, second = f"v{number}a", f"v{number}b"
        _ip("link", "add", first, "netns", one.name, "type", "veth",
            "peer", "name", second, "netns", other.name)  # fmt: skip
        for machine, interface, address in (
            (one, first, at_one),
            (other, second, at_other),
        ):
            if address:
                machine.ip("address", "add", address, "dev", interface)
            machine.ip("link", "set", interface, "up")
        return first, second

    def switch(self, *ends: tuple[Machine, str]) -> tuple[str, ...]:
        """Join any number of machines to one LAN, each with its address. Returns the
        names of their interfaces. Raises NoNetwork."""
        switch = self.machine(f"switch{next(self._cables)}")
        switch.ip("link", "add", "br0", "type", "bridge")
        switch.ip("link", "set", "br0", "type", "bridge", "mcast_snooping", "0")
        switch.ip("link", "set", "br0", "up")
        names = []
        for machine, address in ends:
            near, port = self.cable(machine, switch, address)
            switch.ip("link", "set", port, "master", "br0")
            names.append(near)
        return tuple(names)

    def clean(self) -> None:
        """Take it all away. Cables go with the machines at their ends."""
        for machine in self.machines:
            machine.clean()


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """That of a process which runs these sources."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        **(more or {}),
    }


def _ip(*words: str) -> str:
    return _run("ip", *words)


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S)
    if done.returncode:
        raise NoNetwork(done.stderr.strip() or " ".join(words))
    return done.stdout
