"""What clusters start the job with: arguments that the command line takes, and what tasks that run together need."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.cli.spark import spark_command

FOLDER = Path(__file__).parents[2] / "deploy" / "spark"


def kubernetes() -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / "kubernetes.yaml").read_text()))


def databricks() -> dict[str, Any]:
    bundle = yaml.safe_load((FOLDER / "databricks.yml").read_text())
    return dict(bundle["resources"]["jobs"]["unwonted"]["tasks"][0])


def arguments() -> dict[str, list[str]]:
    return {
        "kubernetes": kubernetes()["spec"]["arguments"],
        "databricks": databricks()["spark_python_task"]["parameters"],
        "fabric": shlex.split(json.loads((FOLDER / "fabric.json").read_text())["commandLineArguments"]),
    }


@pytest.mark.parametrize("name", sorted(arguments()))
def test_the_command_line_takes_the_arguments(name: str) -> None:
    parameters = spark_command.make_context("spark", list(arguments()[name])).params
    assert parameters["tasks"] == parameters["shards"] == 8
    assert parameters["states"] != parameters["checkpoint"]


def test_as_many_cores_are_there_as_tasks_and_they_stay() -> None:
    spec = kubernetes()["spec"]
    assert spec["executor"]["instances"] * spec["executor"]["cores"] >= 8
    assert spec["sparkConf"]["spark.dynamicAllocation.enabled"] == "false"
    cluster = databricks()["new_cluster"]
    assert "autoscale" not in cluster
    assert cluster["data_security_mode"] == "SINGLE_USER"


def test_driver_and_executors_see_the_same_states_and_only_the_driver_has_secrets() -> None:
    spec = kubernetes()["spec"]
    mounts = {name: {one["name"] for one in spec[name]["volumeMounts"]} for name in ("driver", "executor")}
    assert mounts == {"driver": {"state", "tenants"}, "executor": {"state"}}
