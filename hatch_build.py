"""Compiles what nearly all of the time is spent in, if ``UNWONTED_MYPYC=1`` asks for it; else the wheel is pure Python.

A compiled module stands beside its source and is imported instead of it. What it finds is the same, to the byte; what
it is, and what is left out of it, is told in docs/adr/0032-compiled-where-it-pays.md.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPILED = (
    "models/stream/bottom_k.py",
    "models/stream/buckets.py",
    "models/stream/cells.py",
    "models/stream/closed.py",
    "models/stream/drafts.py",
    "models/stream/exclusion.py",
    "models/stream/operations.py",
    "models/stream/planting.py",
    "models/stream/steps.py",
    "models/statistics/arrivals.py",
    "models/statistics/backoff.py",
    "models/statistics/bloom_mask.py",
    "models/statistics/calibration.py",
    "models/statistics/decay.py",
    "models/statistics/habits.py",
    "models/statistics/keyed.py",
    "models/statistics/lessons.py",
    "models/statistics/novelty.py",
    "models/statistics/places.py",
    "models/statistics/rarity.py",
    "models/statistics/rhythm.py",
    "models/statistics/survival.py",
    "models/statistics/weights.py",
    "models/detectors/judging.py",
    "service/core/engine/closing.py",
    "service/core/engine/engine.py",
    "service/core/engine/judging.py",
    "service/core/engine/preview.py",
    "service/core/engine/recent.py",
)
"""No class of these may have a subclass that is not among them, or be looked into: its signature and hints are gone."""

_OPTIMIZED = "1"  # level of the C compiler: a higher one takes it far longer
_NEEDED = ["mypy>=1.18", "setuptools>=80", "river>=0.26,<0.27"]  # mypyc has to see the classes that ours derive from


def compile_into(target: Path, modules: Sequence[str] = COMPILED) -> list[Path]:
    """Compile modules, named from the current folder, and return the libraries that stand in `target` then.

    Raises
    ------
    ImportError
        mypy, setuptools or river is missing.
    SystemExit
        A module is none that can be compiled.
    """
    from setuptools import Distribution  # noqa: PLC0415 - who builds pure Python needs none of these

    __import__("river.base")
    from mypyc.build import mypycify  # noqa: PLC0415 - it asks whether setuptools is there

    folder = target / ".c"
    extensions = mypycify(
        ["--cache-dir", str(folder / "mypy"), *modules],
        opt_level=_OPTIMIZED,
        debug_level="0",
        target_dir=str(folder),
        group_name="unwonted",
    )
    command: Any = Distribution({"name": "unwonted", "ext_modules": extensions}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(target), str(folder / "objects")
    command.ensure_finalized()
    command.run()
    return sorted(path for path in target.rglob("*") if path.suffix in {".so", ".pyd"})


class CompilingHook(BuildHookInterface[Any]):
    """Puts compiled modules into the wheel that hatchling builds."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what building takes."""
        return _NEEDED if _wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say that the wheel is one for this machine; an editable one is never compiled."""
        if version != "standard" or not _wanted():
            return
        target = Path(self.directory, "compiled")
        shutil.rmtree(target, ignore_errors=True)  # libraries of an earlier build may be for another Python
        libraries = compile_into(target)
        build_data["pure_python"], build_data["infer_tag"] = False, True
        build_data["force_include"].update({str(path): str(path.relative_to(target)) for path in libraries})


def _wanted() -> bool:
    return os.environ.get("UNWONTED_MYPYC", "") == "1"
