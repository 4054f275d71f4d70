"""``python -m benchmarks.detection.promise``: whether scores are as rare as they say, by tenant and kind of identity.

On tenants that nobody attacks every identity-day is clean, so every one that reaches a score is a false one. Ends with
1 where the 95 % interval of the share lies wholly above what is promised, and names it.
"""

import argparse
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import sqrt
from pathlib import Path
from typing import NamedTuple

from benchmarks.detection.tenants import lines
from demo.tenant import Tenant, TenantPlan
from models.detectors import DETECTORS, Anomaly
from models.stream import ActorKind
from service.documents import from_lines
from service.replay import Replay
from service.settings import Settings, load
from service.wiring import build_engine

PROMISED = {50.0: 10.0, 75.0: 1.0, 90.0: 0.25}
"""Identity-days in a thousand that may reach a score."""

KINDS = {
    ActorKind.HUMAN: "people",
    ActorKind.GUEST: "people",
    ActorKind.SERVICE_PRINCIPAL: "pipelines and other applications",
    ActorKind.MANAGED_IDENTITY: "managed identities",
    ActorKind.FIRST_PARTY: "Microsoft's own",
}
EVERYBODY = "everybody"


class Size(NamedTuple):
    """One sort of tenant: its name, how many live there, which share is automation, and how many are measured."""

    name: str
    identities: int
    automation: float | None
    tenants: int


SIZES = (
    Size("60", 60, None, 6),
    Size("400", 400, None, 2),
    Size("400, 80 % automation", 400, 0.8, 2),
    Size("2,000", 2000, None, 1),
)
NAMES = tuple(size.name for size in SIZES)


class Tally(NamedTuple):
    """Active identity-days, and how many of them reach each score of `PROMISED`, by any detector."""

    days: int
    reached: Counter[float]

    def rate(self, score: float) -> tuple[float, float, float]:
        """Return how many in a thousand reach a score, and the bounds of its 95 % interval."""
        return tuple(1000.0 * share for share in wilson(self.reached[score], self.days))  # type: ignore[return-value]

    def kept(self, score: float) -> bool:
        """Whether what is promised may be true: the interval reaches down to it."""
        return self.rate(score)[1] <= PROMISED[score]


def wilson(hits: int, tries: int) -> tuple[float, float, float]:
    """Return a share and the bounds of its 95 % interval (Wilson 1927).

    >>> [round(share, 4) for share in wilson(10, 1000)]
    [0.01, 0.0054, 0.0183]
    >>> wilson(0, 0)
    (0.0, 0.0, 1.0)
    """
    if not tries:
        return 0.0, 0.0, 1.0
    z, share = 1.959964, hits / tries
    middle, wide = share + z * z / (2 * tries), z * sqrt(share * (1 - share) / tries + z * z / (4 * tries * tries))
    scale = 1 + z * z / tries
    return share, max(0.0, (middle - wide) / scale), min(1.0, (middle + wide) / scale)


class IdentityDay(NamedTuple):
    """One active day of an identity of some kind, with the highest score that each detector gave."""

    kind: ActorKind
    scores: dict[str, float]


