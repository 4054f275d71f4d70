"""Builds what outlives the process: the snapshot store, the state kept in it, and the dead letter."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from service.core.coverage import CoverageMonitor, GapLimits
from service.core.engine import Engine
from service.core.outbox import Outbox
from service.core.ports import Clock, DeadLetterStore, SnapshotStore
from service.delivery import UndeliverableWriter
from service.monitoring import Redactor
from service.settings import BlobPlace, Settings, secrets
from service.storage import (
    BlobDeadLetterStore,
    BlobSnapshotStore,
    FileDeadLetterStore,
    FileSnapshotStore,
    Saved,
    State,
)
from service.telemetry import DeadLettersWritten, Telemetry

if TYPE_CHECKING:
    from azure.storage.blob.aio import ContainerClient


def build_state(
    settings: Settings,
    engine: Engine,
    outbox: Outbox,
    store: SnapshotStore,
    clock: Clock,
    observer: Callable[[Saved], None],
) -> State:
    """Build the state that is saved in `store`, and restored from it, as one: engine, outbox and coverage."""
    # A gap stays open for as long as evaluations are apart, so that one of them has judged what came late.
    limits = GapLimits(settings.notices.after, settings.schedule.every, settings.notices.late_by)
    return State(engine, outbox, store, clock, observer, CoverageMonitor(limits))


def _open_container(place: BlobPlace, resources: AsyncExitStack, **retry_options: Any) -> "ContainerClient":
    """Return a client for the container that `place` names; `resources` closes it, `retry_options` go to it."""
    # Here, because they take most of a second to import, and most services keep everything in files.
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415
    from azure.storage.blob.aio import ContainerClient  # noqa: PLC0415

    if place.connection_string is not None:
        text = place.connection_string.get_secret_value()
        container = ContainerClient.from_connection_string(text, place.container, **retry_options)
    else:
        credential = DefaultAzureCredential()
        resources.push_async_callback(credential.close)
        container = ContainerClient(str(place.account_url), place.container, credential=credential, **retry_options)
    resources.push_async_callback(container.close)
    return container


def build_snapshot_store(settings: Settings, resources: AsyncExitStack) -> SnapshotStore:
    """Build the store that the settings name; `resources` closes it."""
    place = settings.snapshots
    if place.kind == "blob":
        # The SDK itself retries for more than a minute: a wrong role or address should show at once, and the next
        # snapshot is soon enough to try again.
        container = _open_container(place, resources, retry_total=2, initial_backoff=1, increment_base=2)
        return BlobSnapshotStore(container, place.blob)
    return FileSnapshotStore(place.path)


class DeadLetters(NamedTuple):
    """Where records go that could not be understood, and messages that could not be delivered: each its own bound."""

    rejects: DeadLetterStore
    undelivered: DeadLetterStore


def build_dead_letters(settings: Settings, clock: Clock, resources: AsyncExitStack) -> DeadLetters | None:
    """Build the dead letters that the settings name, which `resources` closes; None when both are only counted."""
    place = settings.dead_letter
    if place.kind == "blob":
        # The stream waits for this write: better to lose a sample than to hold up the events behind it.
        container = _open_container(place, resources, retry_total=1, connection_timeout=3, read_timeout=5)

        def blobs(name: str) -> DeadLetterStore:
            return BlobDeadLetterStore(container, clock, prefix=name, max_bytes=place.max_bytes)

        return DeadLetters(blobs(place.blob), blobs(place.undelivered_blob))
    if place.kind == "file":

        def file(path: Path) -> DeadLetterStore:
            return FileDeadLetterStore(path, clock, max_bytes=place.max_bytes // 2, generations=1)

        return DeadLetters(file(place.path), file(place.undelivered_path))
    return None


def build_undeliverable_writer(
    letters: DeadLetters | None, settings: Settings, telemetry: Telemetry
) -> UndeliverableWriter | None:
    """Build what writes undeliverable messages, without their secrets; None when they are only counted."""
    if letters is None:
        return None
    return UndeliverableWriter(
        letters.undelivered,
        redact=Redactor(secrets(settings)),
        observer=lambda written, dropped: telemetry.emit(DeadLettersWritten("undelivered", written, dropped)),
    )
