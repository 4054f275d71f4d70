"""What /metrics has said, look by look, on the calendar of whoever looked; answers queries where no Prometheus does."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client.parser import text_string_to_metric_families

from demo.dashboards.queries import Samples

Key = tuple[str, tuple[tuple[str, str], ...]]
LOOKS_IN_AN_INTERVAL = 5


class Recording:
    r"""Looks, oldest first.

    Examples
    --------
    >>> from datetime import UTC
    >>> recording = Recording()
    >>> recording.add(datetime(2026, 3, 1, 12, tzinfo=UTC), "up 1\n")
    >>> recording.add(datetime(2026, 3, 1, 13, tzinfo=UTC), "up 0\n")
    >>> [list(recording.view(moment).held("up")) for moment in recording.times]
    [[({}, 1.0)], [({}, 0.0)]]
    """

    def __init__(self) -> None:
        self.times: list[float] = []
        self._texts: list[str] = []
        self._read: list[dict[str, list[tuple[dict[str, str], float]]] | None] = []

    def add(self, moment: datetime, text: str) -> None:
        """Note what /metrics said at `moment`; a look that is not later than the last one is left out."""
        if not self.times or moment.timestamp() > self.times[-1]:
            self.times.append(moment.timestamp())
            self._texts.append(text)
            self._read.append(None)

    @property
    def interval(self) -> float:
        """Seconds that a rate needs to rest on a handful of looks; at least an hour."""
        if len(self.times) < 2:
            return 3600.0
        return max(3600.0, LOOKS_IN_AN_INTERVAL * (self.times[-1] - self.times[0]) / (len(self.times) - 1))

    def view(self, moment: float) -> "Look":
        """Return what was known at `moment`, Unix time."""
        return Look(self, moment)

    def before(self, moment: float) -> Mapping[str, list[tuple[dict[str, str], float]]]:
        """Return the samples, by name, of the last look that is not later than `moment`, or else of the first."""
        at = max(0, bisect_right(self.times, moment) - 1)
        found = self._read[at] if self._read else {}
        if found is None:
            found = {}
            for family in text_string_to_metric_families(self._texts[at]):
                for sample in family.samples:
                    found.setdefault(sample.name, []).append((dict(sample.labels), float(sample.value)))
            self._read[at] = found
        return found

    def open_metrics(self) -> Iterator[str]:
        """Yield the lines that ``promtool tsdb create-blocks-from openmetrics`` reads."""
        for time, text in zip(self.times, self._texts, strict=True):
            for line in text.splitlines():
                if line and not line.startswith("#"):
                    series, _, value = line.rpartition(" ")
                    name, brace, labels = series.partition("{")
                    yield f'{name}{{job="demo"{"," + labels if brace else "}"} {value} {time:.3f}\n'
        yield "# EOF\n"


class Look:
    """A recording as of one moment: a `demo.dashboards.queries.View`."""

    def __init__(self, recording: Recording, moment: float) -> None:
        self.now = moment
        self.interval = recording.interval
        self._recording = recording

    def held(self, metric: str) -> Samples:
        """Return the series of a metric with their values."""
        return self._recording.before(self.now).get(metric, [])

    def changed(self, metric: str, seconds: float) -> Samples:
        """Return the series of a metric with their change; what is new has changed from 0."""
        past = self._recording.before(self.now - seconds).get(metric, [])
        then = {tuple(sorted(labels.items())): value for labels, value in past}
        return [(labels, value - then.get(tuple(sorted(labels.items())), 0.0)) for labels, value in self.held(metric)]
