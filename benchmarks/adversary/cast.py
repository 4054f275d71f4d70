"""Spreads styles over tenants, so that attacks neither crowd out nor teach one another, and makes them all up."""

from collections.abc import Collection
from typing import NamedTuple

from benchmarks.adversary.attacks import VARIANTS, Variant
from benchmarks.adversary.honest import HONEST, Counterpart
from benchmarks.adversary.instance import Instance
from benchmarks.adversary.stage import Attack, Stage, UnfitTenantError
from benchmarks.adversary.world import World
from demo.tenant import Call, TenantPlan

TENANTS = 6
PLAIN = "plain"  # what the attacks of the tenant itself are called, by their four styles
PLAIN_A_TENANT = 4


class Planted(NamedTuple):
    """One attack of a variant, under a name of its own."""

    name: str
    variant: Variant
    attack: Attack


class Work(NamedTuple):
    """One instance of honest work, under a name of its own."""

    name: str
    counterpart: Counterpart
    instance: Instance


class Cast(NamedTuple):
    """What is planted into one tenant, and what could not be."""

    plan: TenantPlan
    attacks: list[Planted]
    honest: list[Work]
    unfit: list[str]

    def calls(self) -> list[Call]:
        """Return all calls that are planted."""
        made = [call for one in self.attacks for call in (*one.attack.steps, *one.attack.cover)]
        return made + [call for one in self.honest for call in one.instance.calls]


def plans(seed: int, identities: int, days: int) -> list[TenantPlan]:
    """Return the tenants of one seed."""
    return [
        TenantPlan(
            seed=seed * 1000 + number,
            identities=identities,
            days=days,
            campaigns=PLAIN_A_TENANT,
            campaigns_from=days * 3 // 7,
        )
        for number in range(TENANTS)
    ]


def cast(plan: TenantPlan, number: int, styles: Collection[str] = ()) -> Cast:
    """Make up what is planted into the tenant of that number; of all that, keep some styles only.

    Everything is made up whatever is kept, so that the same people are taken. For what nobody is fit, as may be in a
    small tenant, is left out and said so.
    """
    world = World(plan)
    taken = set(world.victims)
    attacks, honest, unfit = [], [], []
    for variant in VARIANTS[number::TENANTS]:
        for count in range(1, variant.number + 1):
            name = f"{variant.name}, {plan.seed}/{count}"
            try:
                attacks.append(Planted(name, variant, variant.make(Stage(world, f"{variant.name}/{count}", taken))))
            except UnfitTenantError as error:
                unfit.append(str(error))
    for counterpart in HONEST[number::TENANTS]:
        try:
            made = counterpart.make(Stage(world, counterpart.name, taken))
        except UnfitTenantError as error:
            unfit.append(str(error))
        else:
            honest += [Work(f"{counterpart.name}, {plan.seed}/{n}", counterpart, one) for n, one in enumerate(made, 1)]
    return Cast(
        plan,
        [one for one in attacks if not styles or one.variant.style in styles],
        [one for one in honest if not styles or one.counterpart.name in styles],
        unfit,
    )
