"""``python -m demo.dashboards``: writes Grafana's files anew from their description."""

from pathlib import Path

from demo.dashboards import DASHBOARDS
from demo.dashboards.grafana import write

FOLDER = Path(__file__).parents[2] / "config" / "grafana" / "dashboards"

if __name__ == "__main__":
    for dashboard in DASHBOARDS:
        path = FOLDER / f"{dashboard.name}.json"
        path.write_text(write(dashboard), encoding="utf-8")
        print(path)
