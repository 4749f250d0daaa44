"""A room's policy and its members' roles: named fields; letters exist in IRC only
(H25)."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

HistoryRule = Literal["all", "since_join", "none"]
"""Who may read the log (H11): any present member all of it; each his own stays; no log
is kept."""


class Role(IntEnum):
    """What a member may do; each includes those below it."""

    MEMBER = 0
    VOICE = 1
    OPERATOR = 2
    OWNER = 3


RoleName = Literal["member", "voice", "operator", "owner"]

Key = Annotated[str, Meta(max_length=64)]
Limit = Annotated[int, Meta(ge=0, le=1_000_000)]


class Policy(Struct, frozen=True, omit_defaults=True):
    """How a room behaves. The defaults are those of a new room."""

    key: Key = ""
    """Needed to join; empty for none."""
    invite_only: bool = False
    moderated: bool = False
    """Only voice and up speak."""
    secret: bool = False
    """Hidden from lists and from who is not in it."""
    members_only: bool = True
    """Only members speak."""
    topic_locked: bool = True
    """Only operators set the topic."""
    limit: Limit = 0
    """Most members; 0 for no limit."""
    history: HistoryRule = "all"

    def rule(self) -> HistoryRule:
        """The history rule in force: closed rooms show nobody what was before them
        (H11)."""
        if self.history == "all" and (self.key or self.invite_only or self.secret):
            return "since_join"
        return self.history


class PolicyChange(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The fields of a Policy that are to change; all others stay."""

    key: Key | UnsetType = UNSET
    invite_only: bool | UnsetType = UNSET
    moderated: bool | UnsetType = UNSET
    secret: bool | UnsetType = UNSET
    members_only: bool | UnsetType = UNSET
    topic_locked: bool | UnsetType = UNSET
    limit: Limit | UnsetType = UNSET
    history: HistoryRule | UnsetType = UNSET
