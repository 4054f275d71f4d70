"""Builds what writes the history and keeps it in blobs, and says where it is; asking it is the command line's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from service.core.ports import Clock, Generation, SegmentStore, SnapshotStore
from service.history import HistoryFile, HistoryLimits, Recorder, Shipping
from service.monitoring.metrics import BesideReading
from service.settings import HistorySettings, Settings
from service.storage import BlobSegments
from service.wiring.storage import open_container

if TYPE_CHECKING:
    from service.console import Console

_CLOSED_WITHIN: Final = 1.5  # seconds; the application gives all that is closed at the end two

_SETTLED_WITHIN: Final = 1.0  # seconds that a snapshot, and so an alert, may come later

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


def build_segments(settings: Settings, resources: AsyncExitStack) -> SegmentStore | None:
    """Build what keeps segments of the history beside the snapshots; None where those are files, or nobody wants it."""
    place = settings.snapshots
    if place.kind != "blob" or not (settings.history.enabled and settings.history.in_blobs):
        return None
    container = open_container(place, resources, retry_total=2, connection_timeout=5, read_timeout=30)
    return BlobSegments(container, place.blob)


def build_shipping(
    settings: Settings, clock: Clock, recorder: Recorder | None, resources: AsyncExitStack
) -> Shipping | None:
    """Build what ships what `recorder` writes into segments, and fetches them; None if there are to be none."""
    path, store = history_path(settings), build_segments(settings, resources) if recorder is not None else None
    if recorder is None or path is None or store is None:
        return None
    return Shipping(path, store, recorder, history_limits(settings.history), clock)


class HistoryFirst:
    """Saves a snapshot once the history has what happened until then, so that a process that is killed leaves no hole.

    What is not in the snapshot happens again, what is in it does not. A history that cannot be written is not waited
    for, and one that is slow for a second at most.

    Parameters
    ----------
    store
        Where the snapshots are.
    recorder
        What writes the history.
    """

    def __init__(self, store: SnapshotStore, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder

    def load(self) -> AsyncIterator[Generation]:
        """Yield what is there, newest first."""
        return self._store.load()

    def accept(self) -> None:
        """Hold what was yielded last for good."""
        self._store.accept()

    async def save(self, data: bytes) -> None:
        """Save a snapshot."""
        with suppress(OSError):  # no thread is left: the snapshot matters more
            await asyncio.to_thread(self._recorder.settle, _SETTLED_WITHIN)
        await self._store.save(data)


def beside_reading(recorder: Recorder | None, shipping: Shipping | None, console: "Console | None") -> BesideReading:
    """Return what metrics say of what goes on beside detection, where there is any of it."""
    entered, refused = console.sign_ins if console else (0, 0)
    return BesideReading(
        history_dropped=recorder.dropped if recorder else 0,
        unshipped_hours=shipping.unshipped if shipping else 0,
        shipping_failed=shipping is not None and shipping.is_failing,
        entered=entered,
        refused=refused,
    )
