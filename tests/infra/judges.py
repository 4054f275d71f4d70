"""Where the programs are that judge the chart and the Azure templates, and how they are run.

They live in an environment of their own (requirements/infra.in), beside the one that runs the tests; `make test`
installs it. Without it their tests are skipped, and say so.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.prefix) / "infra" / "bin"

needs_judges = pytest.mark.skipif(
    not (BIN / "checkov").exists(), reason="no .venv/infra: make .venv/stamps/infra installs it"
)


def judge(*command: str | Path, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run one of the judges, by its name, in the repository."""
    name, *arguments = command
    return subprocess.run(
        [BIN / name, *arguments], cwd=ROOT, input=said, capture_output=True, text=True, check=False, timeout=300
    )
