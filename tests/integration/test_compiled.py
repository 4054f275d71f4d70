"""Compiled or not, a replay is the same to the byte, and so is a snapshot."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.tenant import Tenant, TenantPlan

ROOT = Path(__file__).parents[2]
COMPILER = (sysconfig.get_config_var("CC") or "cc").split()[0]
PACKAGES = ("models", "service")
KEEPING = ("tests/golden", "tests/models/stream", "tests/properties/test_snapshots.py")  # states of every format
COMPILE = "import pathlib, sys, hatch_build; print(len(hatch_build.compile_into(pathlib.Path(sys.argv[1]))))"
WHERE = "import models.stream.buckets as one, service.core.engine.engine as other; print(one.__file__, other.__file__)"


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


def replayed(tree: Path, records: Path) -> Iterator[bytes]:
    """Yield all that a replay writes."""
    anomalies, alerts = tree / "anomalies.ndjson", tree / "alerts.ndjson"
    options = ["--quiet", "--anomalies", str(anomalies), "--alerts", str(alerts)]
    yield python(tree, "-m", "service", "replay", *options, str(records)).encode()
    yield anomalies.read_bytes()
    yield alerts.read_bytes()


@pytest.mark.integration
@pytest.mark.timeout(1800)
@pytest.mark.skipif(shutil.which(COMPILER) is None, reason=f"NOT TESTED: no C compiler {COMPILER} on this machine")
@pytest.mark.skipif(importlib.util.find_spec("setuptools") is None, reason="NOT TESTED: setuptools is not installed")
def test_what_is_compiled_finds_the_same_to_the_byte_and_keeps_the_same_state(tmp_path: Path) -> None:
    records = tmp_path / "records.ndjson"
    plan = TenantPlan(seed=11, identities=40, days=8, campaigns=3)
    records.write_text("".join(f"{json.dumps(arrival.record)}\n" for arrival in Tenant(plan).records()))
    pure, compiled = tmp_path / "pure", tmp_path / "compiled"
    for tree, names in ((pure, PACKAGES), (compiled, (*PACKAGES, "tests", "demo"))):
        for name in names:
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("hatch_build.py", "pyproject.toml"):
        shutil.copy(ROOT / name, compiled)

    libraries = python(compiled, "-c", COMPILE, str(compiled), timeout=1500)

    assert int(libraries.splitlines()[-1]) > 20
    assert [Path(name).suffix for name in python(compiled, "-c", WHERE).split()] == [".so", ".so"]
    assert [Path(name).suffix for name in python(pure, "-c", WHERE).split()] == [".py", ".py"]
    written = [*replayed(pure, records)]
    assert [*replayed(compiled, records)] == written
    assert b"anomal" in b"".join(written)
    assert len(written[1]) > 100_000
    # What a property finds, it finds uncompiled: here a few examples show whether types and states are the same.
    few = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=quick")
    python(compiled, *few, *KEEPING, timeout=900)
