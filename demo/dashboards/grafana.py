"""The dashboards as Grafana's classic JSON, for files that it is provisioned with."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from demo.dashboards.panels import Dashboard, Panel

Json = dict[str, Any]

TAG = "unwonted"
SOURCE: Mapping[str, str] = {"type": "prometheus", "uid": "${datasource}"}
_TYPES = {"stat": "stat", "lines": "timeseries", "heat": "heatmap"}
_SIZES = {"stat": (3, 4), "lines": (8, 8), "heat": (8, 8)}
_SIX_STATS = 4
_ACROSS = 24


def write(dashboard: Dashboard) -> str:
    """Return the file's text."""
    return (
        json.dumps(
            {
                "uid": f"{TAG}-{dashboard.name}",
                "id": None,
                "title": dashboard.title,
                "description": dashboard.description,
                "tags": [TAG],
                "schemaVersion": 39,
                "version": 1,
                "editable": False,
                "graphTooltip": 1,
                "timezone": "browser",
                "time": {"from": f"now-{dashboard.hours}h", "to": "now"},
                "refresh": "30s",
                "links": [_to_the_others()],
                "annotations": {"list": []},
                "templating": {"list": [_source(), _job()]},
                "panels": list(_placed(dashboard)),
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )


def _placed(dashboard: Dashboard) -> Iterator[Json]:
    number = y = 0
    for row in dashboard.rows:
        number += 1
        place = {"h": 1, "w": _ACROSS, "x": 0, "y": y}
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}
        x, height = 0, 0
        y += 1
        for panel in row.panels:
            number += 1
            width, tall = _SIZES[panel.kind]
            if panel.kind == "stat" and len(row.panels) * _SIX_STATS <= _ACROSS:
                width = _SIX_STATS
            if x + width > _ACROSS:
                x, y = 0, y + height
            yield _panel(panel, number, {"h": tall, "w": width, "x": x, "y": y})
            x, height = x + width, tall
        y += height


def _panel(panel: Panel, number: int, place: Mapping[str, int]) -> Json:
    return {
        "id": number,
        "type": _TYPES[panel.kind],
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "datasource": SOURCE,
                "expr": line.query.promql(),
                "legendFormat": line.name,
                "range": panel.kind != "stat",
                "instant": panel.kind == "stat",
                "format": "heatmap" if panel.kind == "heat" else "time_series",
            }
            for at, line in enumerate(panel.lines)
        ],
    }


def _defaults(panel: Panel) -> Json:
    steps = [
        {"color": colour, "value": None if at == 0 else value}
        for at, (value, colour) in enumerate(panel.steps or ((0, "blue"),))
    ]
    defaults: Json = {
        "unit": panel.unit,
        "min": 0,
        "noValue": panel.nothing,
        "thresholds": {"mode": "absolute", "steps": steps},
        "color": {"mode": "thresholds" if panel.kind == "stat" else "palette-classic"},
    }
    if panel.top is not None:
        defaults["max"] = panel.top
    if panel.kind == "lines":
        style = {"thresholdsStyle": {"mode": "dashed"}} if panel.steps else {}
        defaults["custom"] = {"drawStyle": "line", "fillOpacity": 8, "showPoints": "never", "spanNulls": True, **style}
    return defaults


def _options(panel: Panel) -> Json:
    if panel.kind == "stat":
        reduce = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        return {"reduceOptions": reduce, "colorMode": "value", "graphMode": "area", "textMode": "value"}
    if panel.kind == "heat":
        colours = {"mode": "scheme", "scheme": "Blues", "scale": "exponential", "exponent": 0.3, "reverse": True}
        return {"calculate": False, "color": colours, "yAxis": {"unit": panel.unit}, "tooltip": {"mode": "single"}}
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def _source() -> Json:
    variable = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0}
    return {**variable, "refresh": 1, "current": {}, "options": [], "includeAll": False, "multi": False}


def _job() -> Json:
    query = "label_values(unwonted_build_info, job)"
    return {
        "name": "job",
        "label": "Job",
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": "job"},
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "includeAll": True,
        "multi": True,
        "allValue": ".+",
        "current": {"text": "All", "value": "$__all"},
        "options": [],
    }


def _to_the_others() -> Json:
    kept = {"includeVars": True, "keepTime": True, "targetBlank": False}
    return {"title": "Unwonted", "type": "dashboards", "tags": [TAG], "asDropdown": False, **kept}
