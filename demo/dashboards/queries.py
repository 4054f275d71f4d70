"""The few questions that the dashboards ask: each can be written as PromQL, and be answered from a recording.

A recording is asked where there is no Prometheus; its answers are the same but for what Prometheus extrapolates.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Labels = tuple[tuple[str, str], ...]
Answer = Mapping[Labels, float]
Samples = Iterable[tuple[Mapping[str, str], float]]
How = Literal["sum", "max", "min"]

RATE_INTERVAL = "$__rate_interval"
JOB = 'job=~"$job"'
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class View(Protocol):
    """What was measured, as seen at one moment.

    Attributes
    ----------
    now
        The moment, Unix time.
    interval
        What `RATE_INTERVAL` stands for, in seconds.
    """

    now: float
    interval: float

    def held(self, metric: str) -> Samples:
        """Return the series of a metric with their values."""
        ...

    def changed(self, metric: str, seconds: float) -> Samples:
        """Return the series of a metric with how much each has changed in the last `seconds`."""
        ...


class Query(Protocol):
    """A question."""

    def promql(self) -> str:
        """Return it as Prometheus reads it, with Grafana's variables."""
        ...

    def answer(self, view: View) -> Answer:
        """Return its answer from a recording."""
        ...


def duration(text: str, view: View) -> float:
    """Return the seconds in ``5m``, or in Grafana's interval."""
    return view.interval if text == RATE_INTERVAL else float(text[:-1]) * _SECONDS[text[-1]]


def _selector(metric: str, where: Mapping[str, str]) -> str:
    matchers = [JOB, *(f'{label}=~"{values}"' for label, values in where.items())]
    return f"{metric}{{{','.join(matchers)}}}"


def _grouped(how: How, by: tuple[str, ...], text: str) -> str:
    return f"{how} by ({', '.join(by)}) ({text})" if by else f"{how}({text})"


def _group(how: How, by: tuple[str, ...], where: Mapping[str, str], samples: Samples) -> dict[Labels, float]:
    groups: dict[Labels, list[float]] = {}
    for labels, value in samples:
        if all(re.fullmatch(values, labels.get(label, "")) for label, values in where.items()):
            groups.setdefault(tuple((label, labels[label]) for label in by if label in labels), []).append(value)
    combine: Mapping[How, Callable[[Iterable[float]], float]] = {"sum": sum, "max": max, "min": min}
    return {labels: combine[how](values) for labels, values in groups.items()}


@dataclass(frozen=True)
class Held:
    """What a metric says now."""

    metric: str
    by: tuple[str, ...] = ()
    how: How = "sum"
    where: Mapping[str, str] = field(default_factory=dict)

    def promql(self) -> str:
        """Return it as Prometheus reads it."""
        return _grouped(self.how, self.by, _selector(self.metric, self.where))

    def answer(self, view: View) -> Answer:
        """Return its answer from a recording."""
        return _group(self.how, self.by, self.where, view.held(self.metric))


@dataclass(frozen=True)
class Since:
    """How many seconds ago the moment is that a metric tells; no answer while it is 0, which means never."""

    metric: str
    by: tuple[str, ...] = ()

    def promql(self) -> str:
        """Return it as Prometheus reads it."""
        return f"time() - {_grouped('max', self.by, f'{_selector(self.metric, {})} > 0')}"

    def answer(self, view: View) -> Answer:
        """Return its answer from a recording."""
        newest = _group("max", self.by, {}, ((labels, value) for labels, value in view.held(self.metric) if value > 0))
        return {labels: view.now - value for labels, value in newest.items()}


@dataclass(frozen=True)
class Rate:
    """How often a counter has counted, a second."""

    metric: str
    by: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    over: str = RATE_INTERVAL

    def promql(self) -> str:
        """Return it as Prometheus reads it."""
        return _grouped("sum", self.by, f"rate({_selector(self.metric, self.where)}[{self.over}])")

    def answer(self, view: View) -> Answer:
        """Return its answer from a recording."""
        seconds = duration(self.over, view)
        found = _group("sum", self.by, self.where, view.changed(self.metric, seconds))
        return {labels: value / seconds for labels, value in found.items()}


