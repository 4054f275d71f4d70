"""Builds every part from the settings and hands them to the application: the composition root, by hand.

The only module that knows both what can be configured and which class does it.
"""

import platform
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

from azure.identity.aio import DefaultAzureCredential
from azure.storage.blob.aio import ContainerClient
from prometheus_client import CollectorRegistry

from models.detectors import DETECTORS, build
from models.stream import Limits
from service.app import Components, ServiceSchedule
from service.clock import SystemClock
from service.core.alerting import Suppressions, UnusableSuppressions
from service.core.coverage import CoverageMonitor, GapLimits
from service.core.engine import Engine, Options
from service.core.outbox import Outbox
from service.core.parsing import ActivityLogParser
from service.core.ports import Clock, DeadLetterStore, SnapshotStore, Source, SourceError
from service.delivery import Dispatcher, Route, UndeliverableWriter
from service.geography import Geography, UnusableDatabase
from service.monitoring import Health, HttpServer, Redactor
from service.monitoring.metrics import Metrics
from service.settings import (
    BlobPlace,
    EventHub,
    Settings,
    SettingsError,
    arguments,
    config_hash,
    secrets,
)
from service.sinks import KINDS, build_sink
from service.source import EventHubSource, SourceEvent, SourceOptions
from service.storage import BlobDeadLetterStore, BlobSnapshotStore, FileDeadLetterStore, FileSnapshotStore, State
from service.suppressions import Looked, SuppressionWatch, read_suppressions
from service.telemetry import Telemetry


def open_geography(settings: Settings) -> Geography | None:
    """Open the geographic database that the settings name; None if they name none.

    Raises
    ------
    SettingsError
        It cannot be read, or is no such database.
    """
    path = settings.geography.database
    if path is None:
        return None
    try:
        return Geography(path)
    except OSError as error:
        raise SettingsError([f"geography.database: {path}: {error.strerror or error}"]) from None
    except UnusableDatabase as error:
        raise SettingsError([f"geography.database: {path} {error}"]) from None


def mute(settings: Settings, geography: Geography | None) -> list[str]:
    """Return the detectors that are enabled, and off all the same because they would have no places to judge by."""
    blind = set[str]()
    if geography is None:
        blind = {name for name in DETECTORS if "locate" in signature(DETECTORS[name]).parameters}
    elif not geography.cities:
        blind = {"unusual_city"}
    return sorted(name for name in blind if settings.detectors[name].enabled)


def detector_options(settings: Settings, name: str, geography: Geography | None = None) -> dict[str, Any]:
    """Return the constructor arguments of the detector `name`: of what all share what it knows, and its own."""
    shared: dict[str, Any] = {
        "max_identities": settings.limits.max_identities,
        "max_actions": settings.limits.max_actions_per_identity,
    }
    if geography is not None:
        shared["locate"] = geography.locate
    known = signature(DETECTORS[name]).parameters
    return {key: value for key, value in shared.items() if key in known} | arguments(name, settings.detectors[name])


def build_engine(settings: Settings, **overrides: Any) -> Engine:
    """Build an engine with the enabled detectors; `overrides` are detector options that win over the settings.

    Raises
    ------
    SettingsError
        The geographic database cannot be used.
    """
    return engine_on(open_geography(settings), settings, **overrides)


def engine_on(geography: Geography | None, settings: Settings, **overrides: Any) -> Engine:
    """Build an engine on an open geographic database, or on none."""
    off = mute(settings, geography)
    enabled = {name: one for name, one in sorted(settings.detectors.items()) if one.enabled and name not in off}
    options = Options(
        bucket=settings.windows.bucket,
        lateness=settings.windows.lateness,
        horizon=settings.windows.late_horizon,
        window=settings.schedule.window,
        thresholds={name: one.threshold for name, one in enabled.items()},
        alerts_per_day=settings.alerting.alerts_per_day,
        group_failures_from=settings.alerting.group_failures_from,
        limits=Limits(
            actions=settings.limits.max_open_actions,
            operations=settings.limits.max_operations_per_cell,
            unfinished=settings.limits.max_open_operations,
        ),
    )
    return Engine(
        options, [build(name, **{**detector_options(settings, name, geography), **overrides}) for name in enabled]
    )


def open_suppressions(
    settings: Settings, clock: Clock, observer: Callable[[Looked], None] = lambda looked: None
) -> SuppressionWatch | None:
    """Open the suppressions file that the settings name, and read it; None if they name none.

    Raises
    ------
    SettingsError
        It cannot be read, or anything in it is wrong.
    """
    path = settings.suppressions.file
    every = settings.suppressions.look_every.total_seconds()
    if path is None:
        return None

    def read(data: bytes, now: datetime) -> Suppressions:
        return Suppressions(read_suppressions(data, path.name, now))

    try:
        return SuppressionWatch(path, every, clock, read, observer)
    except UnusableSuppressions as error:
        raise SettingsError([f"suppressions.file: {line}" for line in error.lines]) from None


def open_container(place: BlobPlace, resources: AsyncExitStack, **patience: Any) -> ContainerClient:
    """Return a client for the container that `place` names; `resources` closes it, `patience` are retry options."""
    if place.connection_string is not None:
        text = place.connection_string.get_secret_value()
        container = ContainerClient.from_connection_string(text, place.container, **patience)
    else:
        credential = DefaultAzureCredential()
        resources.push_async_callback(credential.close)
        container = ContainerClient(str(place.account_url), place.container, credential=credential, **patience)
    resources.push_async_callback(container.close)
    return container


