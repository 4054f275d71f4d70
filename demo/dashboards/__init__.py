"""The dashboards, described once: Grafana's files are written from it, and the demo draws it."""

from pathlib import Path

from demo.dashboards.coverage import COVERAGE
from demo.dashboards.detection import DETECTION
from demo.dashboards.grafana import write
from demo.dashboards.health import HEALTH
from demo.dashboards.recording import Recording
from demo.dashboards.rules import azure_rules, chart_rules

DASHBOARDS = (HEALTH, DETECTION, COVERAGE)

__all__ = ["DASHBOARDS", "Recording", "azure_rules", "chart_rules", "draw_all", "write"]


async def draw_all(recording: Recording, folder: Path, note: str = "") -> tuple[list[Path], str]:
    """Draw every dashboard as `demo.dashboards.pictures` does.

    Raises
    ------
    ImportError
        The plotting library is not installed; only this needs it.
    """
    from demo.dashboards import pictures  # noqa: PLC0415 - the service's requirements are enough for all the rest

    return await pictures.draw_all(recording, folder, note)
