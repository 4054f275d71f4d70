"""Makes a site of pages that are written to be read on GitHub: puts them in order, and takes in what they link to.

The pages link to code, to configuration and to the pages at the top of the repository. A site that stands by itself has
none of these; so each becomes a page of the site, below `repository/`, and the links lead there.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS = PurePosixPath("docs")
OUTSIDE = PurePosixPath("repository")
FIRST = ("index.md", "start.md", "glossary.md")
GROUPS = {
    "Operators": (
        "azure.md",
        "operators.md",
        "siem.md",
        "templates.md",
        "verdicts.md",
        "learn.md",
        "replay.md",
        "console.md",
        "history.md",
        "configuration.md",
        "scaling.md",
        "security.md",
        "runbooks/",
    ),
    "Detection engineers": ("detections.md", "detection-tests.md", "findings.md", "parsing.md"),
    "Contributors": ("contributing/", "soak.md", "release.md"),
    "Decisions": ("adr/",),
}
"""What stands together, and in which order; a folder stands for its pages. Whatever is not named comes last."""
LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(?=[\s)])")
FENCE = re.compile(r"(^ {0,3}(?P<mark>`{3,}|~{3,}).*?^ {0,3}(?P=mark)[^\n]*$)", re.MULTILINE | re.DOTALL)
LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".sh": "sh", ".toml": "toml"}
PICTURES = {".png", ".svg"}


def on_config(config: "MkDocsConfig") -> "MkDocsConfig":
    """Put every page of the folder into the navigation."""
    config.nav = navigation(sorted(path.relative_to(ROOT / DOCS).as_posix() for path in (ROOT / DOCS).rglob("*.md")))
    return config


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Add what the pages link to outside their folder, and what that links to."""
    from mkdocs.structure.files import File, InclusionLevel  # noqa: PLC0415 - the tests know this file without mkdocs

    for path in sorted(linked()):
        uri = site_path(path).as_posix()
        if files.get_file_from_path(uri) is not None:
            continue
        picture = path.suffix in PICTURES
        content: str | bytes = (ROOT / path).read_bytes() if picture else page_of(path)
        file = File.generated(config, uri, content=content)
        file.inclusion = InclusionLevel.NOT_IN_NAV
        files.append(file)
    return files


def on_page_markdown(markdown: str, page: "Page", **_: Any) -> str:
    """Lead the links of a page to where the site has what they mean."""
    uri = PurePosixPath(page.file.src_uri)
    source = repository_path(uri)
    return markdown if source is None else rewritten(markdown, source, uri)


def navigation(pages: list[str]) -> list[Any]:
    """Order the pages: the first, the groups, the rest.

    >>> navigation(["adr/1.md", "index.md", "other.md", "parsing.md"])
    ['index.md', {'Detection engineers': ['parsing.md']}, {'Decisions': ['adr/1.md']}, {'More': ['other.md']}]
    """
    left, nav = [page for page in pages if page not in FIRST], [page for page in FIRST if page in pages]
    tree: list[Any] = [*nav]
    for title, names in GROUPS.items():
        found = [
            page for name in names for page in pages if page == name or (name[-1] == "/" and page.startswith(name))
        ]
        left = [page for page in left if page not in found]
        tree += [{title: found}] if found else []
    return tree + ([{"More": left}] if left else [])


def linked() -> set[PurePosixPath]:
    """Return every file and folder of the repository, not being a page here, that a page links to."""
    waiting = [path.relative_to(ROOT) for path in (ROOT / DOCS).rglob("*.md")]
    seen: set[PurePosixPath] = set()
    while waiting:
        source = PurePosixPath(waiting.pop().as_posix())
        for target in targets((ROOT / source).read_text(encoding="utf-8"), source):
            inside = target.is_relative_to(DOCS) and (ROOT / target).is_file()
            if inside or target in seen or not (ROOT / target).exists():
                continue
            seen.add(target)
            if target.suffix == ".md":
                waiting.append(Path(target))
    return seen


def targets(markdown: str, source: PurePosixPath) -> Iterator[PurePosixPath]:
    """Yield what the links of a page lead to, as paths in the repository."""
    for part in FENCE.split(markdown)[::3]:
        for _, link, _ in LINK.findall(part):
            if ":" not in link:
                yield PurePosixPath(os.path.normpath(source.parent / link))


def rewritten(markdown: str, source: PurePosixPath, uri: PurePosixPath) -> str:
    """Return a page with its links as the site has them.

    >>> here = PurePosixPath("docs/operators.md")
    >>> rewritten("[a](../models/stream/events.py#L3) [b](adr)", here, PurePosixPath("operators.md"))
    '[a](repository/models/stream/events.py.md) [b](adr/index.md)'
    """

    def lead(match: re.Match[str]) -> str:
        begin, link, anchor = match[1], match[2], match[3] or ""
        target = PurePosixPath(os.path.normpath(source.parent / link))
        if ":" in link or not (ROOT / target).exists():
            return match[0]
        anchor = anchor if target.suffix == ".md" else ""
        return f"{begin}{os.path.relpath(site_path(target), uri.parent)}{anchor}"

    parts = FENCE.split(markdown)
    # Each fence is there twice: whole, and its mark.
    return "".join(LINK.sub(lead, part) if at % 3 == 0 else part for at, part in enumerate(parts) if at % 3 != 2)


def site_path(path: PurePosixPath) -> PurePosixPath:
    """Return where the site has a file or folder of the repository."""
    at = path.relative_to(DOCS) if path.is_relative_to(DOCS) else OUTSIDE / path
    if (ROOT / path).is_dir():
        return at / "index.md"
    return at if path.suffix in {".md", *PICTURES} else at.with_name(f"{at.name}.md")


def repository_path(uri: PurePosixPath) -> PurePosixPath | None:
    """Return the page of the repository that a page of the site is made from; None if it is a listing or a source."""
    path = uri.relative_to(OUTSIDE) if uri.is_relative_to(OUTSIDE) else DOCS / uri
    return path if (ROOT / path).is_file() else None


def page_of(path: PurePosixPath) -> str:
    """Return a file as a page, or the list of what a folder holds."""
    head = f"---\nsearch: {{exclude: true}}\n---\n\n# {path}\n\n"
    if (ROOT / path).is_dir():
        names = sorted(one.name for one in (ROOT / path).iterdir() if not one.name.startswith((".", "__py")))
        pages = {name for name in names if path.is_relative_to(DOCS) and name.endswith(".md")}
        return head + "".join(f"- [{name}]({name})\n" if name in pages else f"- `{name}`\n" for name in names)
    text = (ROOT / path).read_text(encoding="utf-8")
    return text if path.suffix == ".md" else f"{head}~~~~~~{LANGUAGES.get(path.suffix, 'text')}\n{text}\n~~~~~~\n"
