"""``unwonted spark``: what it says where something is missing, and what the job is asked to do."""

import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service import spark as package
from service.cli import spark as module
from service.cli.commands import main
from service.settings import SettingsError
from service.spark import FileInput, HubInput, JobOptions, JobStopped


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[JobOptions]:
    """What jobs were asked to do, on a machine that has Spark and Java."""
    found: list[JobOptions] = []
    monkeypatch.setattr(module, "find_spec", lambda name: name)
    monkeypatch.setattr(module, "which", lambda name: name)
    monkeypatch.setattr(package, "run_job", found.append)
    monkeypatch.setitem(os.environ, "PYSPARK_PYTHON", "python3")
    return found


def run(tmp_path: Path, *more: object, config: Path | None = None) -> Result:
    path = config or tmp_path / "contoso.yaml"
    if config is None:
        path.write_text("{}")
    words = ["--config", path, "--shards", 4, "--states", tmp_path / "states", "--checkpoint", tmp_path / "checkpoint"]
    return CliRunner().invoke(main, ["spark", *map(str, [*words, *more])])


def test_without_spark_or_java_it_says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    none = run(tmp_path)
    assert (none.exit_code, none.output) == (2, "PySpark is not installed: pip install 'unwonted[spark]'\n")
    monkeypatch.setattr(module, "find_spec", lambda name: name)
    monkeypatch.setattr(module, "which", lambda name: None)
    no_java = run(tmp_path)
    assert (no_java.exit_code, no_java.output) == (
        2,
        "there is no java on the PATH: Spark needs Java 17 or newer\n",
    )


def test_one_tenant_is_called_what_its_file_is(tmp_path: Path, asked: list[JobOptions]) -> None:
    assert run(tmp_path).exit_code == 0
    [options] = asked
    assert [one.name for one in options.tenants] == ["contoso"]
    assert (options.shards, options.every, options.source) == (4, 30, HubInput(100_000))


def test_a_folder_has_many_tenants_and_files_take_the_place_of_hubs(tmp_path: Path, asked: list[JobOptions]) -> None:
    folder = tmp_path / "tenants"
    folder.mkdir()
    empty = run(tmp_path, config=folder)
    assert (empty.exit_code, empty.output) == (2, f"{folder}: there is no configuration in it, such as contoso.yaml\n")
    for name in ("fabrikam", "contoso"):
        (folder / f"{name}.yaml").write_text("{}")
    nowhere = run(tmp_path, "--input", tmp_path / "nowhere")
    assert (nowhere.exit_code, nowhere.output) == (2, f"{tmp_path / 'nowhere'}: is no folder\n")
    found = run(
        tmp_path,
        "--input",
        tmp_path,
        "--files",
        9,
        "--once",
        "--anomalies",
        tmp_path / "found",
        "--http-port",
        0,
        config=folder,
    )
    assert found.exit_code == 0, found.output
    [options] = asked
    assert [one.name for one in options.tenants] == ["contoso", "fabrikam"]
    assert options.http_port == 0
    assert (options.every, options.source, options.anomalies) == (0, FileInput(tmp_path, 9), tmp_path / "found")


@pytest.mark.parametrize(
    ("error", "code"), [(JobStopped("a state is missing"), 1), (SettingsError(["a state is missing"]), 2)]
)
def test_why_a_job_stops_is_one_line(
    tmp_path: Path, asked: list[JobOptions], monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    def stop(options: Any) -> None:
        raise error

    monkeypatch.setattr(package, "run_job", stop)
    result = run(tmp_path)
    assert (result.exit_code, result.output) == (code, "a state is missing\n")
