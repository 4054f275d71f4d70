"""The Deployment on the operators' page fits the image, the service and the configuration shown above it."""

import re
from pathlib import Path
from typing import Any

import yaml

from service.monitoring.http import PROBES
from service.settings.root import Settings
from service.sinks.teams.settings import TeamsSettings

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/operators.md").read_text(encoding="utf-8"), re.DOTALL)


def deployment() -> dict[str, Any]:
    found = [yaml.safe_load(block) for block in BLOCKS if "kind: Deployment" in block]
    assert len(found) == 1
    spec: dict[str, Any] = found[0]["spec"]
    return spec


def container() -> dict[str, Any]:
    only: list[dict[str, Any]] = deployment()["template"]["spec"]["containers"]
    assert len(only) == 1
    return only[0]


def test_one_instance_runs_at_a_time_and_is_given_its_grace() -> None:
    spec = deployment()
    assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    grace = Settings().shutdown.grace.total_seconds()
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > grace


def test_the_probes_ask_for_paths_that_the_service_answers_on_its_port() -> None:
    one = container()
    paths = {one[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == set(PROBES)
    assert [port["containerPort"] for port in one["ports"]] == [Settings().http.port]


def test_what_is_mounted_is_where_image_and_configuration_look_for_it() -> None:
    mounted = {mount["mountPath"] for mount in container()["volumeMounts"]}
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "UNWONTED_CONFIG=/etc/unwonted/unwonted.yaml" in image
    assert "WORKDIR /state" in image
    configured = Settings.model_validate(next(yaml.safe_load(block) for block in BLOCKS if "event_hub:" in block))
    sink = configured.sinks["soc"]
    assert isinstance(sink, TeamsSettings)
    address = sink.address
    assert mounted == {"/etc/unwonted", "/state", str(Path(str(address)).parent)}
    assert {mount["name"] for mount in container()["volumeMounts"]} == {
        volume["name"] for volume in deployment()["template"]["spec"]["volumes"]
    }
