"""One measurement: which tenants of which seeds with what planted into them, judged one after the other."""

import sys
import time
from collections.abc import Collection, Iterable

from benchmarks.adversary import report
from benchmarks.adversary.cast import PLAIN, TENANTS, cast, plans
from benchmarks.adversary.verdicts import TenantVerdict, judge
from service.settings import Settings


def measure(
    seeds: Iterable[int],
    identities: int,
    days: int,
    settings: Settings,
    styles: Collection[str] = (),
    tenants: Collection[int] = range(TENANTS),
) -> list[TenantVerdict]:
    """Judge those tenants of each seed that have anything of these styles; of all styles if none is given."""
    verdicts = []
    plain = not styles or PLAIN in styles
    for seed in seeds:
        for number, plan in enumerate(plans(seed, identities, days)):
            if number not in tenants:
                continue
            began = time.process_time()
            planted = cast(plan, number, styles)
            for left_out in planted.unfit:
                print(f"  seed {seed}, tenant {number}: left out: {left_out}", file=sys.stderr)
            if not plain and not planted.attacks and not planted.honest:
                continue
            verdicts.append(judge(planted, settings, plain=plain))
            spent = time.process_time() - began
            print(f"  seed {seed}, tenant {number}: {verdicts[-1].records:,} records, {spent:.0f} s", file=sys.stderr)
    return verdicts


def section(seeds: Collection[int], identities: int, days: int, verdicts: list[TenantVerdict]) -> str:
    """Return all tables of a measurement."""
    title = f"Attackers who know us: {identities} identities, {days} days, seeds {', '.join(map(str, seeds))}"
    return report.section(title, verdicts)
