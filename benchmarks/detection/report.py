"""Figures over several trials as Markdown: mean, and behind it the spread over seeds."""

from collections.abc import Mapping, Sequence

import numpy as np

Row = Mapping[str, float]  # by column; what is missing is not shown
Trials = Sequence[Mapping[str, Row]]  # one a seed: by method

COLUMNS = {
    "AP": "AP",
    "AUC": "AUC",
    "in 1 a day": "found in 1 a day",
    "in 5 a day": "5",
    "in 20 a day": "20",
    "alerted": "alerted",
    "false per 1,000 a day": "false user-days per 1,000 a day",
    "at 1 false": "found at 1 false (hindsight)",
    "failures AP": "failures AP",
    "delay, minutes": "median delay, minutes",
}
COLD_NOTE = """\
By day since the first event: attacks found within 5 user-days a day / alerted, of those begun; then falsely alerted
user-days per 1,000 identities a day. Attacks begin on the second day."""
SHARES = {"in 1 a day", "in 5 a day", "in 20 a day", "alerted", "at 1 false"}


def spread(values: Sequence[float], style: str) -> str:
    """Write a mean and the standard deviation over seeds; figures that do not exist are left out.

    >>> spread([0.5, 0.7], ".2f")
    '0.60 ± 0.14'
    >>> spread([0.5], ".0%"), spread([float("nan")], ".2f")
    ('50 %', '-')
    """
    known = [value for value in values if np.isfinite(value)]
    if not known:
        return "-"
    if style.endswith("%"):
        scaled, suffix, style = [100.0 * value for value in known], " %", style[:-1] + "f"
    else:
        scaled, suffix = known, ""
    text = f"{np.mean(scaled):{style}}"
    return (f"{text} ± {np.std(scaled, ddof=1):{style}}" if len(scaled) > 1 else text) + suffix


def table(title: str, note: str, trials: Trials, columns: Mapping[str, str] = COLUMNS) -> str:
    """Return a section with one row a method and one column a figure."""
    lines = [f"### {title}", "", note, "", _row(["", *columns.values()]), _row(["---"] * (len(columns) + 1))]
    for method in trials[0]:
        rows = [trial[method] for trial in trials]
        lines.append(
            _row([method, *(spread([row.get(name, np.nan) for row in rows], _style(name)) for name in columns)])
        )
    return "\n".join([*lines, ""])


def style_table(trials: Sequence[Mapping[str, tuple[int, int, int]]]) -> str:
    """Return a section with one row a style of attack: planted, found within a daily budget, told; trials are added."""
    lines = [
        "### Unwonted by style of attack",
        "",
        _row(["", "planted", "found in 5 a day", "alerted"]),
        _row(["---"] * 4),
    ]
    for style in sorted({style for trial in trials for style in trial}):
        planted, found, told = (sum(trial.get(style, (0, 0, 0))[part] for trial in trials) for part in range(3))
        lines.append(_row([style, str(planted), f"{found / planted:.0%}", f"{told / planted:.0%}"]))
    return "\n".join([*lines, ""])


def reliability_table(trials: Sequence[Mapping[str, Mapping[float, tuple[float, float]]]]) -> str:
    """Return a section that holds what scores promise against what user-days without an attack did."""
    lines = [
        "### Reliability of scores",
        "",
        "Share of the user-days without an attack that reach a score: promised, and seen.",
        "",
    ]
    levels = sorted({level for trial in trials for method in trial.values() for level in method})
    lines += [_row(["", *(f"{level:g}" for level in levels)]), _row(["---"] * (len(levels) + 1))]
    lines.append(_row(["promised", *(f"{10.0 ** (-level / 25.0):.3%}".replace("%", " %") for level in levels)]))
    for method in trials[0]:
        seen = [[trial[method][level][0] for trial in trials if level in trial[method]] for level in levels]
        lines.append(_row([method, *(spread(values, ".3%") for values in seen)]))
    return "\n".join([*lines, ""])


def cold_start_table(stretches: Mapping[str, Mapping[str, tuple[int, int, int, float]]]) -> str:
    """Return a section on what is found in each stretch of days since the first event.

    Parameters
    ----------
    stretches
        By method, then stretch: attacks begun, those found within five user-days a day, those alerted, and wrongly
        accused user-days per 1,000 identities a day.
    """
    names = list(next(iter(stretches.values())))
    lines = [
        "### Cold start",
        "",
        COLD_NOTE,
        "",
        _row(["", *names]),
        _row(["---"] * (len(names) + 1)),
    ]
    for method, row in stretches.items():
        cells = [
            f"{found / begun:.0%} / {alerted / begun:.0%} of {begun}; {false:.1f}" if begun else f"-; {false:.1f}"
            for begun, found, alerted, false in row.values()
        ]
        lines.append(_row([method, *cells]))
    return "\n".join([*lines, ""])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _style(name: str) -> str:
    if name in SHARES or name.startswith("hits"):
        return ".0%"
    if name == "failures AP":
        return ".2f"
    if name == "AP" or name.startswith("AUC"):
        return ".3f"
    if name in {"delay, minutes", "blocks", "masquerades"}:
        return ".0f"
    return ".1f"
