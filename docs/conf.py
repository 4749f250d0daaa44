"""How Sphinx makes the site of these pages: `make docs` calls it.

The pages are Markdown as it stands, readable where it lies. Three things are made here
that they do not say: the navigation, which is what index.md lists, by its headings;
links to modules of the package, which lead to the API reference; the list of changes.
"""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

from relaychat import __version__

project = "relaychat"
version = release = __version__
extensions = ["myst_parser"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
html_theme = "furo"
html_title = f"relaychat {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
pygments_style, pygments_dark_style = "friendly", "native"
# What is said line by line in a protocol is not coloured.
highlight_language = "none"
suppress_warnings = ["misc.highlighting_failure"]

ROOT = Path(__file__).parent.parent
LOG = getLogger(__name__)
SECTION = re.compile(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", re.M | re.S)
PAGE = re.compile(r"^- \[[^\]]*\]\((\w+)\.md\)", re.M)
NAMED = re.compile(r"\[\w+\.md\]\((?=\w+\.md)")
MODULE = re.compile(r"(?:\.\./)+(relaychat/[\w/]+)\.py")


def prepare(app: Sphinx, page: str, source: list[str]) -> None:
    """Below index.md: one table of contents for each of its headings with pages. In
    place of changes.md: the list of changes, which lies where people look for it."""
    # A page that is called by its file's name is called by its title on the site.
    source[0] = NAMED.sub("[](", source[0])
    if page == "changes":
        source[0] = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if page != "index":
        return
    for title, text in SECTION.findall(source[0]):
        pages = "\n".join(PAGE.findall(text))
        if pages:
            source[0] += (
                f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n{pages}\n```\n"
            )


def links(app: Sphinx, tree: nodes.document) -> None:
    """A link to a module of the package leads to its page of the API reference."""
    for link in list(tree.findall(addnodes.download_reference)):
        module = MODULE.fullmatch(link["reftarget"])
        if module:
            page = f"api/{module[1].replace('/', '.')}.html"
            if Path(app.outdir, page).exists():
                link.replace_self(nodes.reference("", "", *link.children, refuri=page))
            else:
                LOG.warning("the API reference has no %s", page, location=link)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", prepare)
    app.connect("doctree-read", links)
