"""The composition root: builds every part from the settings and hands it to those that need it.

Nothing else knows both what can be configured and which class does it. Each module builds one part; `components` puts
them together.
"""

from service.wiring.checks import refusals, unusable_secret_files
from service.wiring.components import build_components
from service.wiring.console import JournalDesk
from service.wiring.engine import build_engine, detectors_off, open_geography
from service.wiring.history import LOOPBACK_TOKEN, open_history
from service.wiring.recording import build_recorder, history_limits, history_path
from service.wiring.source import source_options
from service.wiring.storage import (
    build_dead_letters,
    build_generations,
    build_snapshot_store,
    build_state,
    build_undeliverable_writer,
    build_verdict_store,
)
from service.wiring.suppressions import open_suppressions

__all__ = [
    "LOOPBACK_TOKEN",
    "JournalDesk",
    "build_components",
    "build_dead_letters",
    "build_engine",
    "build_generations",
    "build_recorder",
    "build_snapshot_store",
    "build_state",
    "build_undeliverable_writer",
    "build_verdict_store",
    "detectors_off",
    "history_limits",
    "history_path",
    "open_geography",
    "open_history",
    "open_suppressions",
    "refusals",
    "source_options",
    "unusable_secret_files",
]
