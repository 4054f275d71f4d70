"""Dashboards and rules for a cluster: a ConfigMap for Grafana's sidecar, a PrometheusRule for the operator."""

from typing import Any

import yaml

from demo.dashboards import DASHBOARDS
from demo.dashboards.grafana import write
from demo.dashboards.rules import rule_groups

LABELS = {"app.kubernetes.io/name": "unwonted"}


def manifests() -> str:
    """Return both as one YAML stream, without a namespace."""
    config_map: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "unwonted-dashboards", "labels": {**LABELS, "grafana_dashboard": "1"}},
        "data": {f"unwonted-{dashboard.name}.json": write(dashboard) for dashboard in DASHBOARDS},
    }
    rules: dict[str, Any] = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "unwonted", "labels": LABELS},
        "spec": {"groups": rule_groups()},
    }
    return yaml.safe_dump_all([config_map, rules], sort_keys=False, allow_unicode=True, width=120)
