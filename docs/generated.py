"""Names every file that is made from code, and makes it: `make generated` writes those that have changed.

What each file says, and how, is with the code that it shows. Pictures that take a run of the demo or of the benchmarks
are made there (`make demo`, `make bench-detection`), and the locks by `make lock`.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from demo.dashboards import DASHBOARDS, azure_rules, chart_rules, write
from deploy.helm.refresh_schema import FILE, refreshed
from docs.cards import findings
from docs.images import draw
from docs.images.architecture import architecture
from models.detectors import DETECTORS
from service.settings import example_yaml, json_schema, option_reference
from service.sinks.sentinel import COLUMNS

ROOT = Path(__file__).parents[1]


def chart_schema() -> str:
    """Return the chart's values.schema.json with the service's options as they are now."""
    schema = refreshed(json.loads(FILE.read_text(encoding="utf-8")), json_schema(), DETECTORS)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def sentinel_columns() -> str:
    """Return the columns of the table for Microsoft Sentinel, in the words of a table and of a rule's stream."""
    stream = [{"name": name, "type": kind} for name, kind in COLUMNS.items()]
    table = [{**one, "type": one["type"].replace("datetime", "dateTime")} for one in stream]
    return json.dumps({"table": table, "stream": stream}, indent=2) + "\n"


GENERATED: dict[str, Callable[[], str]] = {
    "config/unwonted.yaml": example_yaml,
    "docs/configuration.md": option_reference,
    "docs/findings.md": findings,
    "docs/images/architecture.svg": architecture,
    **{f"docs/images/{name}": drawn for name, drawn in draw.PICTURES.items()},
    "deploy/helm/unwonted/values.schema.json": chart_schema,
    "deploy/azure/sentinel-columns.json": sentinel_columns,
    "deploy/azure/prometheus-rules.json": azure_rules,
    "deploy/helm/unwonted/files/rules.yaml": chart_rules,
    **{f"deploy/helm/unwonted/files/dashboards/unwonted-{one.name}.json": partial(write, one) for one in DASHBOARDS},
    **{f"config/grafana/dashboards/{one.name}.json": partial(write, one) for one in DASHBOARDS},
}
"""Path in the repository, and what the file should hold."""


def main() -> None:
    """Write what has changed, and say what was written."""
    for name, content in GENERATED.items():
        path, text = ROOT / name, content()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(name)


if __name__ == "__main__":
    main()
