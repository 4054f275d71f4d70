"""Every style of attack with its strengths, in the order of the table."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from benchmarks.adversary import bundles, patient, strangers, volume
from benchmarks.adversary.operations import BLINDING
from benchmarks.adversary.stage import Attack, Stage


class Variant(NamedTuple):
    """One style at one strength, how it is made up, and how many of it a seed plants."""

    style: str
    strength: str
    make: Callable[[Stage], Attack]
    number: int = 2

    @property
    def name(self) -> str:
        """Style and strength."""
        return f"{self.style}, {self.strength}"


EVERY = {1: "every working day", 2: "every second", 4: "every fourth"}


def _variants() -> tuple[Variant, ...]:
    elsewhere, home = "strange network", "own network"
    found = [
        Variant("bundle", elsewhere, bundles.from_elsewhere, 3),
        Variant("bundle", f"{home}, usual hour", bundles.from_home, 3),
        Variant("bundle", f"{home}, one service", bundles.of_one_service),
    ]
    for place, own in ((elsewhere, False), (home, True)):
        found += [
            Variant("amid everyday work", f"{n} actions, {place}", partial(bundles.amid, everyday=n, home=own))
            for n in (2, 4, 8)
        ]
    found += [Variant("drip", text, partial(patient.drip, every=n)) for n, text in EVERY.items()]
    found += [
        Variant("drip, then a bundle", EVERY[n], partial(patient.drip, every=n, then_bundle=True)) for n in (1, 2)
    ]
    found += [
        Variant("refused, then allowed", elsewhere, partial(patient.teach, home=False)),
        Variant("refused, then allowed", home, partial(patient.teach, home=True)),
        Variant("flood of novelty", "118 a day", partial(patient.flood, a_day=118), 1),
        Variant("flood of novelty", "30 a day", partial(patient.flood, a_day=30), 1),
        Variant("accomplices", "10 fresh people", partial(strangers.accomplices, count=10, kind="human"), 1),
        Variant("accomplices", "10 fresh apps", partial(strangers.accomplices, count=10, kind="service_principal"), 1),
        Variant("three victims", elsewhere, partial(strangers.several_victims, home=False)),
        Variant("three victims", home, partial(strangers.several_victims, home=True)),
    ]
    found += [
        Variant("never seen", f"person at 02:00, {text}", partial(strangers.never_seen, kind="human", count=n))
        for n, text in ((4, "4 steps"), (2, "2 steps"), (1, "1 step"))
    ]
    found += [
        Variant("never seen", f"{kind.replace('_', ' ')}, 1 step", partial(strangers.never_seen, kind=kind, count=1))
        for kind in ("guest", "service_principal", "managed_identity")
    ]
    found.append(Variant("never seen", "person elevates access", strangers.elevates))
    found += [Variant("deletions", f"{n} in 50 minutes", partial(volume.deletions, count=n)) for n in (60, 250, 1000)]
    found += [Variant("keys listed", f"{n} in 40 minutes", partial(volume.listings, count=n)) for n in (50, 200)]
    found += [Variant("another subscription", f"{n} deletions", partial(volume.elsewhere, count=n)) for n in (4, 12)]
    found += [Variant("blinding", what, partial(volume.blinding, what=what)) for what in BLINDING]
    found += [
        Variant("poisoning", elsewhere, partial(patient.poisoning, home=False)),
        Variant("poisoning", home, partial(patient.poisoning, home=True)),
    ]
    return tuple(found)


VARIANTS: tuple[Variant, ...] = _variants()
"""All of them."""
