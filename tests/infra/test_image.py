"""No container engine is needed here: the image's steps are linted, compared with make's, and run as they are."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
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


@pytest.mark.integration
@pytest.mark.timeout(1800)
@pytest.mark.skipif(shutil.which("gcc") is None, reason="NOT TESTED: no gcc on this machine, which the image installs")
def test_its_build_steps_end_in_a_service_that_starts(tmp_path: Path) -> None:
    build, target = tmp_path / "build", tmp_path / "unwonted"
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

    version = subprocess.run(
        [target / "bin" / "unwonted", "version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    left_over = subprocess.run(
        [target / "bin" / "python", "-c", "import uv"], cwd=tmp_path, capture_output=True, check=False
    )
    where = [str(target / "bin" / "python"), "-c", "import models.stream.buckets as one; print(one.__file__)"]
    compiled = subprocess.run(where, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert "0.1.0" in version.stdout
    assert compiled.stdout.endswith(".so\n")
    assert left_over.returncode != 0, "the installer has no business in the image"
