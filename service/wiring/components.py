"""Puts the application together: one builder after another, in the order in which they need each other."""

import platform
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from importlib.metadata import version

from prometheus_client import CollectorRegistry

from service.clock import SystemClock
from service.components import Components, ServiceSchedule
from service.core.engine import Engine
from service.core.outbox import Outbox
from service.core.parsing import ActivityLogParser
from service.core.ports import Clock, Sink, SnapshotStore, Source
from service.core.shadow import Shadows
from service.delivery import Dispatcher, Route, UndeliverableWriter
from service.geography import Geography
from service.history import Room
from service.learning import FirstStart
from service.monitoring import Health, HttpServer
from service.monitoring.metrics import Metrics
from service.settings import Settings, config_hash
from service.sinks import KINDS, build_sink
from service.source import EventHubSource, SourceEvent
from service.storage import State
from service.telemetry import (
    AlertsBelowSeverity,
    AlertsDigested,
    GeographyOpened,
    HistoryBackend,
    Telemetry,
    expose_live_state,
)
from service.verdicts import VerdictWatch
from service.wiring.checks import unusable_secret_files
from service.wiring.engine import build_engine_with, detectors_off, open_geography
from service.wiring.history import open_history
from service.wiring.owners import open_owners
from service.wiring.recording import HistoryFirst, beside_reading, build_recorder, build_shipping
from service.wiring.source import source_options
from service.wiring.storage import (
    build_dead_letters,
    build_generations,
    build_lease,
    build_snapshot_store,
    build_state,
    build_suspects,
    build_undeliverable_writer,
    build_verdict_store,
)
from service.wiring.suppressions import open_suppressions


def build_components(
    settings: Settings, clock: Clock | None = None, announce: Callable[[str], None] = lambda address: None
) -> Components:
    """Build everything that `App` drives.

    Parameters
    ----------
    settings
        Checked settings.
    clock
        The machine's, unless a demonstration lets its calendar run faster.
    announce
        Told the address that lets somebody into the console, once: it is a secret.

    Raises
    ------
    SettingsError
        The settings name no Event Hub that could be read, or no geographic database that could be used.
    """
    clock = clock or SystemClock()
    geography = open_geography(settings)
    engine = build_engine_with(geography, settings)
    engine.shadows = Shadows(settings.shadow.attacks)
    outbox = Outbox()
    sinks = _build_sinks(settings, clock)
    registry, health = CollectorRegistry(), Health()
    metrics = _build_metrics(settings, registry, engine, tuple(sinks))
    resources = AsyncExitStack()
    recorder = build_recorder(settings, resources)
    engine.keeps_closed = recorder is not None
    telemetry = Telemetry(metrics, health, *([HistoryBackend(recorder.record, clock.now)] if recorder else []))
    telemetry.emit(GeographyOpened(geography.type if geography else None, detectors_off(settings, geography)))
    open_source = _source_opener(settings, engine, clock)
    suppressions = open_suppressions(settings, clock, telemetry.emit)
    if suppressions is not None:
        engine.suppress(suppressions.suppressions)
    owners = open_owners(settings, clock, telemetry.emit)
    letters = build_dead_letters(settings, clock, resources)
    lease = build_lease(settings, clock)
    store = build_snapshot_store(settings, resources, lease)
    journal = build_verdict_store(settings, resources)
    undeliverable = build_undeliverable_writer(letters, settings, telemetry)
    if recorder is not None:
        store = HistoryFirst(store, recorder)
    generations = build_generations(settings, resources) if settings.snapshots.keep_daily else None
    shipping = build_shipping(settings, clock, recorder, resources)
    console = None
    if settings.console.enabled:
        # Here, because nothing waits for its templates and routes where nobody wants them.
        from service.wiring.console import JournalDesk, build_console  # noqa: PLC0415
        from service.wiring.running import Running  # noqa: PLC0415

        running = Running(settings, engine, outbox, clock, lambda: metrics.end_offsets, generations, owners)
        console = build_console(settings, clock, resources, announce, JournalDesk(journal, engine, clock), running.live)
    expose_live_state(metrics, engine, outbox, tuple(sinks), lambda: beside_reading(recorder, shipping, console))
    return Components(
        clock=clock,
        parser=ActivityLogParser(),
        state=build_state(
            settings,
            engine,
            outbox,
            store,
            clock,
            telemetry.emit,
            generations,
        ),
        open_source=open_source,
        open_dispatcher=_dispatcher_opener(settings, outbox, sinks, clock, telemetry, undeliverable),
        sinks=tuple(sinks.values()),
        dead_letter=letters.rejects if letters else None,
        server=HttpServer(health, registry, host=settings.http.host, port=settings.http.port),
        telemetry=telemetry,
        schedule=_schedule(settings),
        start=settings.event_hub.start,
        resources=resources,
        suppressions=suppressions,
        owners=owners,
        verdicts=VerdictWatch(
            journal,
            settings.verdicts.look_every.total_seconds(),
            clock,
            telemetry.emit,
            settings.snapshots.timeout.total_seconds(),
        ),
        unusable_secret_files=lambda: unusable_secret_files(settings),
        learn_history=_history_learner(settings, geography, engine, store, clock, telemetry),
        suspects=build_suspects(settings, resources),
        lease=lease,
        console=console,
        shipping=shipping,
        history_room=Room(recorder, clock) if recorder is not None else None,
    )