def identity_days(plan: TenantPlan, settings: Settings, judged_from: int) -> list[IdentityDay]:
    """Return each active identity-day from that day on."""
    found: dict[tuple[str, int], IdentityDay] = {}
    begins = int(plan.start.timestamp() // 86_400) + judged_from

    def on_scored(anomalies: Iterable[Anomaly]) -> None:
        for one in anomalies:
            day = int(one.bucket.hours // 24)
            if day >= begins:
                scores = found.setdefault((one.actor.id, day), IdentityDay(one.actor.kind, {})).scores
                scores[one.detector] = max(scores.get(one.detector, 0.0), one.score)

    def refuse(reject: object, place: object) -> None:
        raise ValueError(f"a record could not be read: {place}: {reject}")

    Replay(
        build_engine(settings),
        every=settings.schedule.window,  # nobody reads these alerts, and no score depends on them
        on_scored=on_scored,
        on_alerts=lambda alerts: None,
        on_reject=refuse,
        on_read=lambda taken, total: None,
    ).run(from_lines("lines", lines(Tenant(plan))))
    return list(found.values())


def tallies(days: Sequence[IdentityDay]) -> dict[str, Tally]:
    """Count everybody together, by kind, and by each detector alone."""
    highest: defaultdict[str, list[float]] = defaultdict(list)
    for kind, scores in days:
        most = max(scores.values(), default=0.0)
        for name in (EVERYBODY, KINDS.get(kind)):
            if name is not None:
                highest[name].append(most)
    for detector in sorted(DETECTORS):
        highest[f"{EVERYBODY}, {detector} alone"] = [day.scores.get(detector, 0.0) for day in days]
    return {
        name: Tally(len(values), Counter({at: reached for at in PROMISED if (reached := sum(v >= at for v in values))}))
        for name, values in highest.items()
    }


def merged(some: Iterable[dict[str, Tally]]) -> dict[str, Tally]:
    """Add up tenants of one sort."""
    found: dict[str, Tally] = {}
    for one in some:
        for name, tally in one.items():
            days, reached = found.get(name, Tally(0, Counter()))
            found[name] = Tally(days + tally.days, reached + tally.reached)
    return found


def table(measured: dict[str, dict[str, Tally]]) -> str:
    """Return a row a sort of tenant and kind; what is not kept stands in bold."""

    def cell(tally: Tally, score: float) -> str:
        rate, low, high = tally.rate(score)
        said = f"{rate:.2f} ({low:.2f} to {high:.2f})"
        return said if tally.kept(score) else f"**{said}**"

    heads = [f"reach {score:g} (promised {most:g})" for score, most in PROMISED.items()]
    rows = ["| tenant | whose | active days | " + " | ".join(heads) + " |", "|---" * (3 + len(heads)) + "|"]
    for size, kinds in measured.items():
        for name, tally in sorted(kinds.items(), key=lambda row: (row[0].startswith(f"{EVERYBODY},"), row[0])):
            if any(tally.reached.values()) or name == EVERYBODY:
                cells = [size, name, f"{tally.days:,}", *(cell(tally, score) for score in PROMISED)]
                rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(
        [*rows, "", "Identity-days in 1,000 clean ones, with 95 % intervals; bold: promised otherwise.", ""]
    )


def broken(measured: dict[str, dict[str, Tally]]) -> list[str]:
    """Say what is not as promised."""
    return [
        f"tenant of {size}, {name}: {tally.rate(score)[0]:.2f} in 1,000 reach {score:g}, promised: {PROMISED[score]:g}"
        for size, kinds in measured.items()
        for name, tally in kinds.items()
        for score in PROMISED
        if not tally.kept(score)
    ]


def measure(
    sizes: Sequence[Size], seed: int, days: int, settings: Settings, say: Callable[[str], None]
) -> dict[str, dict[str, Tally]]:
    """Measure tenants of these sorts, each with seeds of its own."""
    measured = {}
    for size in sizes:
        some = []
        for tenant in range(size.tenants):
            began = time.process_time()
            plan = TenantPlan(
                seed=seed + 100 * NAMES.index(size.name) + tenant,
                identities=size.identities,
                days=days,
                campaigns=0,
                automation=size.automation,
            )
            some.append(tallies(identity_days(plan, settings, days * 2 // 5)))
            found = some[-1].get(EVERYBODY, Tally(0, Counter()))
            reached = ", ".join(f"{found.reached[score]} reach {score:g}" for score in PROMISED)
            spent = time.process_time() - began
            say(f"  tenant of {size.name}, seed {plan.seed}: of {found.days:,} days {reached}; {spent:.0f} s")
        measured[size.name] = merged(some)
    return measured


def main(texts: Sequence[str] | None = None) -> int:
    """Measure, print, and return whether everything is as promised: 0, or 1."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.detection.promise",
        description="Measure whether scores are as rare as they say. The tenant of 2,000 takes most of the time.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--sizes", nargs="+", default=NAMES, choices=NAMES, metavar="SIZE", help=" / ".join(NAMES).replace("%", "%%")
    )
    parser.add_argument("--seed", type=int, default=6000, help="of the first tenant")
    parser.add_argument("--tenants", type=int, default=6, help="of each sort, at most")
    parser.add_argument("--days", type=int, default=42, help="two fifths of which only teach")
    parser.add_argument("--config", type=Path, help="the service's configuration file, to try other options")
    options = parser.parse_args(texts)
    sizes = [size._replace(tenants=min(size.tenants, options.tenants)) for size in SIZES if size.name in options.sizes]
    measured = measure(
        sizes, options.seed, options.days, load(options.config, {}), lambda text: print(text, file=sys.stderr)
    )
    print(table(measured), flush=True)
    problems = broken(measured)
    print("\n".join(problems) or "everything is as promised")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
