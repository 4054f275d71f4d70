"""One section of the report each: simulate or read, replay, compare, and put the figures into tables."""

import sys
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from benchmarks.adversary import measure
from benchmarks.detection import ablation, cold_start, masquerade, report, sets, tenants
from benchmarks.detection.metrics import budget_curve, by_style, ceiling, figures, reliability
from benchmarks.detection.pictures import budget_curves, reliability_diagram
from demo.tenant import TenantPlan
from service.settings import Settings

K = TypeVar("K")
DRAWN = (1, 2, 3, 5, 7, 10, 15, 20)
KNOBS = ("activity", "novelty", "drift", "failures", "policies")
COLD_DAYS = 14
ADVERSARY_DAYS = 42
ALONE = f"Unwonted {ablation.DETECTOR} alone"
CEILING = "perfect knowledge"
METHODS = """\
Attacks are simulated. Cells are (identity, action, hour); those of the training days only teach. *Found in N a day*:
an attack's cell is among the first three of one of the day's N first user-days. *Alerted* and *false*: at the
threshold that the method is shipped with; Unwonted's are the alerts of the service, the others' are told the moment
that their hour is over. *Hindsight*: at the threshold that would have cost one false user-day per 1,000 identities a
day. *Failures AP*: among cells that failed. *Elastic-like* is rebuilt from published mathematics, ranked by its
probability and alerting by its record score; it is not Elastic's engine. *Everybody* lets it see machines, too."""
INJECTED = """\
A real log, **attacks injected**: {about}. Each gives one user for a short while the actions of another real user.
{cells:,} cells, {attacks} swaps a seed, {identities} identities and {days:.0f} days judged."""


def plans(options: Namespace, identities: int) -> tuple[int, list[TenantPlan]]:
    """Return the number of training days, and the tenants of one size, one a seed."""
    training = options.days * 2 // 5 if options.training_days is None else options.training_days
    knobs = {knob: getattr(options, knob) for knob in KNOBS}
    return training, [
        TenantPlan(
            seed=seed,
            identities=identities,
            days=options.days,
            campaigns=options.campaigns,
            campaigns_from=training,
            **knobs,
        )
        for seed in options.seeds
    ]


class TenantSection(NamedTuple):
    """Tables, and pictures by file name."""

    text: str
    pictures: dict[str, str]


def tenant_section(options: Namespace, identities: int, settings: Settings) -> TenantSection:
    """Evaluate tenants of one size, one a seed."""
    training, tenant_plans = plans(options, identities)
    rows: list[dict[str, dict[str, float]]] = []
    honest: list[dict[str, dict[float, tuple[float, float]]]] = []
    curves: list[dict[str, dict[int, float]]] = []
    styles: list[dict[str, tuple[int, int, int]]] = []
    records, began = 0, time.process_time()
    for plan in tenant_plans:
        trial, methods, read = tenants.evaluate(plan, settings, training)
        rows.append({one.name: figures(trial, one) for one in methods} | {CEILING: ceiling(trial)})
        curves.append({one.name: budget_curve(trial, one, DRAWN) for one in methods})
        styles.append(by_style(trial, methods[0], 5))
        # The scores of the others promise nothing.
        honest.append({one.name: reliability(trial, one) for one in methods if one.name.startswith("Unwonted ")})
        records += read
        print(f"  tenant of {identities}, seed {plan.seed}: done", file=sys.stderr)
    title = f"Simulated tenant: {identities} identities, {options.days} days, {options.campaigns} attacks"
    changed = "".join(f", {knob} x {getattr(options, knob):g}" for knob in KNOBS if getattr(options, knob) != 1.0)
    note = f"Seeds {', '.join(map(str, options.seeds))}; {training} days of training{changed}.\n{METHODS}"
    seconds = (time.process_time() - began) / len(rows)
    cost = f"{records // len(rows):,} records and {seconds:.0f} s of processor a seed, all methods together.\n"
    tables = [report.table(title, note, rows), cost, report.style_table(styles), report.reliability_table(honest)]
    pictures = {
        f"budget-{identities}.svg": budget_curves(title, _mean(curves)),
        f"reliability-{identities}.svg": reliability_diagram(
            title,
            _mean([{name: {at: seen for at, (seen, _) in one.items()} for name, one in t.items()} for t in honest]),
        ),
    }
    return TenantSection("\n".join(tables), pictures)


