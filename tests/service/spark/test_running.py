"""A job from its start to its end: what it asks of a stream, and what it says when the stream ends with an error."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from service.spark.job import Job, JobOptions, JobStopped, run_job
from service.storage.shard_states import ShardStates
from tests.fakes.spark import LocalSession
from tests.service.spark.test_batches import Source, bodies, cut, tenant


class Stream:
    """A stream of so many batches, as much as a job asks of one; it may end with an error, and be silent before."""

    def __init__(self, batches: int, error: Exception | None = None, silences: int = 0) -> None:
        self.batches, self.error, self.silences = batches, error, silences
        self.asked: dict[str, Any] = {}

    @property
    def writeStream(self) -> "Stream":  # noqa: N802 - Spark's name
        return self

    def option(self, name: str, value: str) -> "Stream":
        self.asked[name] = value
        return self

    def foreachBatch(self, take: Callable[[int, int], None]) -> "Stream":  # noqa: N802 - Spark's name
        self.take = take
        return self

    def trigger(self, **when: Any) -> "Stream":
        self.asked |= when
        return self

    def start(self) -> "Stream":
        return self

    def awaitTermination(self, within: float) -> bool:  # noqa: N802 - Spark's name
        if self.silences:
            self.silences -= 1
            return False
        for number in range(self.batches):
            self.take(number, number)
        if self.error is not None:
            raise self.error
        return True


class Streaming(Source):
    """A source whose batches come of a stream."""

    def __init__(self, batches: Sequence[Any], error: Exception | None = None, silences: int = 0) -> None:
        super().__init__(batches)
        self.stream = Stream(len(batches), error, silences)

    def open(self, session: LocalSession, tenants: Sequence[Any]) -> Stream:
        return self.stream


def run(tmp_path: Path, source: Streaming, **more: Any) -> LocalSession:
    options = JobOptions([tenant(tmp_path)], source, tmp_path / "states", tmp_path / "checkpoint", 2, **more)  # type: ignore[arg-type]
    session = LocalSession(3)
    run_job(options, session)
    return session


def test_it_takes_every_batch_that_there_is_and_ends(tmp_path: Path) -> None:
    source = Streaming(cut(bodies(hours=4), 4))
    run(tmp_path, source)
    assert source.stream.asked == {"checkpointLocation": str(tmp_path / "checkpoint"), "availableNow": True}
    assert ShardStates(tmp_path / "states" / "contoso").newest() == 1


def test_it_asks_for_a_batch_as_often_as_it_is_told(tmp_path: Path) -> None:
    source = Streaming([])
    run(tmp_path, source, every=30)
    assert source.stream.asked["processingTime"] == "30 seconds"


def test_workers_stay_between_batches_however_long_that_is(tmp_path: Path) -> None:
    """Spark ends those that had nothing to do for a minute, and then shards would be read from their files."""
    session = run(tmp_path, Streaming([], silences=2), every=300)
    assert session.sparkContext.used == [3, 3]


def test_workers_that_have_a_batch_are_left_alone(tmp_path: Path) -> None:
    class Asked(Streaming):
        def rows(self, frame: int, tenants: Sequence[Any], tasks: int) -> Any:
            job.keep_workers()
            return super().rows(frame, tenants, tasks)

    session, source = LocalSession(2), Asked(cut(bodies(hours=2), 4))
    options = JobOptions([tenant(tmp_path)], source, tmp_path / "states", tmp_path / "checkpoint", 2)  # type: ignore[arg-type]
    job = Job(options, session)
    job.take(0, 0)
    assert session.sparkContext.used == []
    job.keep_workers()
    assert session.sparkContext.used == [2]


def test_a_stream_that_ends_with_an_error_is_told_in_its_first_line_and_the_port_is_free_again(tmp_path: Path) -> None:
    source = Streaming([], RuntimeError("the hub is gone\n\tat org.apache.spark"))
    for _ in range(2):
        with pytest.raises(JobStopped, match=r"^the hub is gone$"):
            run(tmp_path, source, http_port=0)
