"""Processor time of a crowd's hour by record, and memory of an identity by detector. Prints, and asserts nothing."""

import gc
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

from benchmarks.crowd.tenant import HABITS, NOON, CrowdedTenant
from models.detectors import build
from models.stream import Steps
from service.core.engine import Engine
from service.core.messages import Message

T = TypeVar("T")


class _Stopped:
    """Drives steps and notes what they take: processor seconds in all, and of the longest."""

    def __init__(self) -> None:
        self.total = self.longest = 0.0

    def drive(self, steps: Steps[T]) -> T:
        """Take all steps."""
        while True:
            started = time.process_time()
            try:
                next(steps)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                took = time.process_time() - started
                self.total += took
                self.longest = max(self.longest, took)


def crowded(
    identities: int,
    sets: Mapping[str, Sequence[str] | None],
    engine_with: Callable[[Sequence[str] | None], Engine],
    bare: float,
) -> None:
    """Measure one hour of very many identities, with each set of detectors and without any.

    Parameters
    ----------
    sets
        Detectors by what the set is called.
    engine_with
        Makes a fresh engine with a set.
    bare
        Processor seconds that decoding takes a record, to compare with.
    """
    tenant = CrowdedTenant(identities)
    print(f"\n{identities:,} identities with {HABITS} habits each, all active in the same hour")
    print(f"{'stage':<38}{'records/s':>12}{'us each':>10}{'x orjson':>12}{'longest step':>16}")
    for title, names in {"no detector": (), **sets}.items():
        engine = engine_with(names)
        for detector in engine.detectors.values():
            tenant.teach(detector)
        gc.collect()
        taking, looking, closing = _Stopped(), _Stopped(), _Stopped()
        last = 0
        for last, events in enumerate(tenant.hour()):
            message = Message("0", last, str(last), NOON + timedelta(hours=1), b"")
            taking.drive(engine.apply_steps(message, events))
        looking.drive(engine.evaluate_steps(NOON + timedelta(hours=1)))
        closing.drive(engine.idle_steps("0", last, NOON + timedelta(hours=2)))
        for name, clock in (("records", taking), ("evaluation", looking), ("closing", closing)):
            label, each = f"{name}, {title}", clock.total / engine.records
            longest = f"{clock.longest * 1e3:>13,.0f} ms"
            print(f"{label:<38}{1.0 / each:>12,.0f}{each * 1e6:>10.2f}{each / bare:>12.2f}{longest}")
        whole = (taking.total + looking.total + closing.total) / engine.records
        print(f"{f'together, {title}':<38}{1.0 / whole:>12,.0f}{whole * 1e6:>10.2f}{whole / bare:>12.2f}", flush=True)


def footprint(identities: int, names: Sequence[str]) -> None:
    """Measure what each of these detectors remembers of an identity with twenty habits, and all of them together."""
    tenant, total = CrowdedTenant(identities), 0.0
    print(f"\nbytes an identity of {HABITS} habits, of {identities:,} identities")
    for name in names:
        detector = build(name)
        gc.collect()
        tracemalloc.start()
        tenant.teach(detector)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        total += held / identities
        print(f"{name:<38}{held / identities:>12,.0f}")
    print(f"{'together':<38}{total:>12,.0f}", flush=True)
