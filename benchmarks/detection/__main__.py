"""``python -m benchmarks.detection``: simulate, replay, compare, and print the tables."""

import argparse
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.detection import ablation, cold_start, masquerade, report, sets, tenants
from benchmarks.detection.metrics import by_style, ceiling, figures, judged, reliability
from demo.tenant import TenantPlan
from service.settings import Settings, load

KNOBS = ("activity", "novelty", "drift", "failures")
COLD_DAYS = 14
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


def arguments(texts: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.detection",
        description="Measure how well attacks are found, beside simpler rules. Defaults take some three minutes.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103], help="of tenants and of swaps")
    parser.add_argument(
        "--identities", type=int, nargs="*", default=[200], help="a table for each size; none: no tenant"
    )
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--training-days", type=int, help="that only teach; two fifths of the days by default")
    parser.add_argument("--campaigns", type=int, default=20)
    for knob in KNOBS:
        parser.add_argument(f"--{knob}", type=float, default=1.0, help="factor on what is usual in a tenant")
    parser.add_argument(
        "--cold-seeds", type=int, nargs="*", default=[201, 202, 203, 204], help="of tenants for the cold start"
    )
    parser.add_argument("--cold-identities", type=int, default=200)
    parser.add_argument(
        "--cold-campaigns", type=int, default=15, help=f"within {COLD_DAYS} days: many would compete for a day's places"
    )
    parser.add_argument("--sets", nargs="*", default=["o365", "nasa"], choices=[*sets.SETS], help="real logs to use")
    parser.add_argument("--swaps", type=int, default=40, help="injected into each set and seed, at most")
    parser.add_argument("--ablations", action="store_true", help="also with one part of the model less at a time")
    parser.add_argument("--config", type=Path, help="the service's configuration file, to try other options")
    parser.add_argument("--out", type=Path, help="write the tables here, too")
    return parser.parse_args(texts)


def plans(options: argparse.Namespace, identities: int) -> tuple[int, list[TenantPlan]]:
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


def tenant_section(options: argparse.Namespace, identities: int, settings: Settings) -> str:
    """Evaluate tenants of one size, one a seed."""
    training, tenant_plans = plans(options, identities)
    trials: list[dict[str, dict[str, float]]] = []
    honest: list[dict[str, dict[float, tuple[float, float]]]] = []
    styles: dict[str, tuple[int, int, int]] = {}
    records, began = 0, time.process_time()
    for plan in tenant_plans:
        outcome = tenants.evaluate(plan, settings, training)
        trials.append({scores.name: figures(outcome.trial, scores) for scores in outcome.methods})
        trials[-1][CEILING] = ceiling(outcome.trial)
        for style, counts in by_style(outcome.trial, outcome.methods[0], 5).items():
            before = styles.get(style, (0, 0, 0))
            styles[style] = (before[0] + counts[0], before[1] + counts[1], before[2] + counts[2])
        honest.append({})
        for scores in outcome.methods:
            if scores.name.startswith("Unwonted "):  # the others' scores promise nothing
                cells, kept = judged(outcome.trial, scores)
                honest[-1][scores.name] = reliability(cells, kept.score)
        records += outcome.records
        print(f"  tenant of {identities}, seed {plan.seed}: done", file=sys.stderr)
    seeds = ", ".join(map(str, options.seeds))
    title = f"Simulated tenant: {identities} identities, {options.days} days, {options.campaigns} attacks"
    changed = ", ".join(f"{knob} x {getattr(options, knob):g}" for knob in KNOBS if getattr(options, knob) != 1.0)
    note = f"Seeds {seeds}; {training} days of training{'; ' + changed if changed else ''}. {METHODS}"
    seconds = (time.process_time() - began) / len(options.seeds)
    cost = f"{records // len(options.seeds):,} records and {seconds:.0f} s of processor a seed, all methods together.\n"
    by_style_of_attack = report.style_table("By style of attack: Unwonted, all seeds", styles)
    return "\n".join([report.table(title, note, trials), cost, by_style_of_attack, report.reliability_table(honest)])


def cold_section(options: argparse.Namespace, settings: Settings) -> str:
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


def ablation_section(options: argparse.Namespace, identities: int, settings: Settings) -> str:
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


def set_section(name: str, options: argparse.Namespace, settings: Settings) -> str:
    """Evaluate one real log with injected attacks, or with its own masquerades."""
    if not sets.available(name):
        return f"### {name}\n\nNOT MEASURED: {sets.FOLDER} has no {sets.SETS[name].file}; set UNWONTED_SHARED.\n"
    if name == "sea":
        outcome = sets.evaluate(name, settings, 0, 0)
        rows = {scores.name: masquerade.block_figures(outcome.trial, scores) for scores in outcome.methods}
        note = "Blocks of other real people were spliced in by the set's authors (**injected** by them). "
        columns = {column: column for column in next(iter(rows.values()))}
        return report.table("Masquerades among shell commands", note + masquerade.PUBLISHED, [rows], columns)
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


def main(texts: list[str] | None = None) -> None:
    """Run everything that was asked for; tables go to standard output as they come."""
    options = arguments(texts)
    settings = load(options.config, {})
    sections = []

    def show(section: str) -> None:
        print(section, flush=True)
        sections.append(section)

    for identities in options.identities:
        show(tenant_section(options, identities, settings))
        if options.ablations:
            show(ablation_section(options, identities, settings))
    if options.cold_seeds:
        show(cold_section(options, settings))
    for name in options.sets:
        show(set_section(name, options, settings))
    if options.out:
        options.out.write_text("\n".join(sections), encoding="utf-8")


if __name__ == "__main__":
    main()
