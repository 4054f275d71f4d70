"""Every link of every page leads to a file that is there, and to a heading that is in it."""

import posixpath
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, links, name_of, pages, text_of

PAGES = pages()


def broken(page: Path) -> Iterator[str]:
    for link in links(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            yield f"{link}: there is no such file"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8")):
            yield f"{link}: there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert list(broken(page)) == []


def test_a_link_to_nowhere_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One heading\n[a](#one-heading) [b](#another) [c](page.md#one-heading) [d](gone.md)\n")
    assert list(broken(page)) == ["#another: there is no such heading", "gone.md: there is no such file"]


def test_every_page_of_the_documentation_can_be_reached_from_the_first() -> None:
    seen, waiting = set[str](), ["README.md", "docs/index.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or not (ROOT / page).is_file() or not page.endswith(".md"):
            continue
        seen.add(page)
        for link in links(text_of(page)):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(page), link.partition("#")[0]))
            folder = (name_of(one) for one in (ROOT / target).glob("*.md")) if (ROOT / target).is_dir() else ()
            waiting += [target, *folder]
    lost = {name_of(page) for page in PAGES if page.is_relative_to(ROOT / "docs")} - seen
    assert lost == set(), "nobody finds these: link them, or their folder, from docs/start.md"


def test_every_picture_of_the_documentation_is_shown_somewhere() -> None:
    shown = {link.rpartition("/")[2] for page in PAGES for link in links(page.read_text(encoding="utf-8"))}
    there = {picture.name for picture in (ROOT / "docs/images").iterdir() if picture.suffix in {".png", ".svg"}}
    assert there - shown == set()
