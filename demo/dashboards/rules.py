"""The rules of ``config/prometheus`` in the forms that others want: the chart's, and Azure's managed Prometheus'."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parents[2] / "config" / "prometheus"
_SEVERITIES = {"critical": 0, "warning": 2}


def rule_groups() -> list[dict[str, Any]]:
    """Return the groups of recording rules and of alert rules, as Prometheus reads them."""
    return [
        group
        for name in ("recording.yml", "alerts.yml")
        for group in yaml.safe_load((RULES / name).read_text(encoding="utf-8"))["groups"]
    ]


def chart_rules() -> str:
    """Return the groups as the chart carries them in a PrometheusRule."""
    return yaml.safe_dump({"groups": rule_groups()}, sort_keys=False, allow_unicode=True, width=120)


def azure_rules() -> str:
    """Return the groups as the properties of Azure's ``prometheusRuleGroups``, which the templates take in.

    Durations are written as ISO 8601 has them, and no group is evaluated more often than once a minute. Annotations
    have labels and values alone, because functions of Prometheus' templates are not said to work there.

    References
    ----------
    https://learn.microsoft.com/azure/azure-monitor/metrics/prometheus-rule-groups
    """
    groups = [
        {
            "name": group["name"],
            "interval": _iso(max(_seconds(group.get("interval", "1m")), 60)),
            "rules": [_azure_rule(rule) for rule in group["rules"]],
        }
        for group in rule_groups()
    ]
    return json.dumps(groups, indent=2, ensure_ascii=False) + "\n"


def _azure_rule(rule: dict[str, Any]) -> dict[str, Any]:
    if "record" in rule:
        return {"record": rule["record"], "expression": rule["expr"].strip()}
    made = {
        "alert": rule["alert"],
        "expression": rule["expr"].strip(),
        "enabled": True,
        "severity": _SEVERITIES[rule["labels"]["severity"]],
        "labels": rule["labels"],
        "annotations": {name: _plain(text) for name, text in rule["annotations"].items()},
        "resolveConfiguration": {"autoResolved": True, "timeToResolve": "PT10M"},
    }
    return {**made, "for": _iso(_seconds(rule["for"]))} if "for" in rule else made


def _plain(text: str) -> str:
    """Return an annotation without functions and conditions.

    >>> _plain("{{ $value | humanizeDuration }}, {{ if $labels.job }}{{ $labels.job }}{{ else }}any{{ end }}")
    '{{ $value }} seconds, {{ $labels.job }}'
    """
    text = re.sub(r"{{ if [^}]*}}(.*?){{ else }}.*?{{ end }}", r"\1", text)
    for function, unit in (("humanizeDuration", " seconds"), ("humanizePercentage", " (1 is all)"), ("humanize", "")):
        text = text.replace(f"{{{{ $value | {function} }}}}", f"{{{{ $value }}}}{unit}")
    return text


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3_600}[duration[-1]]


def _iso(seconds: int) -> str:
    return f"PT{seconds // 3_600}H" if seconds % 3_600 == 0 else f"PT{seconds // 60}M"