@dataclass(frozen=True)
class Increase:
    """How much a counter has counted in a while."""

    metric: str
    by: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    over: str = RATE_INTERVAL

    def promql(self) -> str:
        """Return it as Prometheus reads it."""
        return _grouped("sum", self.by, f"increase({_selector(self.metric, self.where)}[{self.over}])")

    def answer(self, view: View) -> Answer:
        """Return its answer from a recording."""
        return _group("sum", self.by, self.where, view.changed(self.metric, duration(self.over, view)))


@dataclass(frozen=True)
class Growth:
    """By how much something held has grown in a while; 0 if it has shrunk."""

    metric: str
    by: tuple[str, ...] = ()
    over: str = "1h"

    def promql(self) -> str:
        """Return it as Prometheus reads it."""
        return f"clamp_min({_grouped('sum', self.by, f'delta({_selector(self.metric, {})}[{self.over}])')}, 0)"

    def answer(self, view: View) -> Answer:
        """Return its answer from a recording."""
        grown = _group("sum", self.by, {}, view.changed(self.metric, duration(self.over, view)))
        return {labels: max(0.0, value) for labels, value in grown.items()}


@dataclass(frozen=True)
class Changes:
    """How often a value has become another one in a while."""

    metric: str
    over: str

    def promql(self) -> str:
        """Return it as Prometheus reads it."""
        return f"sum(changes({_selector(self.metric, {})}[{self.over}]))"

    def answer(self, view: View) -> Answer:
        """Return its answer from a recording: once, or not at all."""
        changed = view.changed(self.metric, duration(self.over, view))
        return _group("sum", (), {}, ((labels, float(value != 0)) for labels, value in changed))


@dataclass(frozen=True)
class Quantile:
    """The value that a share `q` of a histogram's observations in a while does not exceed."""

    q: float
    metric: str
    by: tuple[str, ...] = ()
    over: str = RATE_INTERVAL

    def promql(self) -> str:
        """Return it as Prometheus reads it."""
        buckets = f"increase({_selector(self.metric + '_bucket', {})}[{self.over}])"
        return f"histogram_quantile({self.q}, {_grouped('sum', ('le', *self.by), buckets)})"

    def answer(self, view: View) -> Answer:
        """Return its answer from a recording, interpolated within a bucket as Prometheus does."""
        counts = Increase(self.metric + "_bucket", ("le", *self.by), over=self.over).answer(view)
        groups: dict[Labels, list[tuple[float, float]]] = {}
        for labels, count in counts.items():
            groups.setdefault(labels[1:], []).append((float(labels[0][1]), count))
        return {labels: _interpolated(self.q, sorted(counts)) for labels, counts in groups.items() if max(counts)[1]}


def _interpolated(q: float, buckets: list[tuple[float, float]]) -> float:
    wanted, below, counted = q * buckets[-1][1], 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted:
            return below if bound == float("inf") else below + (bound - below) * (wanted - counted) / (count - counted)
        below, counted = bound, count
    return below


@dataclass(frozen=True)
class Share:
    """One thing as a share of another, which has no labels; no answer while that is 0."""

    part: Query
    whole: Query

    def promql(self) -> str:
        """Return it as Prometheus reads it."""
        return f"{self.part.promql()} / on () group_left () ({self.whole.promql()} > 0)"

    def answer(self, view: View) -> Answer:
        """Return its answer from a recording."""
        whole = self.whole.answer(view).get((), 0.0)
        return {labels: value / whole for labels, value in self.part.answer(view).items()} if whole > 0 else {}


@dataclass(frozen=True)
class Ratio:
    """One thing as a share of another with the same labels; no answer where that is 0."""

    part: Query
    whole: Query

    def promql(self) -> str:
        """Return it as Prometheus reads it."""
        return f"{self.part.promql()} / ({self.whole.promql()} > 0)"

    def answer(self, view: View) -> Answer:
        """Return its answer from a recording."""
        part = self.part.answer(view)
        return {
            labels: part[labels] / value
            for labels, value in self.whole.answer(view).items()
            if value > 0 and labels in part
        }


@dataclass(frozen=True)
class Less:
    """One thing less another, both without labels."""

    one: Query
    other: Query

    def promql(self) -> str:
        """Return it as Prometheus reads it."""
        return f"({self.one.promql()} - {self.other.promql()})"

    def answer(self, view: View) -> Answer:
        """Return its answer from a recording."""
        one, other = self.one.answer(view), self.other.answer(view)
        return {labels: value - other[labels] for labels, value in one.items() if labels in other}