def _history_learner(
    settings: Settings,
    geography: Geography | None,
    engine: Engine,
    store: SnapshotStore,
    clock: Clock,
    telemetry: Telemetry,
) -> Callable[[], Awaitable[bool]] | None:
    """Return what learns history into `store`, suppressions and verdicts as `engine` has them, if somebody wants it."""
    if not settings.learn.on_empty_state:
        return None

    def new_state() -> State:
        fresh = build_engine_with(geography, settings)
        fresh.suppress(engine.suppressions)
        fresh.accept(engine.rulings.verdicts)
        return build_state(settings, fresh, Outbox(), store, clock, telemetry.emit)

    start = FirstStart(
        lambda: open_history(settings.learn, clock),
        new_state,
        spool=settings.learn.spool,
        at_most=settings.learn.at_most,
        now=clock.now,
        observer=telemetry.emit,
    )
    return start.learn


def _build_sinks(settings: Settings, clock: Clock) -> dict[str, Sink]:
    return {name: build_sink(name, one, clock) for name, one in sorted(settings.sinks.items()) if one.enabled}


def _build_metrics(settings: Settings, registry: CollectorRegistry, engine: Engine, sinks: tuple[str, ...]) -> Metrics:
    metrics = Metrics(
        registry, detectors=tuple(engine.detectors), sinks=sinks, identity_limit=settings.limits.max_identities
    )
    metrics.describe(
        version=version("unwonted"),
        python=platform.python_version(),
        river=version("river"),
        config_hash=config_hash(settings),
    )
    return metrics


def _source_opener(
    settings: Settings, engine: Engine, clock: Clock
) -> Callable[[Callable[[SourceEvent], None]], Source]:
    """Return what opens the source, given an observer; settings that name no readable hub are refused at once."""
    options = source_options(settings)

    def open_source(observer: Callable[[SourceEvent], None]) -> Source:
        return EventHubSource(options=options, positions=lambda: engine.positions, clock=clock, observer=observer)

    return open_source


def _dispatcher_opener(
    settings: Settings,
    outbox: Outbox,
    sinks: Mapping[str, Sink],
    clock: Clock,
    telemetry: Telemetry,
    undeliverable: UndeliverableWriter | None,
) -> Callable[[Callable[[], Awaitable[None]]], Dispatcher]:
    """Return what opens the dispatcher, given what saves a snapshot once messages have been settled."""
    routes = [
        Route(sink, KINDS[one.kind].pace, one.min_severity, one.notices, one.follows_up)
        for name, sink in sinks.items()
        for one in (settings.sinks[name],)
    ]

    def open_dispatcher(on_settled: Callable[[], Awaitable[None]]) -> Dispatcher:
        return Dispatcher(
            outbox,
            routes,
            clock=clock,
            jitter=random.random,
            on_settled=on_settled,
            observer=telemetry.emit,
            on_below_severity=lambda alerts: telemetry.emit(AlertsBelowSeverity(alerts)),
            on_digested=lambda sink, alerts: telemetry.emit(AlertsDigested(sink, alerts)),
            undeliverable=undeliverable,
        )

    return open_dispatcher


def _schedule(settings: Settings) -> ServiceSchedule:
    return ServiceSchedule(
        every=settings.schedule.every,
        window=settings.schedule.window,
        snapshot_every=settings.snapshots.every,
        grace=settings.shutdown.grace,
        coverage_every=settings.notices.after / 3,
    )
