"""Builds what outlives the process: the snapshot store, the state kept in it, and the dead letter."""

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any, NamedTuple

from service.core.coverage import CoverageMonitor, GapLimits
from service.core.engine import Engine
from service.core.outbox import Outbox
from service.core.ports import Clock, ReadableDeadLetterStore, SnapshotStore
from service.delivery import UndeliverableWriter
from service.monitoring import Redactor
from service.settings import BlobPlace, Settings, secrets
from service.storage import (
    BlobDeadLetterStore,
    BlobGenerations,
    BlobLease,
    BlobSnapshotStore,
    FileDeadLetterStore,
    FileGenerations,
    FileLease,
    FileSnapshotStore,
    GenerationStore,
    ImpatientDeadLetterStore,
    Saved,
    State,
    Suspects,
)
from service.telemetry import DeadLettersWritten, Telemetry
from service.verdicts import BlobVerdictStore, FileVerdictStore

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient as BlockingContainerClient
    from azure.storage.blob.aio import ContainerClient


def build_state(
    settings: Settings,
    engine: Engine,
    outbox: Outbox,
    store: SnapshotStore,
    clock: Clock,
    observer: Callable[[Saved], None],
    daily: GenerationStore | None = None,
) -> State:
    """Build the state that is saved in `store`, and restored from it, as one: engine, outbox and coverage."""
    timeout = settings.snapshots.timeout.total_seconds()
    return State(engine, outbox, store, clock, observer, build_coverage(settings), timeout, daily)


def build_coverage(settings: Settings) -> CoverageMonitor:
    """Build what finds spans of time for which not everything was seen."""
    # A gap stays open for as long as evaluations are apart, so that one of them has judged what came late.
    return CoverageMonitor(GapLimits(settings.notices.after, settings.schedule.every, settings.notices.late_by))


def build_generations(settings: Settings, resources: AsyncExitStack) -> GenerationStore:
    """Build what keeps a snapshot a day, beside the others; `resources` closes it."""
    place, most = settings.snapshots, settings.snapshots.keep_daily
    if place.kind == "blob":
        container = open_container(place, resources, retry_total=2, connection_timeout=5, read_timeout=30)
        return BlobGenerations(container, place.blob, most)
    return FileGenerations(place.path, most)


def open_container(place: BlobPlace, resources: AsyncExitStack, **retry_options: Any) -> "ContainerClient":
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


def build_lease(settings: Settings, clock: Clock) -> BlobLease | FileLease | None:
    """Build the lease that one of two instances holds; None if there is to be no standby."""
    place, seconds = settings.snapshots, round(settings.standby.lease.total_seconds())
    if not settings.standby.enabled:
        return None
    if place.kind == "blob":
        return BlobLease(partial(open_for_lease, place), f"{place.blob}.lease", clock, seconds=seconds)
    return FileLease(place.path, clock, seconds=seconds)


def open_for_lease(place: BlobPlace) -> "BlockingContainerClient":
    """Return a client that does not try for long: the lease goes on lasting no longer than it does."""
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415
    from azure.storage.blob import ContainerClient  # noqa: PLC0415

    briefly: dict[str, Any] = {"retry_total": 0, "connection_timeout": 3, "read_timeout": 3}
    if place.connection_string is not None:
        text = place.connection_string.get_secret_value()
        return ContainerClient.from_connection_string(text, place.container, **briefly)
    credential = DefaultAzureCredential()
    return ContainerClient(str(place.account_url), place.container, credential=credential, **briefly)


def build_snapshot_store(
    settings: Settings, resources: AsyncExitStack, lease: BlobLease | FileLease | None = None
) -> SnapshotStore:
    """Build the store that the settings name, which writes nothing without the `lease`; `resources` closes it."""
    place = settings.snapshots
    if place.kind == "blob":
        # The SDK itself retries for more than a minute: a wrong role or address should show at once, and the next
        # snapshot is soon enough to try again. How long all of it may take is bounded by the keeper of the state.
        container = open_container(
            place,
            resources,
            retry_total=2,
            initial_backoff=1,
            increment_base=2,
            connection_timeout=5,
            read_timeout=place.timeout.total_seconds() / 2,
        )
        return BlobSnapshotStore(container, place.blob)
    return FileSnapshotStore(place.path, lease.check) if isinstance(lease, FileLease) else FileSnapshotStore(place.path)


def build_verdict_store(settings: Settings, resources: AsyncExitStack) -> BlobVerdictStore | FileVerdictStore:
    """Build the journal of verdicts, which lies beside the snapshots; `resources` closes it."""
    place = settings.snapshots
    if place.kind == "blob":
        container = open_container(place, resources, retry_total=2, connection_timeout=5, read_timeout=10)
        return BlobVerdictStore(container, f"{place.blob}.verdicts")
    return FileVerdictStore(place.path / "verdicts.ndjson")


class DeadLetters(NamedTuple):
    """Where records go that could not be understood, and messages that could not be delivered: each its own bound."""

    rejects: ReadableDeadLetterStore
    undelivered: ReadableDeadLetterStore


def build_suspects(settings: Settings, resources: AsyncExitStack) -> Suspects:
    """Build what remembers which message ended the process: on this machine, whose disk answers, for each state apart.

    A folder for temporary files outlives a container that is started again in its pod, which is what matters here.
    """
    place = settings.snapshots
    state = (
        f"{place.account_url} {place.container} {place.blob}" if place.kind == "blob" else f"{place.path.absolute()}"
    )
    folder = Path(gettempdir()) / f"unwonted-{os.getuid()}-{sha256(state.encode()).hexdigest()[:16]}"
    suspects = Suspects(folder)
    resources.callback(suspects.close)
    return suspects


def build_dead_letters(settings: Settings, clock: Clock, resources: AsyncExitStack) -> DeadLetters | None:
    """Build the dead letters that the settings name, which `resources` closes; None when both are only counted."""
    place = settings.dead_letter
    if place.kind == "blob":
        # The stream waits for this write: better to lose a sample than to hold up the events behind it.
        container = open_container(place, resources, retry_total=1, connection_timeout=3, read_timeout=5)

        def blobs(name: str) -> ReadableDeadLetterStore:
            store = BlobDeadLetterStore(container, clock, prefix=name, max_bytes=place.max_bytes)
            return ImpatientDeadLetterStore(store, clock)

        return DeadLetters(blobs(place.blob), blobs(place.undelivered_blob))
    if place.kind == "file":

        def file(path: Path) -> ReadableDeadLetterStore:
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
