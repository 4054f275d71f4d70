"""What runs elsewhere, held to what runs here: hooks, workflows, templates, and the parts of a release."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.release_notes import notes, section, versions

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CHECK_JSONSCHEMA = Path(sys.executable).with_name("check-jsonschema")

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def read(path: Path) -> dict[str, Any]:
    # Without types: "on" is a key of workflows, and no truth value.
    found: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 - makes strings
    return found


def jobs(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from read(path)["jobs"].items()


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for _, job in jobs(path) for step in job.get("steps", [])]


def recipe(target: str) -> str:
    match = re.search(rf"^{target}:[^\n]*\n((?:\t[^\n]*\n)+)", MAKEFILE, re.MULTILINE)
    assert match, f"make has no {target}"
    return match[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.github-issue-forms", FORMS),
        ("vendor.github-issue-config", [GITHUB / "ISSUE_TEMPLATE" / "config.yml"]),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_github_reads_is_valid_by_its_schema(schema: str, files: list[Path]) -> None:
    command = [str(CHECK_JSONSCHEMA), "--builtin-schema", schema, *map(str, files)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout + result.stderr


@every_workflow
def test_a_workflow_runs_no_code_that_can_change_behind_its_name(path: Path) -> None:
    used = [step["uses"] for step in steps(path) if "uses" in step]

    assert [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", one)] == []
    assert all(re.search(rf"{re.escape(one)} # v\d+\.\d+\.\d+$", path.read_text(), re.MULTILINE) for one in used)


@every_workflow
def test_a_workflow_may_do_no_more_than_it_says_and_no_longer_than_it_says(path: Path) -> None:
    assert read(path)["permissions"] == {"contents": "read"}
    for name, job in jobs(path):
        assert "uses" in job or int(job["timeout-minutes"]) <= 60, name
    for step in steps(path):
        if "actions/checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] == "false"


@every_workflow
def test_nothing_from_outside_is_pasted_into_a_shell(path: Path) -> None:
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


@every_workflow
def test_a_workflow_asks_make_for_what_make_has_and_runs_scripts_that_can_run(path: Path) -> None:
    scripts = "\n".join(step.get("run", "") for step in steps(path))

    for target in re.findall(r"\bmake ([a-z-]+)", scripts):
        recipe(target)
    for script in re.findall(r"^(\.ci/\S+)", scripts, re.MULTILINE):
        assert (ROOT / script).stat().st_mode & 0o111, script


def test_the_check_runs_on_the_oldest_and_the_newest_python_that_are_promised() -> None:
    (job,) = dict(jobs(GITHUB / "workflows" / "ci.yml")).values()
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    newest = re.findall(r"^FROM python:(\d+\.\d+)-slim@sha256:", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[-1]

    assert job["strategy"]["matrix"]["python"] == [oldest, newest]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]


def test_known_vulnerabilities_are_asked_for_every_day_and_with_every_change_of_a_lock() -> None:
    path = GITHUB / "workflows" / "audit.yml"
    on = read(path)["on"]

    assert "make audit" in [step.get("run") for step in steps(path)]
    assert [re.fullmatch(r"\d+ \d+ \* \* \*", one["cron"]) is not None for one in on["schedule"]] == [True]
    assert "requirements/**" in on["pull_request"]["paths"]


def test_a_bot_proposes_newer_actions_and_base_images() -> None:
    updates = {update["package-ecosystem"]: update for update in read(GITHUB / "dependabot.yml")["updates"]}

    assert updates.keys() >= {"github-actions", "docker", "docker-compose"}
    assert updates["docker"]["schedule"]["interval"] == "weekly", "a pinned base image gets no mends by itself"


def test_a_release_is_checked_before_it_is_built_and_every_part_of_it_is_attested() -> None:
    path = GITHUB / "workflows" / "release.yml"
    found = dict(jobs(path))
    order = [step.get("run") or step.get("uses", "").partition("@")[0] for step in found["release"]["steps"]]
    first_push = order.index("docker/build-push-action")
    subjects = "\n".join(str(step["with"]) for step in found["release"]["steps"] if "attest@" in step.get("uses", ""))

    assert found["release"]["needs"] == "check"
    assert found["check"]["uses"] == "./.github/workflows/ci.yml"
    assert {'make notes ARGS="$TAG"', "make audit", "make sbom"} <= set(order[:first_push])
    for part in ("env.IMAGE", "unwonted-*.tgz", "unwonted.cdx.json"):
        assert part in subjects, part
    assert "gh release create" in order[-1]


def test_the_hooks_are_the_check_of_make_on_what_a_commit_changes() -> None:
    hooks = {hook["id"]: hook for hook in read(ROOT / ".pre-commit-config.yaml")["repos"][0]["hooks"]}
    checks = {name.removeprefix("check-") for name in re.findall(r"check-\w+", recipe("check"))}

    assert set(hooks) == checks
    for name, hook in hooks.items():
        command = recipe(f"check-{name}").strip().removeprefix("@").replace("$(PYTEST)", ".venv/bin/python -m pytest")
        words = command.replace("$(BIN)", ".venv/bin").split()
        assert hook["entry"].split()[:2] == [word for word in words if word != "."][:2], name
        assert hook["language"] == "system", "installs nothing"


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ("service/app.py", {"format", "lint", "layers", "types", "tests"}),
        ("tests/models/stream/test_buckets.py", {"format", "lint", "types", "tests"}),
        ("tests/fakes/clock.py", {"format", "lint", "types"}),
        ("pyproject.toml", {"layers", "types"}),
        ("README.md", set()),
    ],
)
def test_a_change_wakes_the_hooks_that_it_concerns(changed: str, wanted: set[str]) -> None:
    hooks = read(ROOT / ".pre-commit-config.yaml")["repos"][0]["hooks"]
    awake = {
        hook["id"]
        for hook in hooks
        if re.search(hook.get("files", ""), changed) and ("types_or" not in hook or changed.endswith(".py"))
    }

    assert awake == wanted


def test_every_path_that_has_an_owner_exists() -> None:
    lines = [line.split() for line in (GITHUB / "CODEOWNERS").read_text().splitlines() if line and line[0] != "#"]

    assert [owner for _, *owners in lines for owner in owners if not owner.startswith("@")] == []
    assert [path for path, *_ in lines if path != "*" and not (ROOT / path.strip("/")).exists()] == []


def test_every_file_keeps_to_the_editors_rules() -> None:
    rules = (ROOT / ".editorconfig").read_text(encoding="utf-8")
    spared = re.findall(r"^\[((?:tests|service)/[^\]]+)\]$", rules, re.MULTILINE)
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wrong = []
    for name in filter(None, listing.split("\0")):
        path = ROOT / name
        if not path.is_file() or path.is_symlink() or any(fnmatch(name, pattern) for pattern in spared):
            continue
        try:
            text = path.read_bytes().decode()
        except UnicodeDecodeError:
            continue
        if text and (not text.endswith("\n") or "\r" in text or re.search(r"[ \t]+$", text, re.MULTILINE)):
            wrong.append(name)

    assert wrong == []


def test_all_parts_name_one_version() -> None:
    assert len(set(versions(ROOT).values())) == 1, versions(ROOT)


@pytest.fixture
def releasable(tmp_path: Path) -> Path:
    """A repository that could be released as 9.8.7, but for what a test changes."""
    for name in ("pyproject.toml", "Dockerfile", "deploy/helm/unwonted/Chart.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(versions(ROOT)["pyproject.toml"], "9.8.7"), encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(
        "## [Unreleased]\n\n## [9.8.7] - 2026-11-27\n\n- One.\n\n## [9.8.6]\n\n- Two.\n"
    )
    return tmp_path


def test_a_release_is_told_with_its_section_of_the_changelog(releasable: Path) -> None:
    assert notes(releasable, "v9.8.7") == "- One.\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("pyproject.toml", 'version = "9.8.7"', 'version = "9.8.8"', "pyproject.toml says 9.8.8"),
        ("deploy/helm/unwonted/Chart.yaml", "\nversion: 9.8.7", "\nversion: 1.0.0", "the chart says 1.0.0"),
        ("deploy/helm/unwonted/Chart.yaml", "appVersion: 9.8.7", "appVersion: 1.0.0", "what the chart installs says"),
        ("Dockerfile", '="9.8.7"', '="1.0.0"', "the image's label says 1.0.0"),
        ("Dockerfile", 'image.version="9.8.7"', "", "Dockerfile names no version"),
        ("CHANGELOG.md", "- One.\n", "", "has no section [9.8.7], or nothing in it"),
    ],
)
def test_parts_that_disagree_are_no_release(releasable: Path, file: str, old: str, new: str, said: str) -> None:
    text = (releasable / file).read_text(encoding="utf-8")
    assert old in text
    (releasable / file).write_text(text.replace(old, new), encoding="utf-8")

    with pytest.raises(ValueError, match=re.escape(said)):
        notes(releasable, "v9.8.7")


def test_a_version_with_dots_is_no_pattern() -> None:
    assert section("## [1x2]\n\n- No.\n", "1.2") == ""


def test_the_wheel_says_that_it_has_types() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "packages"
    ]

    assert [name for name in packages if not (ROOT / name / "py.typed").is_file()] == []


@pytest.mark.integration
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_bill_of_materials_has_every_locked_library_with_its_hashes() -> None:
    python = ROOT / "build" / "release-venv" / "bin" / "python"
    if not python.exists():
        pytest.skip("THE BILL OF MATERIALS IS NOT CHECKED: make sbom installs what makes it")
    command = re.sub(r"\\\n\t?\s*", " ", recipe("sbom")).partition("&&")[0].strip().removeprefix("@")
    words = command.replace("$(RELEASE_VENV)/bin/python", str(python)).replace("build/unwonted.cdx.json", "-").split()
    result = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    bill = yaml.safe_load(result.stdout)
    locked = set(re.findall(r"^([\w.-]+==[\w.]+)", (ROOT / "requirements/runtime.txt").read_text(), re.MULTILINE))

    assert bill["bomFormat"] == "CycloneDX"
    assert {f"{one['name']}=={one['version']}" for one in bill["components"]} == locked
    assert all(one["externalReferences"][0]["hashes"] for one in bill["components"])
