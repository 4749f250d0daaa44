"""What the agent has taken from local programs, and answers for (see ``agent``).

A local program that has a device and gives its sends cids gets the promise that a
server gives: the same cid is taken once, whatever dies in between. Its sends go out
under cids of the agent's own device; the label ``ORIGIN:CID`` leads from one to the
other. The answer is remembered as long as it may be asked for again: a program has few
sends in flight, so the latest of each origin are enough.
"""

from __future__ import annotations

import hashlib

import msgspec

from relaychat.client.api import Client
from relaychat.client.outbox import Send
from relaychat.client.sending import Sending
from relaychat.client.state import StateError
from relaychat.model.commands import DeviceSecret
from relaychat.model.events import Done, Fault

REMEMBERED = 1024
"""Answers that are remembered per origin: four times what one may have in flight."""

Taken = Sending | Done | Fault
"""On its way, or answered."""


def origin_of(device: DeviceSecret) -> str:
    """How a local program's device is known: not by its secret."""
    return hashlib.blake2b(device.encode(), digest_size=8).hexdigest()


class Accepted:
    """See the module."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._high: dict[str, int] = {}
        self._blocked: dict[str, int] = {}
        """By origin the first send that could not be taken: those behind it wait for it
        (H5)."""
        self._open: dict[str, Sending] = {}
        for sending in client.unsent:
            label = sending.send.id
            if isinstance(label, str):
                self._follow(label, sending)

    def high(self, origin: str) -> int:
        """The highest cid that was taken from an origin. Raises StateError."""
        if origin not in self._high:
            labels = [*self._client.file.labels(f"{origin}:"), *self._open]
            cids = [_cid(one) for one in labels if one.startswith(f"{origin}:")]
            self._high[origin] = max(cids, default=0)
        return self._high[origin]

    def take(self, origin: str, sends: list[Send]) -> list[Taken]:
        """Take sends, all new ones with one write to the disk. Those that have a cid
        may be known already; without an origin none has one."""
        cids = [send.cid for send in sends if send.cid]
        if len(set(cids)) < len(cids):
            return [one for send in sends for one in self.take(origin, [send])]
        taken: list[Taken | None] = []
        new: list[Send] = []
        try:
            for send in sends:
                taken.append(self._known(origin, send))
                if taken[-1] is None:
                    label = _label(origin, send.cid) if send.cid else None
                    new.append(msgspec.structs.replace(send, id=label, cid=None))
            made = iter(self._client.send_all(new) if new else [])
        except StateError as error:
            return self._none(origin, sends, str(error))
        found: list[Taken] = []
        for send, known in zip(sends, taken, strict=True):
            if known is not None:
                found.append(known)
                continue
            sending = next(made)
            if send.cid:
                self._high[origin] = max(self.high(origin), send.cid)
                self._follow(_label(origin, send.cid), sending)
            found.append(sending)
        return found

    def _known(self, origin: str, send: Send) -> Taken | None:
        """What is known of a resend; None for a new one."""
        cid = send.cid
        if not cid:
            return None
        blocked = self._blocked.get(origin)
        if blocked is not None and cid > blocked:
            return Fault("unavailable", "an earlier one has to come first", retry=True)
        self._blocked.pop(origin, None)
        if cid > self.high(origin):
            return None
        label = _label(origin, cid)
        sending = self._open.get(label)
        if sending is not None:
            return sending if _same(sending.send, send) else _reused()
        answered = self._client.file.answered(label)
        if answered is not None:
            sent, answer = answered
            if not _same(sent, send):
                return _reused()
            if isinstance(answer, Done):
                return msgspec.structs.replace(answer, duplicate=True)
            return answer
        if cid <= self.high(origin) - REMEMBERED:
            return Fault("cid_reused", "this cid is too old to be told from a resend")
        return None

    def _none(self, origin: str, sends: list[Send], why: str) -> list[Taken]:
        first = min((one.cid for one in sends if one.cid), default=0)
        if first:
            self._blocked[origin] = min(first, self._blocked.get(origin, first))
        return [Fault("unavailable", why, retry=True) for _ in sends]

    def _follow(self, label: str, sending: Sending) -> None:
        self._open[label] = sending
        sending.kept().addBoth(lambda _: self._answered(label))

    def _answered(self, label: str) -> None:
        del self._open[label]
        origin, cid = label.split(":")[0], _cid(label)
        if cid % REMEMBERED == 0:
            known = self._client.file.labels(f"{origin}:")
            self._client.file.forget(
                [one for one in known if _cid(one) <= cid - REMEMBERED]
            )


def _label(origin: str, cid: int) -> str:
    return f"{origin}:{cid:016d}"


def _cid(label: str) -> int:
    return int(label.rpartition(":")[2])


def _same(one: Send, other: Send) -> bool:
    plain = [msgspec.structs.replace(send, id=None, cid=None) for send in (one, other)]
    return plain[0] == plain[1]


def _reused() -> Fault:
    return Fault("cid_reused", "this cid was used for another message")
