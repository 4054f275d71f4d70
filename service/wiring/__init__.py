"""The composition root: builds every part from the settings and hands it to those that need it.

Nothing else knows both what can be configured and which class does it. Each module builds one part; `components` puts
them together. A module is imported when something of it is asked for: what a command does not build, an SDK of Azure
for example, it does not wait for either.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.wiring.checks import refusals, unusable_secret_files, unusable_sign_in_files
    from service.wiring.components import build_components
    from service.wiring.console import JournalDesk, thresholds_configured
    from service.wiring.engine import (
        build_driver,
        build_engine,
        build_engine_for_example,
        build_shard,
        detectors_off,
        open_geography,
    )
    from service.wiring.garbage import collect_seldom
    from service.wiring.history import LOOPBACK_TOKEN, open_history
    from service.wiring.owners import owners_configured, owners_file
    from service.wiring.recording import build_recorder, build_segments, history_limits, history_path
    from service.wiring.sample import send_sample
    from service.wiring.source import source_options
    from service.wiring.storage import (
        build_coverage,
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
    "build_coverage",
    "build_dead_letters",
    "build_driver",
    "build_engine",
    "build_engine_for_example",
    "build_generations",
    "build_recorder",
    "build_segments",
    "build_shard",
    "build_snapshot_store",
    "build_state",
    "build_undeliverable_writer",
    "build_verdict_store",
    "collect_seldom",
    "detectors_off",
    "history_limits",
    "history_path",
    "open_geography",
    "open_history",
    "open_suppressions",
    "owners_configured",
    "owners_file",
    "refusals",
    "send_sample",
    "source_options",
    "thresholds_configured",
    "unusable_secret_files",
    "unusable_sign_in_files",
]

_HOMES = {
    "checks": ("refusals", "unusable_secret_files", "unusable_sign_in_files"),
    "components": ("build_components",),
    "console": ("JournalDesk", "thresholds_configured"),
    "engine": (
        "build_driver",
        "build_engine",
        "build_engine_for_example",
        "build_shard",
        "detectors_off",
        "open_geography",
    ),
    "garbage": ("collect_seldom",),
    "history": ("LOOPBACK_TOKEN", "open_history"),
    "owners": ("owners_configured", "owners_file"),
    "recording": ("build_recorder", "build_segments", "history_limits", "history_path"),
    "sample": ("send_sample",),
    "source": ("source_options",),
    "storage": (
        "build_coverage",
        "build_dead_letters",
        "build_generations",
        "build_snapshot_store",
        "build_state",
        "build_undeliverable_writer",
        "build_verdict_store",
    ),
    "suppressions": ("open_suppressions",),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"service.wiring.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
