"""The devices of an account: how they are known, kept in bounds, and untrusted."""

from __future__ import annotations

from hashlib import blake2b
from hmac import compare_digest

from msgspec.structs import replace

from relaychat.auth.accounts import Account, KnownDevice
from relaychat.model.errors import Revoked

DIGEST_BYTES = 16
"""Of a device's secret. As long as the secret itself (H16)."""
DEVICES_LIMIT = 64
"""Devices that an account remembers: every machine of one person, and their scripts."""
SEEN_MS = 3_600_000
"""How exact ``seen`` is: a device that comes and goes is not written each time."""
REVOKED = "this device was revoked; it needs another secret"


def device_key(secret: str) -> str:
    """The record key of a device: its secret itself is never kept."""
    return blake2b(secret.encode(), digest_size=DIGEST_BYTES).hexdigest()


def shown_client(client: str) -> str:
    """What a program calls itself, as a list can show it: on one line, without what a
    terminal obeys or what turns the direction of writing."""
    return "".join(char for char in client if char.isprintable()).strip()


def seen(
    account: Account,
    digest: str,
    client: str,
    now_ms: int,
    secure: bool,
    by_token: bool,
) -> Account:
    """The account, with a device of it that logs in now.

    It is trusted, so that it may come back by itself, unless it came by a token, or its
    secret was ever said where others could listen. Raises Revoked.
    """
    client = shown_client(client)
    known = account.device(digest) or KnownDevice(digest, client, now_ms, 0)
    if known.revoked:
        raise Revoked(REVOKED)
    exposed = known.exposed or not secure
    trusted = not exposed and (known.trusted or not by_token)
    fresh = replace(known, trusted=trusted, exposed=exposed)
    if now_ms - known.seen_ms > SEEN_MS:
        fresh = replace(fresh, client=client, seen_ms=now_ms)
    if fresh == known:
        return account
    others = [one for one in account.devices if one is not known]
    return replace(account, devices=bounded([*others, fresh]))


def bounded(devices: list[KnownDevice]) -> tuple[KnownDevice, ...]:
    """As many as are remembered: those not seen for longest go, revoked ones last."""
    for revoked in (False, True):
        for one in list(devices[:-1]):
            if len(devices) > DEVICES_LIMIT and one.revoked is revoked:
                devices.remove(one)
    return tuple(devices)


def forget_logins(account: Account, keep: str = "") -> Account:
    """The account without anything but its password to log in by; ``keep`` is the
    digest of a device that stays trusted. All devices stay known, for what they have
    sent."""
    devices = tuple(
        one if compare_digest(one.digest, keep) else replace(one, trusted=False)
        for one in account.devices
    )
    return replace(
        account, tokens=(), certificates=(), devices=devices, uid=None, reset=""
    )
