"""Brings what was measured (analysis/results) into the site, and mends links for both readers.

A page links to files of the repository as they lie, so that a code host shows it right. Here such a
link becomes one to the page in the site; a file that the site has not becomes plain text; one that
is nowhere stays, and the strict build fails by it.
"""

import pathlib
import posixpath
import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES, RESULTS, SITE = "docs", "analysis/results", "measured"  # the last is the folder in the site
LINK = re.compile(r"(?P<mark>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """A part of the navigation for the results, by the titles that they have."""
    readmes = sorted((ROOT / RESULTS).glob("*/README.md"))
    found = [{path.parent.name: f"{SITE}/{path.parent.name}/README.md"} for path in readmes]
    config.nav.append({"Measured": found})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Their pages and pictures."""
    for pattern in ("*/README.md", "*/*.png"):
        for path in sorted((ROOT / RESULTS).glob(pattern)):
            uri = f"{SITE}/{path.relative_to(ROOT / RESULTS).as_posix()}"
            files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The same text with links as the site has them."""
    return LINK.sub(lambda link: mended(link, page.file.src_uri, files), markdown)


def mended(link: re.Match, uri: str, files: Files) -> str:
    """A link on the page `uri` as the site has it."""
    target, _, anchor = link["target"].partition("#")
    if "://" in target or not target:
        return link[0]
    place = posixpath.normpath(posixpath.join(posixpath.dirname(in_repository(uri)), target))
    found = in_site(place)
    if found and files.get_file_from_path(found):
        there = posixpath.relpath(found, posixpath.dirname(uri) or ".")
        return f"{link['mark']}[{link['text']}]({there}{'#' * bool(anchor)}{anchor})"
    return link["text"] if (ROOT / place).exists() and not link["mark"] else link[0]


def in_repository(uri: str) -> str:
    """Where the source of a page or picture of the site lies."""
    folder, _, rest = uri.partition("/")
    return f"{RESULTS}/{rest}" if folder == SITE else f"{PAGES}/{uri}"


def in_site(place: str) -> str | None:
    """Where a file of the repository is in the site; a folder of results is its README."""
    if place.startswith(f"{PAGES}/"):
        return place.removeprefix(f"{PAGES}/")
    if not place.startswith(f"{RESULTS}/"):
        return None
    rest = place.removeprefix(f"{RESULTS}/")
    return f"{SITE}/{rest}" if "/" in rest else f"{SITE}/{rest}/README.md"
