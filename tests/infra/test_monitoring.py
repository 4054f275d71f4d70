"""What Prometheus and Grafana read: valid for them, and naming no metric or label that the service does not have."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from service.monitoring.metrics.labels import INFO_LABELS, LABELS
from service.monitoring.metrics.recorder import Metrics

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
DASHBOARDS = sorted((CONFIG / "grafana" / "dashboards").glob("*.json"))
PROVISIONING = CONFIG / "grafana" / "provisioning"
OF_THE_PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds"}

every_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is absent")


def panels(path: Path) -> list[dict[str, Any]]:
    return [panel for panel in json.loads(path.read_text())["panels"] if panel["type"] != "row"]


def queries(path: Path) -> Iterator[str]:
    for panel in panels(path):
        for target in panel["targets"]:
            yield target["expr"]


def known_series() -> set[str]:
    registry = CollectorRegistry()
    Metrics(registry, detectors=("rare_action",), sinks=("soc",), identity_limit=1)
    names = set()
    for family in registry.collect():
        match family.type:
            case "counter":
                names.add(f"{family.name}_total")
            case "histogram":
                names |= {f"{family.name}_{part}" for part in ("bucket", "sum", "count")}
            case "info":
                names.add(f"{family.name}_info")
            case _:
                names.add(family.name)
    return names


@every_dashboard
def test_a_dashboard_can_be_provisioned_anywhere(path: Path) -> None:
    dashboard = json.loads(path.read_text())
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}

    assert dashboard["id"] is None
    assert re.fullmatch(r"[a-z0-9-]{1,40}", dashboard["uid"])
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    for panel in panels(path):
        for source in [panel, *panel["targets"]]:
            assert source["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@every_dashboard
def test_every_panel_says_what_it_shows_and_in_which_unit(path: Path) -> None:
    for panel in panels(path):
        assert panel["title"], panel["id"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["noValue"], panel["title"]


@every_dashboard
def test_panels_have_their_own_ids_and_do_not_overlap(path: Path) -> None:
    everything = json.loads(path.read_text())["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in everything:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells

    assert len({panel["id"] for panel in everything}) == len(everything)


@every_dashboard
def test_every_metric_and_label_in_a_dashboard_exists(path: Path) -> None:
    text = path.read_text()
    metrics = set(re.findall(r"\b(?:unwonted|process)_[a-z_]+", text))
    labels = {
        label.strip()
        for expression in queries(path)
        for group in re.findall(r"\bby \(([^)]*)\)", expression)
        for label in group.split(",")
    } | set(re.findall(r"{{(\w+)}}", text))

    assert metrics - known_series() - OF_THE_PROCESS == set()
    assert labels - LABELS - INFO_LABELS - {"le"} == set()


@every_dashboard
def test_rates_are_taken_over_an_interval_that_follows_the_zoom(path: Path) -> None:
    assert [query for query in queries(path) if re.search(r"\brate\([^[]*\[(?!\$__rate_interval\])", query)] == []


def test_a_configmap_of_the_dashboards_is_small_enough_for_kubernetes() -> None:
    assert sum(path.stat().st_size for path in DASHBOARDS) < 1_000_000


@needs_promtool
@every_dashboard
def test_prometheus_can_read_every_query(path: Path, tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "1m").replace("$job", ".+")}
        for number, query in enumerate(queries(path))
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    result = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(rules)} rules found" in result.stdout


def test_every_metric_and_label_in_a_rule_exists() -> None:
    texts = [(CONFIG / "prometheus" / name).read_text() for name in ("recording.yml", "alerts.yml")]
    told = [rule for text in texts for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    recorded = {rule["record"] for rule in told if "record" in rule}
    asked = "\n".join(rule["expr"] for rule in told)
    groupings = re.findall(r"\b(?:by|on) \(([^)]*)\)", asked)

    assert set(re.findall(r"\b(?:unwonted|process)_[a-z_]+", asked)) - known_series() - OF_THE_PROCESS == set()
    assert set(re.findall(r"\bunwonted:[a-z0-9_:]+", asked)) - recorded == set()
    assert {one.strip() for group in groupings for one in group.split(",")} - LABELS - {
        "le",
        "job",
        "instance",
    } == set()


@needs_promtool
def test_prometheus_can_read_its_configuration() -> None:
    file = CONFIG / "prometheus" / "prometheus.yml"
    result = subprocess.run(["promtool", "check", "config", file], capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout + result.stderr


def test_grafana_finds_prometheus_and_the_dashboards_where_compose_puts_them() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "unwonted.yaml").read_text())["providers"]
    (scrape,) = yaml.safe_load((CONFIG / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]

    assert source["url"] == "http://prometheus:9090"
    assert f"./config/grafana/dashboards:{provider['options']['path']}:ro" in compose["grafana"]["volumes"]
    home = compose["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert Path(home).parent == Path(provider["options"]["path"])
    assert Path(home).name in {path.name for path in DASHBOARDS}
    assert "./config/grafana/provisioning:/etc/grafana/provisioning:ro" in compose["grafana"]["volumes"]
    assert scrape["static_configs"] == [{"targets": ["unwonted:8080"]}]
    assert compose["receiver"]["networks"]["default"]["aliases"] == ["unwonted"]
