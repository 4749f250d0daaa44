"""Logins that end while sessions live by them."""

from __future__ import annotations

from relaychat.hub.facts import Revoked
from relaychat.hub.people import gone
from relaychat.hub.turn import Turn


def revoked(turn: Turn, fact: Revoked) -> None:
    """Sessions whose login is good no more are hung up on, without a window. Their loss
    is told like any other, once that can be kept."""
    user = turn.state.users.get(fact.user)
    if user is None:
        return
    if fact.device is None and fact.token is None and user.until_us:
        turn.set(user, "until_us", 0)
        if not user.peers:
            gone(turn, user, "lost", fact.error.text)
    for peer in user.peers:
        if peer is fact.keep or fact.token not in (None, peer.token):
            continue
        if fact.device is None or (peer.device and peer.device.key == fact.device):
            turn.set(peer, "cut", True)
            turn.set(peer, "window_s", 0)
            turn.close(peer, fact.error)
