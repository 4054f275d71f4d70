"""Says what a release is told with, and refuses one whose parts disagree about its version: `make notes ARGS=v1.2.3`.

The text is the changelog's section of that version. Building and publishing is the release workflow's.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def versions(root: Path) -> dict[str, str]:
    """Return the version that each part names.

    Raises
    ------
    ValueError
        A part names none.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = {"pyproject.toml": str(project["version"])}
    for name, file, pattern in (
        ("the chart", "deploy/helm/unwonted/Chart.yaml", r'^version: "?([^"\s]+)"?$'),
        ("what the chart installs", "deploy/helm/unwonted/Chart.yaml", r'^appVersion: "?([^"\s]+)"?$'),
        ("the image's label", "Dockerfile", r'image\.version="([^"]+)"'),
    ):
        match = re.search(pattern, (root / file).read_text(encoding="utf-8"), re.MULTILINE)
        if match is None:
            raise ValueError(f"{file} names no version")
        found[name] = match[1]
    return found


def section(changelog: str, version: str) -> str:
    r"""Return what the changelog says of a version, without its heading; empty if it has no such section.

    >>> section("## [Unreleased]\n\n## [0.2.0] - 2026-11-27\n\n- One.\n\n## [0.1.0]\n- Two.\n", "0.2.0")
    '- One.'
    """
    match = re.search(rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    return match[1].strip() if match else ""


def notes(root: Path, tag: str) -> str:
    """Return the text of a release.

    Parameters
    ----------
    root
        The repository.
    tag
        The release's tag: a ``v`` and the version.

    Raises
    ------
    ValueError
        A part names another version, or the changelog says nothing of it.
    """
    version = tag.removeprefix("v")
    others = [f"{name} says {found}" for name, found in versions(root).items() if found != version]
    if others:
        raise ValueError(f"the tag says {version}, but {', '.join(others)}")
    text = section((root / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    if not text:
        raise ValueError(f"CHANGELOG.md has no section [{version}], or nothing in it")
    return text + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("which release? make notes ARGS=v1.2.3")
    try:
        text = notes(ROOT, sys.argv[1])
    except ValueError as error:
        sys.exit(f"no release: {error}")
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "notes.md").write_text(text, encoding="utf-8")
    print(text, end="")
