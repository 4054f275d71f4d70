"""Verdicts as Markdown: attacks by style and strength, honest work by kind, and what was missed."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from statistics import median

from benchmarks.adversary.attacks import VARIANTS
from benchmarks.adversary.honest import HONEST
from benchmarks.adversary.verdicts import AttackVerdict, Best, HonestVerdict, TenantVerdict

NOTE = """\
*Alerted*: an alert of any detector, at its default threshold, about an identity of the attack covers one of its steps;
*payload*: the same of what the preparations are for; *named*: the alert names an operation of the attack. *Top score*:
median of the highest on the days of its identities; *margin*: median of how far its best operation is above (below)
its detector's threshold. A drip is one step every working day, every second or every fourth working day."""
DAY_BY_DAY = frozenset({"refused, then allowed", "poisoning", "flood of novelty"})


def _share(flags: Sequence[bool]) -> str:
    return f"{sum(flags) / len(flags):.0%}".replace("%", " %") if flags else "-"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _sorts(verdicts: Iterable[AttackVerdict]) -> list[tuple[str, str]]:
    """Return each style and strength once, in the order of the registry, behind those of the tenant itself."""
    order = {(variant.style, variant.strength): place for place, variant in enumerate(VARIANTS)}
    there = {(one.style, one.strength) for one in verdicts}
    return sorted(there, key=lambda sort: (order.get(sort, -1), sort))


def _attack_row(style: str, strength: str, verdicts: Sequence[AttackVerdict]) -> str:
    return _row(
        (
            style,
            strength,
            str(len(verdicts)),
            f"{median(one.score for one in verdicts):.0f}",
            f"{round(median(one.margin for one in verdicts)):+d}",
            _share([one.alerted for one in verdicts]),
            _share([one.payload for one in verdicts if one.payload is not None]),
            _share([one.named for one in verdicts]),
        )
    )


def attack_table(verdicts: Sequence[AttackVerdict]) -> str:
    """Return one row a style and strength, and one of all."""
    lines = [
        _row(("style", "strength", "attacks", "top score", "margin", "alerted", "payload", "named")),
        _row(["---"] * 8),
    ]
    lines += [
        _attack_row(*sort, [one for one in verdicts if (one.style, one.strength) == sort]) for sort in _sorts(verdicts)
    ]
    if verdicts:
        lines.append(_attack_row("**all**", "", verdicts))
    return "\n".join([*lines, ""])


def day_table(verdicts: Sequence[AttackVerdict]) -> str:
    """Return, of what goes on for several days, the share that is alerted on each."""
    long = [one for one in verdicts if one.style in DAY_BY_DAY]
    if not long:
        return ""
    most = max(len(one.days) for one in long)
    lines = [
        _row(("alerted on day", *map(str, range(1, most + 1)))),
        _row(["---"] * (most + 1)),
    ]
    for sort in _sorts(long):
        some = [one.days for one in long if (one.style, one.strength) == sort]
        lines.append(_row((", ".join(sort), *(_share([d[n] for d in some if n < len(d)]) for n in range(most)))))
    return "\n".join([*lines, ""])


def honest_table(verdicts: Sequence[HonestVerdict]) -> str:
    """Return one row a kind; those that may alert come last and are no part of the sum."""
    lines = [
        _row(("honest work", "instances", "alerted", "identity-days", "alerted")),
        _row(["---"] * 5),
    ]

    def row(name: str, some: Sequence[HonestVerdict]) -> str:
        days, alerted = sum(one.days for one in some), sum(one.days_alerted for one in some)
        return _row((name, str(len(some)), str(sum(one.alerted for one in some)), str(days), str(alerted)))

    for allowed in (False, True):
        of_sort = [one for one in verdicts if one.allowed == allowed]
        lines += [
            row(f"{kind} (may alert)" if allowed else kind, [one for one in of_sort if one.kind == kind])
            for kind in (one.name for one in HONEST)
            if any(one.kind == kind for one in of_sort)
        ]
        if of_sort and not allowed:
            lines.append(row("**all that must stay quiet**", of_sort))
    return "\n".join([*lines, ""])


def _cells(best: Iterable[Best]) -> list[str]:
    lines = []
    for cell in best:
        actor, action, hour = cell.key
        when = datetime.fromtimestamp(hour * 3600, UTC)
        scores = ", ".join(f"{name} {score:.0f} (V {surprise:.1f})" for name, (score, surprise) in cell.judged.items())
        lines.append(f"    {actor.rsplit('/', 1)[1][:8]} {when:%a %d %b %H}h {action}: {scores or 'no opinion'}")
    return lines


def missed(verdicts: Iterable[TenantVerdict]) -> str:
    """Return the attacks that were missed and the honest work that was not left alone, with their best cells."""
    lines = []
    for tenant in verdicts:
        for one in tenant.attacks:
            if not one.alerted or one.payload is False:
                lines += [f"missed{' (payload)' if one.alerted else ''}: {one.name}", *_cells(one.best)]
        for work in tenant.honest:
            if work.alerted:
                lines += [f"accused: {work.name}", *_cells(work.best)]
    return "\n".join([*lines, ""])


def section(title: str, verdicts: Sequence[TenantVerdict]) -> str:
    """Return everything measured."""
    false = sum(one.false for one in verdicts)
    rate = 1000.0 * false / (sum(one.identity_days for one in verdicts) or 1.0)
    return "\n".join(
        (
            f"### {title}",
            "",
            NOTE,
            "",
            attack_table([one for tenant in verdicts for one in tenant.attacks]),
            day_table([one for tenant in verdicts for one in tenant.attacks]),
            honest_table([one for tenant in verdicts for one in tenant.honest]),
            f"Everything else: {false} false user-days, {rate:.2f} per 1,000 identities a day.",
            "",
        )
    )
