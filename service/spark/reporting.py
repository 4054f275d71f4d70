"""What happened in a batch of a tenant, in the events of a single process, so that metrics and log call it the same."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from models.stream import RecordResult
from service.core.parsing import RejectReason
from service.shards import BatchResult
from service.spark.messages import ParsedMessage
from service.telemetry import BatchApplied, Evaluated, MessageSetAside, TelemetryEvent


def batch_events(
    messages: int, fresh: Sequence[ParsedMessage], result: BatchResult, seconds: float
) -> Iterator[TelemetryEvent]:
    """Yield what happened, a partition after the other; what shards say of all records stands with the first.

    Parameters
    ----------
    messages, fresh
        How many there are, and those that had not been applied before.
    result
        What the batch came to.
    seconds
        What it took, which partitions share, and evaluations.
    """
    by_partition: dict[str, list[ParsedMessage]] = {}
    for one in fresh:
        by_partition.setdefault(one.head.message.partition, []).append(one)
    results: Mapping[RecordResult, int] = +result.results
    replayed = messages - len(fresh)
    for partition, several in sorted(by_partition.items()):
        share = seconds / len(by_partition)
        yield _applied(partition, several, results, replayed, share)
        results, replayed = {}, 0
    for one in fresh:
        if is_set_aside(one):
            yield MessageSetAside(one.head.message.partition, one.head.message.sequence_number, one.size)
    for evaluation in result.evaluations:
        yield Evaluated(evaluation, seconds / len(result.evaluations))


def is_set_aside(message: ParsedMessage) -> bool:
    """Whether nothing of a message could be looked at."""
    return any(reject.reason is RejectReason.SET_ASIDE for reject in message.rejects)


def _applied(
    partition: str,
    messages: Sequence[ParsedMessage],
    results: Mapping[RecordResult, int],
    replayed: int,
    seconds: float,
) -> BatchApplied:
    rejects: Counter[RejectReason] = Counter()
    left_out: Counter[str] = Counter()
    for one in messages:
        left_out.update(one.left_out)
        for reject in one.rejects:
            rejects[reject.reason] += reject.records
    heads = [one.head for one in messages]
    return BatchApplied(
        partition=partition,
        messages=len(messages) + replayed,
        replayed=replayed,
        seconds=seconds,
        records=sum(one.records for one in messages),
        rejects=rejects,
        left_out=left_out,
        results=results,
        clamped=sum(head.clamped for head in heads),
        arrivals=[(head.message.enqueued_time, head.newest) for head in heads if head.records],
        scored=(),
    )
