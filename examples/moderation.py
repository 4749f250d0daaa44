"""What may be said here: a hook with rules for phrases and links.

Put this file beside the configuration, and say there::

    [hooks]
    use = ["moderation:Moderation"]

    [extension.moderation]
    denied = ["buy followers", "free crypto"]
    dry_run = true

What is denied is refused, and its author told why. What is warned of is kept, and noted
in the relay's log; so is what would be denied, as long as it is a dry run.

Phrases are compared word by word, whatever their capitals, signs and ways to write a
letter. They are no patterns, so no rule makes a message slow to judge.
"""

import json
import re
from unicodedata import normalize
from urllib.parse import urlsplit

from twisted.logger import Logger

from relaychat.extend import Hook, HookPlugin, Settings, Verdict, errors, events

links_in = re.compile(r"(?:https?://|\bwww\.)\S+", re.IGNORECASE).findall
words_in = re.compile(r"\w+").findall
invisible = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]+")


class Rules(Settings, frozen=True):
    """What may be said."""

    dry_run: bool = False
    """Deny nothing, and note what would be denied."""
    denied: tuple[str, ...] = ()
    """Phrases that are refused: these words, one behind the other."""
    warned: tuple[str, ...] = ()
    """Phrases that are noted."""
    guests_link: bool = False
    """Whether somebody without an account may set links."""
    most_links: int = 5
    """In one message."""
    trusted: tuple[str, ...] = ()
    """Hosts that everybody may link to, and as often as they like, with all below
    them."""


class Moderation(Hook):
    """See the module."""

    name = "moderation"
    settings = Rules()
    log = Logger()

    def before_say(self, user, room, event):
        """A message, an edit or a reaction, before it is taken."""
        why = self.denied(text_of(event), user.account)
        if why and not self.settings.dry_run:
            raise errors.Denied(why)
        return Verdict.PASS

    def after_events(self, told):
        """Events that are in the log."""
        for event in told:
            text = text_of(event)
            why = self.denied(text, event.account) if text else ""
            if text and (why or has(self.settings.warned, text)):
                self.log.warn(
                    "{e.room} {e.seq}, {e.sender}: {why}",
                    e=event, why=why or "a phrase to look at",
                )  # fmt: skip

    def denied(self, text: str, account: str | None) -> str:
        """Why it may not be said; an empty string if it may."""
        rules = self.settings
        links = [link for link in links_in(text) if not self.trusted(link)]
        if links and account is None and not rules.guests_link:
            return "only who has an account may set links here"
        if len(links) > rules.most_links:
            return f"a message has at most {rules.most_links} links here"
        return "this is not said here" if has(rules.denied, text) else ""

    def trusted(self, link: str) -> bool:
        if "\\" in link:
            return False  # Browsers take it for a slash, so the host is another one.
        try:
            host = urlsplit(link if "//" in link else f"//{link}").hostname or ""
        except ValueError:
            return False
        names = self.settings.trusted
        return any(f".{host}".endswith(f".{name.lower()}") for name in names)


def text_of(event: object) -> str:
    if isinstance(event, events.Reacted):
        return event.reaction
    if isinstance(event, events.Custom):
        return json.dumps(event.value, ensure_ascii=False)
    return event.text if isinstance(event, events.Said | events.Edited) else ""


def has(phrases: tuple[str, ...], text: str) -> bool:
    """Whether one of them is in a text, as whole words."""
    said = spaced(text) if phrases else ""
    return any(spaced(phrase) in said for phrase in phrases)


def spaced(text: str) -> str:
    """Its words, each between spaces."""
    plain = normalize("NFKC", invisible.sub("", text)).casefold()
    return f" {' '.join(words_in(plain))} "


moderation = HookPlugin(Moderation)