def build_snapshot_store(settings: Settings, resources: AsyncExitStack) -> SnapshotStore:
    """Build the store that the settings name; `resources` closes it."""
    place = settings.snapshots
    if place.kind == "blob":
        # The SDK's own patience is more than a minute: a wrong role or address should show at once, and the next
        # snapshot is soon enough to try again.
        container = open_container(place, resources, retry_total=2, initial_backoff=1, increment_base=2)
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
        container = open_container(place, resources, retry_total=1, connection_timeout=3, read_timeout=5)

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
    observer = partial(telemetry.dead_letters, "undelivered")
    return UndeliverableWriter(letters.undelivered, redact=Redactor(secrets(settings)), observer=observer)


def build_coverage(settings: Settings) -> CoverageMonitor:
    """Build what decides when the service was blind; before it sees again, one evaluation has judged what came late."""
    return CoverageMonitor(GapLimits(settings.notices.after, settings.schedule.every, settings.notices.late_by))


def source_options(settings: Settings) -> SourceOptions:
    """Return what the Event Hub source is told.

    Raises
    ------
    SettingsError
        The settings name no hub, or the connection string cannot be read.
    """
    try:
        return _source_options(settings.event_hub)
    except OSError as error:
        place = settings.event_hub.connection_string_file
        raise SettingsError([f"event_hub.connection_string_file: {place}: {error.strerror or error}"]) from None
    except (SourceError, ValueError) as error:
        raise SettingsError([f"event_hub: {error}"]) from None


def _source_options(hub: EventHub) -> SourceOptions:
    secret = hub.connection()
    return SourceOptions(
        namespace=hub.namespace or "",
        hub=hub.hub or "",
        consumer_group=hub.consumer_group,
        connection_string=secret.get_secret_value() if secret is not None else None,
        start=hub.start,
        max_wait=hub.max_wait.total_seconds(),
        prefetch=hub.prefetch,
        max_batch=hub.max_batch,
        probe_every=hub.probe_every.total_seconds(),
        silent_after=hub.silent_after.total_seconds(),
        give_up_after=hub.give_up_after.total_seconds(),
        give_up_unreachable_after=hub.give_up_unreachable_after.total_seconds(),
        recycle_after_messages=hub.recycle_after_messages,
        recycle_every=hub.recycle_every.total_seconds(),
        transport=hub.transport,
        endpoint=hub.endpoint,
        ca_file=str(hub.ca_file) if hub.ca_file else None,
    )


def build_components(settings: Settings, clock: Clock | None = None) -> Components:
    """Build everything that `App` drives.

    Parameters
    ----------
    settings
        Checked settings.
    clock
        The machine's, unless a demonstration lets its calendar run faster.

    Raises
    ------
    SettingsError
        The settings name no Event Hub that could be read, or no geographic database that could be used.
    """
    clock = clock or SystemClock()
    geography = open_geography(settings)
    engine = engine_on(geography, settings)
    outbox = Outbox()
    enabled = {name: one for name, one in sorted(settings.sinks.items()) if one.enabled}
    sinks = {name: build_sink(name, one, clock) for name, one in enabled.items()}
    registry = CollectorRegistry()
    metrics = Metrics(
        registry,
        detectors=tuple(engine.detectors),
        sinks=tuple(sinks),
        identity_limit=settings.limits.max_identities,
    )
    metrics.about(
        version=version("unwonted"),
        python=platform.python_version(),
        river=version("river"),
        config_hash=config_hash(settings),
    )
    health = Health()
    telemetry = Telemetry(metrics, health, tuple(sinks))
    telemetry.watch(engine, outbox)
    telemetry.placed(geography.type if geography else None, mute(settings, geography))
    options = source_options(settings)
    suppressions = open_suppressions(settings, clock, telemetry.looked)
    if suppressions is not None:
        engine.suppress(suppressions.suppressions)
    resources = AsyncExitStack()
    letters = build_dead_letters(settings, clock, resources)

    def open_source(observer: Callable[[SourceEvent], None]) -> Source:
        return EventHubSource(options=options, positions=lambda: engine.positions, clock=clock, observer=observer)

    def open_dispatcher(on_settled: Callable[[], Awaitable[None]]) -> Dispatcher:
        return Dispatcher(
            outbox,
            [Route(sinks[name], KINDS[one.kind].pace, one.min_severity, one.notices) for name, one in enabled.items()],
            clock=clock,
            jitter=random.random,
            on_settled=on_settled,
            observer=telemetry.delivered,
            on_below_severity=lambda count: metrics.suppressed("severity", count),
            undeliverable=build_undeliverable_writer(letters, settings, telemetry),
        )

    return Components(
        clock=clock,
        parser=ActivityLogParser(),
        state=State(
            engine, outbox, build_snapshot_store(settings, resources), clock, telemetry.saved, build_coverage(settings)
        ),
        open_source=open_source,
        open_dispatcher=open_dispatcher,
        sinks=tuple(sinks.values()),
        dead_letter=letters.rejects if letters else None,
        server=HttpServer(health, registry, host=settings.http.host, port=settings.http.port),
        telemetry=telemetry,
        schedule=ServiceSchedule(
            settings.schedule.every,
            settings.schedule.window,
            settings.snapshots.every,
            settings.shutdown.grace,
            look_every=settings.notices.after / 3,
        ),
        start=settings.event_hub.start,
        resources=resources,
        suppressions=suppressions,
    )
