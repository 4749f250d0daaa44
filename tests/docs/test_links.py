"""Every link of the documentation leads somewhere, and every page can be found."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.docs.pages import PAGES, ROOT, anchors, links

INDEX = ROOT / "docs" / "index.md"
LISTED = re.compile(r"^- \[[^\]]*\]\((\w+\.md)\)", re.M)


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    wrong = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    return wrong


class LinkTests(SynchronousTestCase):
    """Relative links, with their anchors."""

    def test_links(self) -> None:
        """Files and headings are there."""
        self.assertEqual(
            {page.name: one for page in PAGES if (one := broken(page))}, {}
        )

    def test_other_hosts(self) -> None:
        """Who reads needs no network: no picture comes from elsewhere."""
        for page in PAGES:
            pictures = re.findall(r"!\[[^\]]*\]\((\S+?)\)", page.read_text())
            pictures += re.findall(r'<img[^>]*src="([^"]+)"', page.read_text())
            self.assertEqual([one for one in pictures if "//" in one], [], page)

    def test_what_the_site_can_follow(self) -> None:
        """From docs/ a link leads to its pages, or to single files elsewhere."""
        for page in INDEX.parent.glob("*.md"):
            for link in links(page):
                if link.startswith("../"):
                    target = (page.parent / link).resolve()
                    single = target.is_file() and target.suffix != ".md"
                    self.assertTrue(single, f"{page.name}: {link}")

    def test_every_page_is_listed(self) -> None:
        """The index, which is the site's navigation, has each page once."""
        listed = LISTED.findall(INDEX.read_text(encoding="utf-8"))
        pages = {page.name for page in INDEX.parent.glob("*.md")} - {INDEX.name}
        self.assertEqual(sorted(listed), sorted(pages))

    def test_it_bites(self) -> None:
        """A link to a heading that is not there is found."""
        page = Path(self.mktemp())
        page.write_text("# One\n[a](#one) [b](#two) [c](nowhere.md) `[d](x)`\n")
        self.assertEqual(broken(page), ["#two", "nowhere.md"])
