"""``unwonted tuning``: thresholds and a budget tried on the days that a history has.

What would have alerted is worked out by `service.core.alerting`, and asked as the console asks it.
"""

from collections.abc import Sequence
from pathlib import Path

import click

from service.cli.epilog import ending
from service.cli.inputs import MISCONFIGURED, config_option, fail, read_settings
from service.cli.past import (
    ASKING,
    NAME_LENGTH,
    WORDS_LENGTH,
    asked,
    history_option,
    in_json,
    json_option,
    minute,
    present,
)
from service.console import Live, PageQuery, Tuning, tuning_answer
from service.core.alerting import is_movable
from service.sinks import clean
from service.wiring import thresholds_configured


@click.command(
    "tuning",
    short_help="Try thresholds and a budget on the last days.",
    epilog=ending(
        ASKING,
        "tuning --config unwonted.yaml --all -5",
        "tuning --history week.sqlite --threshold rare_action=65 --days 28",
        "tuning --config unwonted.yaml --budget 5 --json",
    ),
)
@config_option
@history_option
@click.option("--days", type=click.IntRange(1, 28), default=7, show_default=True, help="How many: 7, 14 or 28.")
@click.option(
    "--until", metavar="DAY", help="The day before which they end, as 2026-03-02; all there is, if not given."
)
@click.option("--threshold", "thresholds", multiple=True, metavar="NAME=SCORE", help="A detector's; may be repeated.")
@click.option("--all", "moved", type=click.IntRange(-30, 30), default=0, help="Points to move every threshold by.")
@click.option("--budget", type=click.IntRange(min=1), help="Most identities alerted a day, on average.")
@json_option
def tuning_command(
    path: Path | None,
    history: Path | None,
    days: int,
    until: str | None,
    thresholds: Sequence[str],
    moved: int,
    budget: int | None,
    as_json: bool,
) -> None:
    """Say how many a day other thresholds would have alerted, whom besides, which alerts not, and what to configure."""
    in_force = thresholds_configured(read_settings(path))
    movable = list(filter(is_movable, in_force.thresholds))
    query = {"days": str(days), "all": str(moved), "budget": str(budget or ""), "until": until or ""}
    for given in thresholds:
        name, _, score = given.partition("=")
        if name not in movable or not (score.isascii() and score.isdigit() and 40 <= int(score) <= 100):
            there = ", ".join(movable)
            fail(f"--threshold should be NAME=SCORE, with a score of 40 to 100; there are {there}", MISCONFIGURED)
        query[name] = score
    with asked(path, history) as past:
        said = tuning_answer(past, PageQuery("", query, present(past), live=Live(in_force)))
    click.echo(in_json(said.model_dump(mode="json")) if as_json else "\n".join(_lines(said)))


def _lines(said: Tuning) -> list[str]:
    found = ["identities a day: active, alerted now, and alerted with what is tried"]
    found += [f"{'day':<10}  {'active':>6}  {'now':>4}  {'tried':>5}"]
    found += [f"{day.begins:%Y-%m-%d}  {day.active:>6,}  {day.now:>4,}  {day.tried:>5,}" for day in said.days]
    for one in said.appearing:
        who, what = clean(one.name, NAME_LENGTH), clean(one.action, WORDS_LENGTH)
        found.append(f"newly     {minute(one.start)}  {one.score:5.1f}  {who}  {what}  ({one.detector})")
    for alert in said.vanishing:
        who, what = clean(alert.name, NAME_LENGTH), clean(alert.what, WORDS_LENGTH)
        found.append(f"no longer {minute(alert.window_start)}  {alert.score:5.1f}  {who}  {what}  {alert.id}")
    return [*found, *(["", said.yaml] if said.yaml else [])]
