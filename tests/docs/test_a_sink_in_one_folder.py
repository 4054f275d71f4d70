"""The sink that the page walks through is real: with its folder and its line, and nothing else, all tests pass."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, fences, text_of

PAGE = "docs/contributing/a-sink-in-one-folder.md"
FILES = dict(re.findall(r"^`(service/\S+\.py)`:\n\n```python\n(.*?)^```$", text_of(PAGE), re.MULTILINE | re.DOTALL))
IMPORT, _, ENTRY = next(content for language, content in fences(text_of(PAGE)) if language == "py").splitlines()
COMMANDS = next(content for language, content in fences(text_of(PAGE)) if not language).splitlines()
COPIED = ("benchmarks", "config", "demo", "deploy", "docs", "models", "service", "tests")
HALF_WRITTEN = shutil.ignore_patterns("*.pyc.*")
HOLD_IT = (
    "tests/service/sinks/test_contract.py",
    "tests/service/sinks/test_golden.py",
    "tests/service/settings",
    "tests/infra/test_helm_values.py",
    "tests/docs/test_configuration.py",
    "tests/docs/test_generated.py",
)


def run(tree: Path, *words: str, **variables: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(tree), **variables}
    done = subprocess.run(words, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def copy_what_mypy_knows(tree: Path) -> None:
    """What it knows of files that are as they were is true there too; of a database that it is writing, nothing is."""
    cache = ROOT / ".mypy_cache"
    if not cache.exists() or any(cache.rglob("*-wal")):
        return
    try:
        shutil.copytree(cache, tree / cache.name)
    except shutil.Error:  # it has just begun
        shutil.rmtree(tree / cache.name)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the repository with the page's folder, and its line in the registry."""
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=HALF_WRITTEN)
    copy_what_mypy_knows(tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    registry = tmp_path / "service/sinks/registry.py"
    text = registry.read_text(encoding="utf-8")
    first = "from service.sinks.sentinel import SENTINEL\n"
    table = re.search(r"^INTEGRATIONS: .*? = \(\n.*?(?=^\)$)", text, re.MULTILINE | re.DOTALL)
    assert table
    text = text[: table.end()] + ENTRY + "\n" + text[table.end() :]
    registry.write_text(text.replace(first, f"{IMPORT}\n{first}"), encoding="utf-8")
    return tmp_path


@pytest.mark.integration
@pytest.mark.timeout(600)
def test_the_pages_folder_and_line_are_all_that_a_sink_needs(tree: Path) -> None:
    python = sys.executable
    for command in COMMANDS:
        only = " -q -k ntfy -p no:cacheprovider" if "pytest" in command else ""
        # Without what make would install first.
        plain = command.replace("make generated", "python -m docs.generated").replace("python ", f"{python} ")
        run(tree, "bash", "-c", plain + only)
    run(tree, python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not integration", *HOLD_IT, "-k",
        "ntfy or left_over or registered or not sinks")  # fmt: skip
    assert "ntfy" in (tree / "docs/configuration.md").read_text(encoding="utf-8")
    run(tree, python, "-m", "mypy", "--strict", "service/sinks")
    run(tree, str(Path(python).with_name("ruff")), "check", "--no-cache", "service/sinks")
    run(tree, str(Path(python).with_name("ruff")), "format", "--no-cache", "--check", "service/sinks")
    run(tree, str(Path(python).with_name("lint-imports")), "--no-cache")


def test_the_page_has_the_files_that_it_names() -> None:
    assert sorted(Path(name).name for name in FILES) == ["__init__.py", "settings.py", "sink.py"]
    assert len({Path(name).parent for name in FILES}) == 1
