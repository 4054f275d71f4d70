"""No container engine is needed here: the image's steps are linted, compared with make's, and run as they are."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.tenant import Tenant, TenantPlan

ROOT = Path(__file__).parents[2]
KEEPING = ("tests/golden", "tests/models/stream", "tests/properties/test_snapshots.py")  # states of every format
WHERE = "import models.stream.buckets as one, service.core.engine.engine as other; print(one.__file__, other.__file__)"
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def steps(stage: str) -> list[str]:
    """The RUN commands of a stage, in order, with their line breaks taken out."""
    joined = re.sub(r"\\\n\s*", "", stage)
    return re.findall(r"^RUN (.+)$", joined, re.MULTILINE)


BUILD, FINAL = re.split(r"(?m)^FROM python:3\.13-slim@sha256:[0-9a-f]{64}\n", DOCKERFILE)


def test_both_stages_stand_on_one_base_image_that_cannot_change_behind_its_name() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.13-slim@sha256:[0-9a-f]{64}", bases[0])


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    result = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)

    assert (result.returncode, result.stdout) == (0, "")


def test_its_steps_install_with_the_very_commands_of_make() -> None:
    dry_run = subprocess.run(
        ["make", "--dry-run", "--always-make", ".venv/stamps/project"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        # Flags of an outer make would come through otherwise.
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
    )
    made = {line for line in dry_run.stdout.splitlines() if "--require-hashes" in line}
    (runtime,) = (line for line in made if "runtime.txt" in line)
    # The image installs beside its tools as well as into them, which see what they compile against.
    made |= {runtime.replace(" .venv/", " /opt/unwonted/"), runtime.replace("runtime.txt", "compile.txt")}
    image = {part.strip() for step in steps(BUILD) for part in step.split("&&") if "--require-hashes" in part}

    assert len(image) == 4
    assert image == made


def test_it_runs_as_a_numeric_user_that_is_not_root_and_execs_the_service() -> None:
    assert re.search(r"^USER 10001:10001$", FINAL, re.MULTILINE)
    assert FINAL.rstrip().endswith('ENTRYPOINT ["unwonted"]\nCMD ["run"]')


def test_everything_it_copies_is_let_through_to_the_builder() -> None:
    allowed = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    }

    assert [
        name for name in copied if not any(name == entry or name.startswith(f"{entry}/") for entry in allowed)
    ] == []
    assert [name for name in copied if not (ROOT / name).exists()] == []


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image's build steps leave: an environment with the service in it."""
    folder = tmp_path_factory.mktemp("image")
    build, target = folder / "build", folder / "unwonted"
    for line in re.findall(r"^COPY (?!--from)(.+) (\S+)$", BUILD, re.MULTILINE):
        for name in line[0].split():
            to = build / name if line[1].endswith("/") else build / line[1]
            to.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, to, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, to)
    for step in steps(BUILD):
        if step.startswith("apt-get"):
            continue
        command = step.replace("/opt/unwonted", str(target)).replace("python3 -m venv", f"{sys.executable} -m venv")
        subprocess.run(["sh", "-euc", command], cwd=build, check=True, timeout=900)
    return target


@pytest.mark.integration
@pytest.mark.timeout(1800)
@pytest.mark.skipif(shutil.which("gcc") is None, reason="NOT TESTED: no gcc on this machine, which the image installs")
def test_its_build_steps_end_in_a_service_that_starts(built: Path, tmp_path: Path) -> None:
    version = subprocess.run(
        [built / "bin" / "unwonted", "version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    left_over = subprocess.run(
        [built / "bin" / "python", "-c", "import uv"], cwd=tmp_path, capture_output=True, check=False
    )

    assert "0.1.0" in version.stdout
    assert left_over.returncode != 0, "the installer has no business in the image"


def python(tree: Path, *arguments: str, timeout: float = 120) -> str:
    """Run Python with the modules of a tree, and return what it has printed."""
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert result.returncode == 0, (result.stdout[-2000:], result.stderr[-2000:])
    return result.stdout


def replayed(tree: Path, records: Path, folder: Path) -> Iterator[bytes]:
    """Yield all that a replay writes."""
    anomalies, alerts = folder / "anomalies.ndjson", folder / "alerts.ndjson"
    options = ["--quiet", "--anomalies", str(anomalies), "--alerts", str(alerts)]
    yield python(tree, "-m", "service", "replay", *options, str(records)).encode()
    yield anomalies.read_bytes()
    yield alerts.read_bytes()


@pytest.mark.integration
@pytest.mark.timeout(1800)
@pytest.mark.skipif(shutil.which("gcc") is None, reason="NOT TESTED: no gcc on this machine, which the image installs")
def test_compiled_as_it_is_in_the_image_it_finds_the_same_to_the_byte_and_keeps_the_same_state(
    built: Path, tmp_path: Path
) -> None:
    records = tmp_path / "records.ndjson"
    plan = TenantPlan(seed=11, identities=40, days=8, campaigns=3)
    records.write_text("".join(f"{json.dumps(arrival.record)}\n" for arrival in Tenant(plan).records()))
    compiled = tmp_path / "compiled"
    (packages,) = built.glob("lib/python*/site-packages")
    for folder, names in ((packages, ("models", "service")), (ROOT, ("tests", "demo"))):
        for name in names:
            shutil.copytree(folder / name, compiled / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (ROOT / "pyproject.toml", *packages.glob("*__mypyc*.so")):
        shutil.copy(file, compiled)

    assert len([*compiled.rglob("*.so")]) > 20
    assert [Path(name).suffix for name in python(compiled, "-c", WHERE).split()] == [".so", ".so"]
    assert [Path(name).suffix for name in python(ROOT, "-c", WHERE).split()] == [".py", ".py"]
    written = [*replayed(ROOT, records, tmp_path)]
    assert [*replayed(compiled, records, tmp_path)] == written
    assert b"anomal" in b"".join(written)
    assert len(written[1]) > 100_000
    # What a property finds, it finds uncompiled: here a few examples show whether types and states are the same.
    few = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=quick")
    python(compiled, *few, *KEEPING, timeout=900)
