"""``python -m benchmarks.adversary.prices``: how long to poison the detectors until a theft is not told of.

A victim is taught for weeks. Every morning the detectors are asked, in silence, what they would say if the theft were
carried out in that hour: nothing of it is learnt. The price is for how many days had been paid when they first would
not have told of it. Nothing here needs more of the detectors than their contract, so that older ones can be asked too.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from statistics import median
from typing import Any, NamedTuple

from benchmarks.adversary.poisonings import FIRST_DAY, POISONINGS, Poisoning, Theft, questions
from benchmarks.detection.tenants import lines
from benchmarks.detection.unwonted import TAPE, Tape, run
from demo.tenant import DAY, Tenant, TenantPlan
from models.detectors import Anomaly, Detector
from models.stream import ActivityEvent, ActorBucket, Cell, Crowd, Outcome
from service.core.engine import Engine
from service.settings import Settings, load

STRANGE = "100.127.9.9"


class Asking(Tape):
    """Finds nothing: asks the other detectors each morning what they would say of a theft.

    Attributes
    ----------
    told
        By victim's id and day from the epoch: whether the theft would be told of from its own network, and from a
        strange one.
    """

    def __init__(
        self, thefts: Sequence[Theft], others: Mapping[str, Detector], thresholds: Mapping[str, float]
    ) -> None:
        super().__init__()
        self.told: dict[tuple[str, int], tuple[bool, bool]] = {}
        self._thefts = {theft.victim.id: theft for theft in thefts}
        self._others = dict(others)
        self._thresholds = thresholds

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        """Ask, and find nothing; the last answer of an hour is that of its end."""
        theft, hour = self._thefts.get(seen.actor.id), int(seen.bucket.hours)
        if theft is not None and hour % 24 == theft.hour and not seen.cells[0].late:
            own = next((cell.addresses[:1] for cell in seen.cells if cell.addresses), ())
            self.told[seen.actor.id, hour // 24] = (
                self._would_tell(seen, crowd, theft, own),
                self._would_tell(seen, crowd, theft, (STRANGE,)),
            )
        return []

    def _would_tell(self, seen: ActorBucket, crowd: Crowd, theft: Theft, addresses: tuple[str, ...]) -> bool:
        stolen = [
            _cell(seen, action, times, n, addresses) for n, (action, times) in enumerate(theft.operations.items())
        ]
        others = [cell for cell in seen.cells if cell.action not in theft.operations]
        hour = seen._replace(cells=tuple(sorted([*others, *stolen], key=lambda cell: (cell.first_time, cell.action))))
        return any(
            one.score >= self._thresholds[name] and one.cell.action in theft.operations
            for name, detector in self._others.items()
            for one in detector.score(hour, crowd)
        )


def _cell(seen: ActorBucket, action: str, times: int, number: int, addresses: tuple[str, ...]) -> Cell:
    first = min(
        seen.cells[-1].first_time + timedelta(seconds=20 * (number + 1)), seen.bucket.end - timedelta(seconds=1)
    )
    scopes = next((cell.scopes[:1] for cell in seen.cells if cell.scopes), ())
    where: dict[str, Any] = {"scope": "".join(scopes), "address": "".join(addresses)}
    record = ActivityEvent(first, seen.actor, action, action, Outcome.SUCCESS, f"asked/{action}", **where)
    return Cell(action, action, first, times, times, 0, 0, addresses, scopes, (record,))


class Price(NamedTuple):
    """What one poisoning costs: units paid when the theft was first not told of; None if it always was.

    `own`, `strange` are where the theft would come from; `noticed` is on how many of the `days` the paying itself was
    told of.
    """

    poisoning: Poisoning
    own: int | None
    strange: int | None
    noticed: int
    days: int


def measure(plan: TenantPlan, settings: Settings) -> list[Price]:
    """Simulate, replay, and ask."""
    asked = list(questions(plan))
    asking: list[Asking] = []

    def change(engine: Engine) -> None:
        asking.append(Asking([one.theft for one in asked], engine.detectors, engine.options.thresholds))
        engine.detectors[f"{TAPE.name} of prices"] = asking[0]
        # What finds nothing needs a threshold all the same.
        engine.options = engine.options._replace(
            thresholds={**engine.options.thresholds, f"{TAPE.name} of prices": 100.0}
        )

    seen = run(lines(Tenant(plan, [call for one in asked for call in one.calls])), settings, change=change)
    begins = int(plan.start.timestamp() // 86_400)
    prices = []
    for poisoning, theft, calls in asked:
        whos = {call.who.id for call in calls}
        days = {begins + call.time // DAY for call in calls}
        told_on = {int(since // 86_400) for actor, since, _ in seen.windows if actor in whos} & days
        own, strange = (
            next(
                (
                    (day - begins - FIRST_DAY) * poisoning.a_day
                    for (actor, day), told in sorted(asking[0].told.items())
                    if actor == theft.victim.id and day >= begins + FIRST_DAY and not told[place]
                ),
                None,
            )
            for place in (0, 1)
        )
        prices.append(Price(poisoning, own, strange, len(told_on), len(days)))
    return prices


def table(prices: Sequence[Price], days: int) -> str:
    """Return a row a poisoning: every victim's price, and the median."""
    lines = [
        "| poisoning | paid in | own network | each victim | strange network | each victim | paying told of on |",
        "|---|---|---|---|---|---|---|",
    ]
    for poisoning in POISONINGS:
        some = [one for one in prices if one.poisoning.name == poisoning.name]
        cells = [poisoning.name, poisoning.unit]
        for paid in ([one.own for one in some], [one.strange for one in some]):
            most = (days - FIRST_DAY) * poisoning.a_day
            needed = sorted(most if one is None else one for one in paid if one != 0)
            said = [f"> {most - 1}" if one == most else str(one) for one in needed]
            middle = median(needed) if needed else 0
            cells += [f"> {most - 1}" if middle >= most else f"{middle:g}", ", ".join(["0"] * paid.count(0) + said)]
        cells.append(f"{sum(one.noticed for one in some)} of {sum(one.days for one in some)} days")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", "0: not told of before anything was paid; left out of the median.", ""])


def main(texts: Sequence[str] | None = None) -> None:
    """Measure, and print the table again after each tenant."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.adversary.prices",
        description="Measure what it costs an attacker to teach the detectors until a theft is not told of.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--identities", type=int, default=100)
    parser.add_argument("--days", type=int, default=44, help=f"the first {FIRST_DAY} of which are not poisoned")
    options = parser.parse_args(texts)
    settings, prices = load(None, {}), list[Price]()
    for seed in options.seeds:
        began = time.process_time()
        plan = TenantPlan(seed=9000 + seed, identities=options.identities, days=options.days, campaigns=0)
        prices += measure(plan, settings)
        print(f"  seed {seed}: {time.process_time() - began:.0f} s", file=sys.stderr)
        print(table(prices, options.days), flush=True)


if __name__ == "__main__":
    main()
