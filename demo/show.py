"""How the demo looks on a terminal: plain lines of at most 100 characters, colours only where there are any.

Everything here is text in, text out, but for `Terminal`, which writes it.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TextIO

from demo.blackout import Noticed
from demo.score import Hint, Score, Told, Verdict
from models.statistics import SCORE_PER_DECADE

WIDTH = 100
SHOWN = 3
_BOLD, _DIM, _RED, _GREEN, _YELLOW = "1", "2", "31", "32", "33"
_COLOURS = {"critical": "1;31", "high": "1;31", "medium": "1;33", "low": "1;36"}


class Terminal:
    """Lines, and on a real terminal one line at the bottom that changes.

    Parameters
    ----------
    stream
        Where to write.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.live = stream.isatty()
        self._status = ""

    def style(self, text: str, code: str) -> str:
        """Return `text` in a colour, if there are any."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.live and text else text

    def say(self, text: str = "") -> None:
        """Write lines above the status."""
        self._stream.write(f"{self._erase()}{text}\n{self._status}")
        self._stream.flush()

    def title(self, text: str) -> None:
        """Write a heading with a blank line before it."""
        self.say()
        self.say(self.style(text, _BOLD))

    def status(self, text: str) -> None:
        """Change the line at the bottom; without a terminal there is none."""
        if self.live:
            self._stream.write(self._erase() + text[:WIDTH])
            self._stream.flush()
            self._status = text[:WIDTH]

    def check(self, ok: bool, text: str) -> None:
        """Write the outcome of a check."""
        mark = self.style("ok    ", _GREEN) if ok else self.style("FAILED", _RED)
        self.say("\n".join(_wrapped(text, f"  {mark}  ", 10)))

    def card(self, told: Told) -> None:
        """Write an alert as a card; of what was told before, only that there is news."""
        lines = card(told)
        code = _COLOURS.get(told.heading.split()[0].casefold(), _BOLD)
        self.say("\n".join([self.style(lines[0], code), *lines[1:]]))

    def notice(self, notice: Noticed, rate: float) -> None:
        """Write a notice as a card, on a calendar that runs `rate` times as fast as the clock."""
        lines = notice_card(notice, rate)
        self.say("\n".join([self.style(lines[0], _GREEN if notice.stage == "closed" else _YELLOW), *lines[1:]]))

    def _erase(self) -> str:
        return "\r\x1b[K" if self._status else ""


def clean(text: str) -> str:
    """Return `text` without what a terminal would obey."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def card(told: Told) -> list[str]:
    """Return an alert as lines: who and what, the findings that stand out most, and the reference."""
    head = _cut(f"┌ {clean(told.heading)}", WIDTH)
    if told.revision > 1:
        return [
            head,
            f"└ {_when(told.found_at)}  alert {told.id}, update {told.revision - 1}: {len(told.hints)} findings now",
        ]
    lines = [head]
    for hint in told.hints[:SHOWN]:
        lines += [f"│ {line}" for line in _finding(hint)]
    if len(told.hints) > SHOWN:
        lines.append(f"│ and {len(told.hints) - SHOWN} more")
    reference = f"{_when(told.found_at)}  alert {told.id}  {', '.join(told.mitre)}"
    return [*lines, f"└ {textwrap.shorten(reference, WIDTH - 2, placeholder=' …')}"]


def notice_card(notice: Noticed, rate: float) -> list[str]:
    """Return a notice as lines: which span, what it means for alerts, and the reference."""
    come = "alerts for it may still come" if notice.may_alerts_still_come else "no more alerts for it will come"
    read = f"; {notice.late_records:,} records came late" if notice.late_records else ""
    return [
        _cut(f"┌ {clean(notice.heading)}", WIDTH),
        f"│ {come}{read}",
        f"│ {compression(rate)}",
        f"└ {_when(notice.found_at)}  notice {notice.id}, {notice.stage}",
    ]


