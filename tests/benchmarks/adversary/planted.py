"""One small tenant for all tests, and everything that is made up in it."""

from functools import cache

from benchmarks.adversary.attacks import VARIANTS, Variant
from benchmarks.adversary.honest import HONEST
from benchmarks.adversary.instance import Instance
from benchmarks.adversary.stage import Attack, Stage
from benchmarks.adversary.world import World
from demo.tenant import DAY, Call, Identity, TenantPlan

PLAN = TenantPlan(seed=4, identities=150, days=42, campaigns=4, campaigns_from=18)


@cache
def world() -> World:
    return World(PLAN)


@cache
def another_world() -> World:
    """Return the same one, recreated."""
    return World(PLAN)


@cache
def attack(variant: Variant) -> Attack:
    return variant.make(Stage(world(), variant.name, set()))


@cache
def variant(style: str, strength: str) -> Variant:
    [found] = [one for one in VARIANTS if (one.style, one.strength) == (style, strength)]
    return found


@cache
def honest(name: str) -> list[Instance]:
    [found] = [one for one in HONEST if one.name == name]
    return found.make(Stage(world(), name, set()))


def of(style: str, strength: str) -> Attack:
    return attack(variant(style, strength))


def said(calls: tuple[Call, ...]) -> list[tuple[int, str, str, str, str]]:
    """Return what can be compared of calls of two worlds."""
    return [(call.time, call.who.id, call.what.action, call.address, call.failure) for call in calls]


def days(calls: tuple[Call, ...]) -> list[int]:
    return list(dict.fromkeys(call.time // DAY for call in calls))


def whos(calls: tuple[Call, ...]) -> list[Identity]:
    return list(dict.fromkeys(call.who for call in calls))


def actions(calls: tuple[Call, ...]) -> list[str]:
    return [call.what.action for call in calls]
