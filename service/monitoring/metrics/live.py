"""What the engine and the outbox hold, read at each scrape rather than recorded at each change."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from models.detectors import Memory
from models.stream import EPOCH
from service.core.messages import EndOffset, Position
from service.core.shadow import Recall
from service.monitoring.metrics import standby


class BesideReading(NamedTuple):
    """What goes on beside detection: the history, its blobs, the console.

    Attributes
    ----------
    history_dropped
        Entries that are missing in the history.
    unshipped_hours, shipping_failed
        Hours of it that are not in blobs yet, and whether the last attempt to put them there failed.
    entered, refused
        Sign-ins to the console that let somebody in, and that did not.
    """

    history_dropped: int = 0
    unshipped_hours: int = 0
    shipping_failed: bool = False
    entered: int = 0
    refused: int = 0


class LiveReading(NamedTuple):
    """What is held at the moment of a scrape.

    Attributes
    ----------
    watermark
        How far event time is complete; the epoch, if nothing has come yet.
    positions
        How far each partition has been read.
    memory
        What each detector holds.
    waiting
        Messages in the outbox, a sink.
    broken
        Sinks whose address is not accepted.
    thresholds
        Least score that alerts, a detector.
    alerts_today
        Identities and operations alerted on the day that the watermark stands in.
    alerts_per_day
        The budget; 0 without one.
    expected
        Identities a day that the thresholds in force would have alerted over the history.
    beside
        What goes on beside detection.
    recall
        What became of imagined attacks; None before there is an engine.
    """

    watermark: datetime = EPOCH
    positions: Mapping[str, Position] = {}
    memory: Mapping[str, Memory] = {}
    waiting: Mapping[str, int] = {}
    broken: Iterable[str] = ()
    thresholds: Mapping[str, float] = {}
    alerts_today: int = 0
    alerts_per_day: float = 0.0
    expected: float = 0.0
    beside: BesideReading = BesideReading()
    recall: Recall | None = None


class LiveCollector(Collector):
    """Turns a `LiveReading` into series; until there is one, all of them stand at zero.

    Parameters
    ----------
    detectors, sinks
        Names that series exist for, whatever the reading holds.
    identity_limit
        Most identities that a detector remembers.
    """

    def __init__(self, detectors: Sequence[str], sinks: Sequence[str], identity_limit: int) -> None:
        self.read: Callable[[], LiveReading] = LiveReading
        self.end_offsets: dict[str, EndOffset] = {}
        self.unusable_sinks: frozenset[str] = frozenset()
        self._detectors = tuple(detectors)
        self._sinks = tuple(sinks)
        self._identity_limit = identity_limit

    def collect(self) -> Iterator[Metric]:
        """Yield every family, with the series of this moment."""
        reading = self.read()
        yield GaugeMetricFamily(
            "unwonted_watermark_timestamp_seconds",
            "Up to when all events are taken to have arrived, Unix time; 0 before the first event.",
            value=reading.watermark.timestamp(),
        )
        yield GaugeMetricFamily(standby.METRIC, standby.HELP, value=0.0)
        yield from self._partitions(reading.positions)
        yield from self._memory(reading.memory)
        yield from self._sensitivity(reading)
        yield CounterMetricFamily(
            "unwonted_history_dropped",
            "Entries that are missing in the history, because it could not be written or fell behind.",
            value=reading.beside.history_dropped,
        )
        yield from _beside(reading.beside)
        yield _shadow_attacks(reading.recall or Recall())
        waiting = GaugeMetricFamily("unwonted_outbox_messages", "Messages that wait for delivery.", labels=["sink"])
        broken = GaugeMetricFamily(
            "unwonted_sink_broken",
            "1 while a sink refuses all messages (401, 403, 404, 410) or lacks a file with its secrets, else 0.",
            labels=["sink"],
        )
        unusable = self.unusable_sinks.union(reading.broken)
        for sink in self._sinks:
            waiting.add_metric([sink], reading.waiting.get(sink, 0))
            broken.add_metric([sink], float(sink in unusable))
        yield waiting
        yield broken

    def _partitions(self, positions: Mapping[str, Position]) -> Iterator[Metric]:
        lag = GaugeMetricFamily(
            "unwonted_consumer_lag_messages", "Messages in the hub that are not yet applied.", labels=["partition"]
        )
        applied = GaugeMetricFamily(
            "unwonted_partition_last_applied_timestamp_seconds",
            "When the hub took the message applied last, Unix time.",
            labels=["partition"],
        )
        for partition, end_offset in sorted(self.end_offsets.items()):
            position = positions.get(partition)
            behind = end_offset.sequence_number - (position.sequence_number if position else -1)
            lag.add_metric([partition], max(0, behind))
            if position:
                applied.add_metric([partition], position.enqueued_time.timestamp())
        yield lag
        yield applied

    def _sensitivity(self, reading: LiveReading) -> Iterator[Metric]:
        threshold = GaugeMetricFamily(
            "unwonted_threshold_score", "Least score that alerts, 0 to 100.", labels=["detector"]
        )
        for detector in self._detectors:
            threshold.add_metric([detector], reading.thresholds.get(detector, 0.0))
        yield threshold
        yield GaugeMetricFamily(
            "unwonted_alerts_today",
            "Identities and operations alerted on the current day of event time.",
            value=reading.alerts_today,
        )
        yield GaugeMetricFamily(
            "unwonted_alerts_budget",
            "Budget of identities alerted a day; 0 without one.",
            value=reading.alerts_per_day,
        )
        yield GaugeMetricFamily(
            "unwonted_alerts_expected",
            "Identities a day that the thresholds in force would have alerted in the last 28 days.",
            value=reading.expected,
        )

    def _memory(self, memory: Mapping[str, Memory]) -> Iterator[Metric]:
        keys = GaugeMetricFamily("unwonted_tracked_keys", "Identities that a detector remembers.", labels=["detector"])
        limit = GaugeMetricFamily(
            "unwonted_tracked_keys_limit", "Most identities that a detector remembers.", labels=["detector"]
        )
        entries = GaugeMetricFamily(
            "unwonted_state_entries",
            "Values that a detector remembers, of all identities together.",
            labels=["detector"],
        )
        evicted = CounterMetricFamily(
            "unwonted_evictions", "Identities or values evicted to stay within the limits.", labels=["detector"]
        )
        warmth = GaugeMetricFamily(
            "unwonted_warmup_ratio",
            "0 while a detector has learnt nothing, 1 when its scores are fully trusted.",
            labels=["detector"],
        )
        nothing = Memory(keys=0, entries=0, evicted=0, warmth=0.0)
        for detector in self._detectors:
            held = memory.get(detector, nothing)
            keys.add_metric([detector], held.keys)
            limit.add_metric([detector], self._identity_limit)
            entries.add_metric([detector], held.entries)
            evicted.add_metric([detector], held.evicted)
            warmth.add_metric([detector], held.warmth)
        yield from (keys, limit, entries, evicted, warmth)


def _beside(beside: BesideReading) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "unwonted_history_segments_unshipped",
        "Hours of the history that have changed and are not in blobs yet.",
        value=beside.unshipped_hours,
    )
    yield GaugeMetricFamily(
        "unwonted_history_shipping_failed",
        "1 while the history cannot be put into blobs or fetched from there, else 0.",
        value=float(beside.shipping_failed),
    )
    family = CounterMetricFamily(
        "unwonted_console_sign_ins", "Sign-ins to the console, by whether they were let in.", labels=["result"]
    )
    family.add_metric(["entered"], beside.entered)
    family.add_metric(["refused"], beside.refused)
    yield family


def _shadow_attacks(recall: Recall) -> Metric:
    family = CounterMetricFamily(
        "unwonted_shadow_attacks",
        "Attacks that were imagined in silence, by whether they would have been told of.",
        labels=["style", "kind", "origin", "result"],
    )
    for case, share in recall.by_case().items():
        for result, number in (("alerted", share.alerted), ("missed", share.imagined - share.alerted)):
            family.add_metric([*map(str, case), result], number)
    return family
