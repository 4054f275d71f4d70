"""A soak in chapters: each a tenant and a service of its own, which is hurt and looked at, again and again."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.fakes.azurite import Account
from tests.integration.service_process import clock
from tests.soak.faults import Deck, Lasting, Store, Sudden, meanwhile
from tests.soak.invariants import Invariants
from tests.soak.report import Report
from tests.soak.world import Violation, World

CHECK_EVERY = 5
"""Faults between two comparisons of what was learnt."""
IMPATIENT = 0.2
"""How often the next fault does not wait until the service is ready again."""


class Pace(NamedTuple):
    """How long a fault lasts, in seconds, and how often something sudden happens in its midst."""

    shortest: float = 0.3
    longest: float = 3.0
    meanwhile: float = 0.6


async def chapter(
    report: Report,
    folder: Path,
    storage: Account | None,
    seed: str,
    faults: int,
    say: Callable[[str], None],
    pace: Pace = Pace(),  # noqa: B008 - immutable
) -> None:
    """Let so many faults happen to one service, and check what must hold; adds to the report.

    Parameters
    ----------
    folder
        The service's.
    storage
        Where it keeps its snapshots; None for files.
    seed
        Draws the tenant and the faults.
    say
        Is told of each fault.
    pace
        Makes it shorter, or worse.
    """
    rng = Random(seed)
    began, until = clock.elapsed(), report.faults.total() + faults
    async with World(folder, storage, seed=rng.getrandbits(32)) as world:
        invariants = Invariants(world)
        stop = asyncio.Event()
        feeding = asyncio.ensure_future(world.feed.run(stop))
        try:
            await world.until_ready()
            await _hurt(world, invariants, report, rng, "file" if storage is None else "blob", until, say, pace)
            stop.set()
            await feeding
            await invariants.check_end()
        except (Violation, AssertionError, TimeoutError) as broken:
            report.violations.append(f"{seed}, after {report.faults.total()} faults: {broken!r}")
            say(report.violations[-1])
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
    report.seconds += clock.elapsed() - began
    report.days += world.feed.days
    report.messages += sum(world.ends().values()) + len(world.ends())
    report.records += world.feed.records
    report.alerts += len(invariants.told.alerts)
    report.delivered += len(invariants.told.contents)
    report.copies += invariants.told.copies
    report.grown += invariants.told.grown
    report.left_open += len(invariants.left_open)
    report.gaps += len(invariants.told.stages)
    report.starts += world.starts
    report.set_aside += len(world.set_aside)
    report.checks += invariants.checks


async def _hurt(
    world: World,
    invariants: Invariants,
    report: Report,
    rng: Random,
    store: Store,
    until: int,
    say: Callable[[str], None],
    pace: Pace,
) -> None:
    deck = Deck(rng, store)
    unchecked = 0
    while report.faults.total() < until:
        fault = deck.draw()
        say(f"{report.faults.total() + 1}: {fault.name}")
        before = report.faults.total()
        await _happen(world, fault, Random(rng.getrandbits(64)), report, pace)
        unchecked += report.faults.total() - before
        ended = clock.elapsed()
        if rng.random() >= IMPATIENT:
            await world.until_ready()
            report.back[fault.name].append(clock.elapsed() - ended)
        invariants.check_told()
        if unchecked >= CHECK_EVERY:
            unchecked = 0
            await invariants.check_learnt()
    await world.until_ready()


async def _happen(world: World, fault: Lasting | Sudden, rng: Random, report: Report, pace: Pace) -> None:
    await clock.sleep(rng.uniform(0.0, 0.5))
    report.faults[fault.name] += 1
    if isinstance(fault, Sudden):
        await fault.strike(world, rng)
        return
    seconds = rng.uniform(pace.shortest, pace.longest)
    await fault.begin(world, rng)
    try:
        await clock.sleep(seconds / 2)
        if rng.random() < pace.meanwhile and (also := meanwhile(fault, rng)) is not None:
            report.faults[also.name] += 1
            await also.strike(world, rng)
        await clock.sleep(seconds / 2)
    finally:
        await fault.end(world)
