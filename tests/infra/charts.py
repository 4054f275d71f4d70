"""Renders the chart with Helm itself, and finds things in what it rendered. What they should be is for the tests."""

import json
from typing import Any

import yaml

from tests.infra.judges import ROOT, judge

CHART = ROOT / "deploy" / "helm" / "unwonted"
SETS = sorted(path.stem.removesuffix("-values") for path in (CHART / "ci").glob("*-values.yaml"))
BATCH = """
import json, runpy, sys
from pathlib import Path
import helm_python
chart = runpy.run_path("deploy/helm/render.py")
answers = []
for case in json.load(sys.stdin):
    values = chart["merged"](chart["read"]([Path(file) for file in case["files"]]), case["values"])
    answer = {"lint": chart["lint"](values)} if case["lint"] else {}
    try:
        answer["manifests"] = chart["template"](values, case.get("name", "unwonted"))
    except helm_python.HelmError as error:
        answer["error"] = str(error)
    answers.append(answer)
json.dump(answers, sys.stdout)
"""

Manifest = dict[str, Any]


def case(which: str | None, values: str = "{}", *, lint: bool = False, **more: str) -> dict[str, Any]:
    """Return what to render: a set of values of the chart's own, or none, and what somebody typed over it.

    What Helm's linter says of it is asked only with `lint`: to lint takes longer than to render.
    """
    files = [str(CHART / "ci" / f"{which}-values.yaml")] if which else []
    return {"files": files, "values": yaml.safe_load(values), "lint": lint, **more}


def answers(*cases: dict[str, Any]) -> list[dict[str, Any]]:
    """Let Helm render each case, and lint it where asked to; all in one process, because to load Helm takes longest."""
    result = judge("python", "-c", BATCH, said=json.dumps(cases))
    assert result.returncode == 0, result.stderr
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def manifests(answer: dict[str, Any]) -> list[Manifest]:
    assert "error" not in answer, answer["error"]
    texts = [text for path, text in sorted(answer["manifests"].items()) if not path.endswith("NOTES.txt")]
    return [manifest for text in texts for manifest in yaml.safe_load_all(text) if manifest]


def of_kind(chart: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in chart if manifest["kind"] == kind]


def only(chart: list[Manifest], kind: str) -> Manifest:
    (manifest,) = of_kind(chart, kind)
    return manifest


def pod(chart: list[Manifest]) -> dict[str, Any]:
    spec: dict[str, Any] = only(chart, "Deployment")["spec"]["template"]["spec"]
    return spec


def container(chart: list[Manifest]) -> dict[str, Any]:
    (one,) = pod(chart)["containers"]
    found: dict[str, Any] = one
    return found


def config_text(chart: list[Manifest]) -> str:
    (text,) = [
        manifest["data"]["unwonted.yaml"]
        for manifest in of_kind(chart, "ConfigMap")
        if "unwonted.yaml" in manifest["data"]
    ]
    return str(text)


def volumes(chart: list[Manifest]) -> dict[str, str]:
    """Name of each volume of the pod, and what kind of volume it is."""
    return {volume["name"]: next(key for key in volume if key != "name") for volume in pod(chart)["volumes"]}
