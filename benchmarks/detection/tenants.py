"""Trials on simulated tenants: records made from a seed, attacks planted in them."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from benchmarks.detection.cells import Labelled, Scores, Step, Trial, label
from benchmarks.detection.elastic_rare import rare_action, rare_failure
from benchmarks.detection.new_value import new_value
from benchmarks.detection.plain_back_off import plain_back_off
from benchmarks.detection.unwonted import Run, run
from demo.tenant import Tenant, TenantPlan
from service.core.engine import Engine
from service.settings import Settings


class Outcome(NamedTuple):
    """One trial and what every method says of it."""

    trial: Trial
    methods: list[Scores]
    records: int


def lines(tenant: Tenant) -> Iterator[bytes]:
    """Yield the tenant's records, one a line, in order of arrival."""
    encode = msgspec.json.Encoder().encode
    for arrival in tenant.records():
        yield encode(arrival.record)


def steps(tenant: Tenant) -> list[Step]:
    """Return every step of every attack."""
    return [
        Step(campaign.id, campaign.actor, step.action, step.time.timestamp())
        for campaign in tenant.campaigns
        for step in campaign.steps
    ]


def trial(tenant: Tenant, cells: list[Labelled], training_days: int) -> Trial:
    """Hold cells and truth together."""
    plan = tenant.plan
    return Trial(
        cells=label(cells, steps(tenant)),
        campaigns={campaign.id: campaign.steps[0].time.timestamp() for campaign in tenant.campaigns},
        judged_from=int(plan.start.timestamp() // 3600) + training_days * 24,
        identities=plan.identities,
        days=plan.days - training_days,
        styles={campaign.id: campaign.style for campaign in tenant.campaigns},
    )


def baselines(cells: list[Labelled]) -> list[Scores]:
    """Ask every method that the service is compared with."""
    return [
        new_value(cells),
        rare_action(cells, people_only=True),
        rare_action(cells, people_only=False),
        rare_failure(cells),
        plain_back_off(cells),
    ]


def evaluate(
    plan: TenantPlan,
    settings: Settings,
    training_days: int,
    *,
    compared: bool = True,
    change: Callable[[Engine], None] | None = None,
) -> Outcome:
    """Simulate a tenant, replay it, through a changed engine if asked, and ask the other methods if `compared`."""
    tenant = Tenant(plan)
    seen: Run = run(lines(tenant), settings, change=change)
    others = baselines(seen.cells) if compared else []
    return Outcome(trial(tenant, seen.cells, training_days), seen.scores() + others, seen.records)
