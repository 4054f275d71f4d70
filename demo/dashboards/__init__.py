"""The dashboards, described once: Grafana's files are written from it, and the demo draws it."""

from demo.dashboards.blindness import BLINDNESS
from demo.dashboards.detection import DETECTION
from demo.dashboards.health import HEALTH

DASHBOARDS = (HEALTH, DETECTION, BLINDNESS)

__all__ = ["DASHBOARDS"]
