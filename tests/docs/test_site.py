"""The pages as a site: every page has its place, nothing comes from elsewhere, and what they link to is in it."""

import doctest
import re
import subprocess
import tomllib
from pathlib import Path, PurePosixPath

import pytest
import yaml

from docs import hooks
from tests.docs.pages import ROOT, text_of

MKDOCS = ROOT / "build/docs-venv/bin/mkdocs"


class Plain(yaml.SafeLoader):
    """Reads mkdocs.yml without making the function that it names."""


Plain.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: suffix)


def test_every_page_has_its_place_in_the_navigation_once() -> None:
    pages = sorted(path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md"))
    placed: list[str] = []
    for entry in hooks.navigation(pages):
        placed += [entry] if isinstance(entry, str) else [page for group in entry.values() for page in group]
    assert sorted(placed) == pages


def test_what_the_pages_link_to_outside_their_folder_becomes_a_page() -> None:
    linked = hooks.linked()
    assert {PurePosixPath("CONTRIBUTING.md"), PurePosixPath("models/detectors")} <= linked
    assert hooks.page_of(PurePosixPath("models/stream/events.py")).count("~~~~~~") == 2
    assert "- `rare_failure.py`" in hooks.page_of(PurePosixPath("models/detectors"))


def test_links_in_blocks_of_code_stay_as_they_are() -> None:
    here = PurePosixPath("docs/start.md")
    text = "```\n[a](../README.md)\n```\n[b](../README.md) [c](https://example.com) [d](gone.md)\n"
    assert hooks.rewritten(text, here, PurePosixPath("start.md")) == text.replace("[b](../", "[b](repository/")


def test_the_examples_in_the_hooks_are_true() -> None:
    assert doctest.testmod(hooks) == (0, 3)


def test_the_generator_is_no_part_of_what_the_service_or_its_tests_run_with() -> None:
    assert "mkdocs" not in text_of("requirements/runtime.txt") + text_of("requirements/dev.txt")
    assert not any("mkdocs" in one for one in tomllib.loads(text_of("pyproject.toml"))["project"]["dependencies"])
    settings = yaml.load(text_of("mkdocs.yml"), Plain)  # noqa: S506 - a SafeLoader
    assert settings["theme"]["font"] is False
    assert settings["site_dir"].startswith("build/")


@pytest.mark.integration
@pytest.mark.skipif(not MKDOCS.exists(), reason="the generator is not installed: `make docs` installs it")
def test_the_site_is_built_without_a_warning_and_asks_nobody_else_for_anything(tmp_path: Path) -> None:
    build = [str(MKDOCS), "build", "--strict", "--site-dir", str(tmp_path)]
    result = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    html = "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html"))
    assert (tmp_path / "configuration/index.html").is_file()
    assert re.findall(r"<(?:script|img|iframe|link)[^>]+(?:src|href)=\"?https?://[^\s>]+", html) == []
    styles = "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.css"))
    assert re.findall(r"(?:@import|url\()\s*['\"]?https?://[^'\")]+", styles) == []
