"""The dashboards drawn from a recording of the real metrics, by Prometheus and without it."""

import math
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from demo.dashboards import DASHBOARDS
from demo.dashboards.answers import Curve, FromRecording, answers, panel_curves
from demo.dashboards.manifests import manifests
from demo.dashboards.recording import Recording
from service.monitoring.metrics.recorder import Metrics

pytestmark = pytest.mark.integration
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOOKS = 13


def recording() -> Recording:
    """Three hours in which something comes in, steadily."""
    registry, told = CollectorRegistry(), Recording()
    metrics = Metrics(registry, detectors=("rare_action",), sinks=("soc",), identity_limit=10)
    for look in range(LOOKS):
        now = NOON + timedelta(minutes=15 * look)
        metrics.record_batch("0", messages=30, seconds=0.01)
        metrics.record_parsed(records=90, rejects={}, left_out={})
        metrics.record_arrival(now, now - timedelta(minutes=7))
        metrics.record_evaluation(seconds=0.1, at=now)
        metrics.record_partitions(owned=1, known=1)
        told.add(now, generate_latest(registry).decode())
    return told


def near(one: Curve, other: Curve) -> bool:
    """Whether two curves agree from the second hour on, when Prometheus has enough to go by; within a tenth."""
    pairs = list(zip(one.values, other.values, strict=True))[LOOKS // 2 :]
    return all(math.isclose(a, b, rel_tol=0.1, abs_tol=1e-9) for a, b in pairs if math.isfinite(a) and math.isfinite(b))


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus (Debian: prometheus) is absent")
async def test_the_recording_answers_as_prometheus_does() -> None:
    told = recording()
    compared = 0
    async with answers(told) as prometheus:
        assert prometheus.of == "Prometheus"
        for panel in (panel for dashboard in DASHBOARDS for panel in dashboard.panels):
            asked = {
                (c.name, tuple(sorted(c.labels.items()))): c for c in await panel_curves(prometheus, panel, told.times)
            }
            own = await panel_curves(FromRecording(told), panel, told.times)
            for curve in own:
                other = asked.get((curve.name, tuple(sorted(curve.labels.items()))))
                if other is not None:
                    compared += 1
                    assert near(curve, other), (panel.title, curve, other)
    assert compared > 60


async def test_each_dashboard_becomes_a_picture_that_says_where_its_numbers_are_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from demo.dashboards.pictures import draw_all  # the plotting library takes seconds to load

    monkeypatch.setenv("PATH", "")  # no Prometheus
    paths, source = await draw_all(recording(), tmp_path / "new")

    assert source == "the service's own metrics"
    assert [path.name for path in paths] == ["health.png", "detection.png", "coverage.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


async def test_a_prometheus_that_does_not_take_the_recording_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("prometheus", "promtool"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    async with answers(recording()) as source:
        assert isinstance(source, FromRecording)


def test_a_cluster_gets_a_config_map_with_grafanas_label_and_all_rules() -> None:
    config_map, rules = yaml.safe_load_all(manifests())

    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert config_map["data"].keys() == {f"unwonted-{dashboard.name}.json" for dashboard in DASHBOARDS}
    assert {rule["alert"] for group in rules["spec"]["groups"] for rule in group["rules"] if "alert" in rule} > {
        "UnwontedDown",
        "UnwontedNoEvents",
    }
