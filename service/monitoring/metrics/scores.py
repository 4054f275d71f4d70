"""The distribution of scores as a histogram of its own, because the library's takes one value at a time.

An hour of a hundred thousand identities gives half a million scores at once, while the event loop waits.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from models.detectors import Anomaly

SCORE_BUCKETS = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 75.0, 80.0, 90.0, 95.0, 99.0)


class ScoreCollector(Collector):
    """Counts judged cells by detector and score.

    Parameters
    ----------
    detectors
        Names that series exist for; others are not counted.
    """

    def __init__(self, detectors: Sequence[str]) -> None:
        self._counts = {name: [0] * (len(SCORE_BUCKETS) + 1) for name in detectors}
        self._sums = dict.fromkeys(detectors, 0.0)

    def observe(self, judged: Iterable[Anomaly]) -> None:
        """Count each cell's score, 0 to 100."""
        counts, sums = self._counts, self._sums
        for one in judged:
            if one.detector in counts:
                counts[one.detector][bisect_left(SCORE_BUCKETS, one.score)] += 1
                sums[one.detector] += one.score

    def collect(self) -> Iterator[Metric]:
        """Yield the histogram as of now."""
        family = HistogramMetricFamily("unwonted_cell_score", "Scores of judged cells, 0 to 100.", labels=["detector"])
        names = [*map(str, SCORE_BUCKETS), "+Inf"]
        for detector, counts in self._counts.items():
            buckets = list(zip(names, map(float, accumulate(counts)), strict=True))
            family.add_metric([detector], buckets, self._sums[detector])
        yield family
