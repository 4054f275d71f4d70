"""The dependency rule of the code base, executed; and the proof that each of its contracts can be broken."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def lint_imports(tree: Path) -> "subprocess.CompletedProcess[str]":
    lint = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200"}
    return subprocess.run([lint, "--no-cache"], cwd=tree, env=environment, capture_output=True, text=True, check=False)


def test_every_module_keeps_to_its_ring() -> None:
    result = lint_imports(ROOT)

    assert result.returncode == 0, result.stdout + result.stderr


def test_each_contract_notices_a_planted_breach(tmp_path: Path) -> None:
    for package in ("service", "models", "demo"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    breaches = {
        "models/statistics/decay.py": "import models.detectors.contract",
        "models/stream/events.py": "import time",
        "service/core/alerting/alerts.py": "import logging",
        "service/clock.py": "import demo",
        "service/utils.py": "",
        "service/console/words.py": "import service.storage",
        "service/shards/local.py": "import pyspark",
        "service/sinks/slack/rendering.py": "import service.sinks.teams.rendering",
    }
    for name, line in breaches.items():
        with (tmp_path / name).open("a") as file:
            file.write(f"\n{line}\n")

    result = lint_imports(tmp_path)

    assert "Contracts: 0 kept, 8 broken" in result.stdout
