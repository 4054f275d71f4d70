"""``python -m demo.dashboards``: rewrites Grafana's files, or prints what a cluster needs."""

import argparse
from pathlib import Path

from demo.dashboards import DASHBOARDS, write
from demo.dashboards.manifests import manifests

FOLDER = Path(__file__).parents[2] / "config" / "grafana" / "dashboards"


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(prog="python -m demo.dashboards", description=__doc__)
    parser.add_argument(
        "--manifests", action="store_true", help="print a ConfigMap of the dashboards and a PrometheusRule instead"
    )
    if parser.parse_args().manifests:
        print(manifests(), end="")
        return
    for dashboard in DASHBOARDS:
        path = FOLDER / f"{dashboard.name}.json"
        path.write_text(write(dashboard), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
