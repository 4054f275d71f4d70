"""The dashboards, described once: Grafana's files are written from it, and the demo draws it."""

from demo.dashboards.coverage import COVERAGE
from demo.dashboards.detection import DETECTION
from demo.dashboards.health import HEALTH

DASHBOARDS = (HEALTH, DETECTION, COVERAGE)

__all__ = ["DASHBOARDS"]
