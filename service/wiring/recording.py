"""Builds what writes the history, and says where it is; asking it is the command line's business."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from service.history import HistoryFile, HistoryLimits, Recorder
from service.settings import HistorySettings, Settings

_CLOSED_WITHIN: Final = 1.5  # seconds; the application gives all that is closed at the end two

_NAME: Final = "history.sqlite"


def history_path(settings: Settings) -> Path | None:
    """Return where the history is; None if it has no place, as beside snapshots in blobs."""
    if settings.history.path is not None:
        return settings.history.path
    return settings.snapshots.path / _NAME if settings.snapshots.kind == "file" else None


def history_limits(options: HistorySettings) -> HistoryLimits:
    """Return how much of it is kept."""
    return HistoryLimits(float(options.days), options.max_bytes)


def build_recorder(settings: Settings, resources: AsyncExitStack) -> Recorder | None:
    """Build what writes it, which `resources` closes; None if nobody wants it, or it has no place."""
    path = history_path(settings)
    if not settings.history.enabled or path is None:
        return None
    recorder = Recorder(HistoryFile(path, history_limits(settings.history)))
    resources.push_async_callback(asyncio.to_thread, recorder.close, _CLOSED_WITHIN)
    return recorder