def _finding(hint: Hint) -> list[str]:
    place = f" from {', '.join(hint.addresses[:2])}" if hint.addresses else ""
    what = f"{clean(hint.action_name)} at {hint.time:%H:%M}{clean(place)}"
    return [*_wrapped(what, f"{hint.detector:<13} ", 14), *_wrapped(clean(hint.why), " " * 14, 14)]


def _wrapped(text: str, first: str, indent: int) -> list[str]:
    lines = textwrap.wrap(text, WIDTH - 2 - indent, break_long_words=True, break_on_hyphens=False) or [""]
    return [first + lines[0], *(" " * indent + line for line in lines[1:])]


def bar(share: float, width: int = 32) -> str:
    """Return a progress bar for `share` of 1.

    >>> bar(0.5, width=8)
    '[####----]'
    """
    full = round(max(0.0, min(1.0, share)) * width)
    return f"[{'#' * full}{'-' * (width - full)}]"


def counted(number: float, noun: str) -> str:
    """Return a number of things.

    >>> counted(1, "day"), counted(2, "day")
    ('1 day', '2 days')
    """
    return f"{number:,g} {noun}{'' if number == 1 else 's'}"


def span(delta: timedelta) -> str:
    """Return a duration as people say it.

    >>> span(timedelta(minutes=95)), span(timedelta(minutes=7.4))
    ('1 h 35 min', '7 min')
    """
    minutes = round(delta.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"


def compression(rate: float) -> str:
    """Say how fast the calendar runs.

    >>> compression(900 / 0.17)
    'time is compressed: 1 s is 1 h 28 min of the calendar'
    """
    return f"time is compressed: 1 s is {span(timedelta(seconds=rate))} of the calendar"


def rarity(threshold: float) -> str:
    """Return what a score means, by the scale of `models.statistics.scoring`.

    >>> rarity(50.0)
    'as odd as one in 100 days of an identity'
    """
    return f"as odd as one in {10 ** (threshold / SCORE_PER_DECADE):,.0f} days of an identity"


def table(score: Score, thresholds: Mapping[str, float]) -> list[str]:
    """Return the attacks as lines: who, what, when, and who was told when by what, or how little it stood out."""
    lines = [f"  {'identity':<20} {'attack':<22} {'ATT&CK':<9} {'begins':<9}  {'told after':<10}  found by"]
    for verdict in score.verdicts:
        lines += _rows(verdict, thresholds)
    if score.found < len(score.verdicts):
        lines.append("  not found: the highest score that one of its steps got, of that from which the detector alerts")
    return lines


def _rows(verdict: Verdict, thresholds: Mapping[str, float]) -> list[str]:
    campaign, delay, best = verdict.campaign, verdict.delay, verdict.best
    fate = "not found" if delay is None else span(delay)
    by = ", ".join(verdict.detectors)
    if delay is None and best is not None:
        by = f"{best.detector} {math.floor(best.score)} of {thresholds[best.detector]:g}"
    who, what = _cut(campaign.actor_name.partition("@")[0], 20), _cut(campaign.technique, 22)
    row = f"  {who:<20} {what:<22} {campaign.mitre:<9} {_when(campaign.steps[0].time):<9}  {fate:<10}  "
    first, *more = textwrap.wrap(by, WIDTH - len(row)) or [""]
    return [(row + first).rstrip(), *(" " * len(row) + line for line in more)]


def false_alerts(score: Score, days: float, identities: int) -> list[str]:
    """Return what was told of identities that nobody had attacked until then."""
    number = len(score.false)
    people = f"{counted(days, 'day')} of {identities} identities"
    if not number:
        return [f"none in {people}"]
    what = counted(number, "identity-day")
    names: Sequence[str] = [
        f"{clean(one.actor_name.partition('@')[0])} ({_when(one.time)}, {clean(one.action_name)})"
        for one in score.false
    ]
    more = f" and {number - 6} more" if number > 6 else ""
    return textwrap.wrap(f"{what} in {people}: {', '.join(names[:6])}{more}", WIDTH - 17)


def _when(moment: datetime) -> str:
    return f"{moment:%a %H:%M}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
