"""Rules about the repository that no linter knows: what its files may say, and what must agree with what."""

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Brackets keep these patterns from matching themselves.
FOREIGN = re.compile(
    r"shared/[d]esign|/[w]ork/|\bissue [ABC]\b|registry\.[n]pmjs|[p]ypi\.org|[p]ythonhosted", re.IGNORECASE
)
UNFINISHED = re.compile(
    r"\b([T]ODO|[F]IXME|[X]XX|[H]ACK|[N]otImplementedError|[M]agicMock|[A]syncMock|mock\.[p]atch)\b"
)
MAKE_WORD = re.compile(r"\bmake ([a-z]+)\b")
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)


def tracked(*patterns: str) -> Iterator[tuple[Path, str]]:
    """Yield path and text of every file that git knows, or would on the next `git add`."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listing.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix not in {".png", ".gz", ".ico"}:
            yield path, path.read_text(encoding="utf-8")


def test_files_speak_of_the_product_alone() -> None:
    found = [f"{path.relative_to(ROOT)}: {match[0]}" for path, text in tracked() for match in FOREIGN.finditer(text)]

    assert found == []


def test_code_is_finished_and_uses_no_mocks() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}" for path, text in tracked("*.py") for match in UNFINISHED.finditer(text)
    ]

    assert found == []


def test_no_module_is_too_long_to_read() -> None:
    long = {str(path.relative_to(ROOT)) for path, text in tracked("*.py") if text.count("\n") > 400}

    assert long == set()


def test_tests_are_files_not_packages() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


@pytest.mark.parametrize("name", ["bootstrap", "runtime", "demo", "dev", "infra", "docs", "release", "spark"])
def test_every_locked_requirement_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    entries = re.split(r"\n(?=\S)", text.strip())

    assert "://" not in text
    assert [entry.splitlines()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_development_runs_the_very_versions_that_the_image_runs() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        return {line.split()[0] for line in text.splitlines() if "==" in line}

    assert pins("runtime") - pins("dev") == set()


def test_npm_lock_has_an_integrity_for_every_package_and_no_download_address() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}

    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if not ("integrity" in entry or entry.get("inBundle"))] == []


def test_runtime_requirements_are_the_projects_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "requirements" / "runtime.in").read_text().splitlines()

    assert sorted(line for line in lines if line and not line.startswith("#")) == sorted(project["dependencies"])


def test_the_service_imports_every_library_that_it_requires() -> None:
    names = re.findall(r"^([a-z][\w-]*)", (ROOT / "requirements" / "runtime.in").read_text(), re.MULTILINE)
    module = {"pyyaml": "yaml", "pyjwt": "jwt"} | {
        name: name.replace("-", ".") for name in names if name.startswith("azure-")
    }
    code = "\n".join(text for _, text in tracked("service/*.py", "models/*.py"))

    assert [
        name
        for name in names
        if not re.search(
            rf"^\s*(import|from) {re.escape(module.get(name, name.replace('-', '_')))}\b", code, re.MULTILINE
        )
    ] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_make_command_that_a_document_shows_exists(name: str) -> None:
    targets = set(TARGET.findall((ROOT / "Makefile").read_text()))
    code = re.findall(r"```.*?```|`[^`\n]+`", (ROOT / name).read_text(), re.DOTALL)
    shown = {word for part in code for word in MAKE_WORD.findall(part)}

    assert shown, "a newcomer is told no command"
    assert shown - targets == set()