def _mean(trials: Sequence[Mapping[str, Mapping[K, float]]]) -> dict[str, dict[K, float]]:
    return {
        name: {at: sum(trial[name][at] for trial in trials) / len(trials) for at in trials[0][name]}
        for name in trials[0]
    }


def cold_section(options: Namespace, settings: Settings) -> str:
    """Evaluate fresh installations that are attacked from the second day on."""
    outcomes = []
    for seed in options.cold_seeds:
        plan = TenantPlan(
            seed=seed,
            identities=options.cold_identities,
            days=COLD_DAYS,
            campaigns=options.cold_campaigns,
            campaigns_from=1,
        )
        outcomes.append(tenants.evaluate(plan, settings, training_days=1))
        print(f"  cold start, seed {seed}: done", file=sys.stderr)
    return report.cold_start_table(cold_start.by_stretch(outcomes))


def adversary_section(options: Namespace, settings: Settings) -> str:
    """Evaluate attackers who know their victim and the service, and honest work beside them."""
    seeds, identities = options.adversary_seeds, options.adversary_identities
    return measure.section(
        seeds, identities, ADVERSARY_DAYS, measure.measure(seeds, identities, ADVERSARY_DAYS, settings)
    )


def ablation_section(options: Namespace, identities: int, settings: Settings) -> str:
    """Evaluate the rare-action detector with one part less at a time."""
    training, tenant_plans = plans(options, identities)
    trials: list[dict[str, dict[str, float]]] = []
    for plan in tenant_plans:
        rows = {}
        for part in ("", *ablation.WITHOUT):
            change = partial(ablation.without, part) if part else None
            outcome = tenants.evaluate(plan, settings, training, compared=False, change=change)
            scores = next(one for one in outcome.methods if one.name == ALONE)
            rows[f"without {part}" if part else "whole"] = figures(outcome.trial, scores)
        trials.append(rows)
        print(f"  ablations, seed {plan.seed}: done", file=sys.stderr)
    note = f"The same tenants, rare_action alone, one part taken out. Seeds {', '.join(map(str, options.seeds))}."
    return report.table(f"Ablations: {identities} identities, {options.days} days", note, trials)


def set_section(name: str, options: Namespace, settings: Settings) -> str:
    """Evaluate one real log with injected attacks, or with its own masquerades."""
    if not sets.available(name):
        return f"### {name}\n\nNOT MEASURED: {sets.FOLDER} has no {sets.SETS[name].file}; set UNWONTED_SHARED.\n"
    if name == "sea":
        outcome = sets.evaluate(name, settings, 0, 0)
        rows = {scores.name: masquerade.block_figures(outcome.trial, scores) for scores in outcome.methods}
        note = "Blocks of other real people were spliced in by the set's authors (**injected** by them). "
        columns = {column: column for column in next(iter(rows.values()))}
        return report.table("Masquerades among shell commands", note + masquerade.HOW, [rows], columns)
    outcomes = []
    for seed in options.seeds:
        outcomes.append(sets.evaluate(name, settings, seed, options.swaps))
        print(f"  {name}, seed {seed}: done", file=sys.stderr)
    trial = outcomes[0].trial
    note = INJECTED.format(
        about=sets.SETS[name].about,
        cells=len(trial.cells),
        attacks=" / ".join(str(len(outcome.trial.campaigns)) for outcome in outcomes),
        identities=trial.identities,
        days=trial.days,
    )
    trials = [{s.name: figures(outcome.trial, s) for s in outcome.methods} for outcome in outcomes]
    return report.table(f"{name}, attacks injected", note, trials)
