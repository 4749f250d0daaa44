"""How Sphinx makes the site of these pages: `make docs` calls it.

The pages are Markdown as it stands, readable where it lies. Three things are made here
that they do not say: the navigation, which is what index.md lists, by its headings;
links to modules, which lead to the API reference, and to examples, which are shown; the
list of changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
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
LANGUAGES = {
    ".py": "python", ".sh": "bash", ".mjs": "js", ".toml": "toml", ".cfg": "none",
    ".conf": "none", ".service": "ini", ".socket": "ini",
}  # fmt: skip


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
    """A link to a module of the package leads to its page of the API reference, one to
    an example to a page that shows it."""
    for link in list(tree.findall(addnodes.download_reference)):
        module, example = MODULE.fullmatch(link["reftarget"]), link["reftarget"][3:]
        if module:
            page = f"api/{module[1].replace('/', '.')}.html"
            if not Path(app.outdir, page).exists():
                LOG.warning("the API reference has no %s", page, location=link)
        elif example.startswith("examples/"):
            page = f"{example}.html"
        else:
            continue
        link.replace_self(nodes.reference("", "", *link.children, refuri=page))


def examples(app: Sphinx) -> Iterator[tuple[str, dict[str, str], str]]:
    """A page for each example, with its text."""
    for path in sorted(ROOT.glob("examples/**/*.*")):
        if path.suffix not in LANGUAGES:
            continue
        name = str(path.relative_to(ROOT))
        text = path.read_text(encoding="utf-8")
        shown = app.builder.highlighter.highlight_block(text, LANGUAGES[path.suffix])
        body = f"<h1>{escape(name)}</h1>\n{shown}"
        yield name, {"title": name, "body": body}, "page.html"


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", prepare)
    # Before Sphinx collects what is to be copied.
    app.connect("doctree-read", links, priority=100)
    app.connect("html-collect-pages", examples)
