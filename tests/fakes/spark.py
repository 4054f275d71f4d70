"""Resilient distributed datasets in this process: lists of partitions, whose barrier stages run in threads.

Rows go through pickles, as they do between Spark's processes. A barrier stage can be made to fail, as if an executor
were lost.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, Literal

Loss = bool | Literal["late"]
"""Whether a stage fails, and if so, after its tasks have done all of their work."""


class LocalRdd:
    """Partitions of rows."""

    def __init__(self, partitions: Sequence[Sequence[Any]], lost: Iterator[Loss] | None = None) -> None:
        self.partitions = [pickle.loads(pickle.dumps(list(rows))) for rows in partitions]  # noqa: S301 - our own bytes
        self.lost = lost if lost is not None else iter(())

    def _with(self, partitions: Iterable[Sequence[Any]]) -> "LocalRdd":
        return LocalRdd(list(partitions), self.lost)

    def map(self, change: Callable[[Any], Any]) -> "LocalRdd":
        return self._with(list(map(change, rows)) for rows in self.partitions)

    def flatMap(self, change: Callable[[Any], Iterable[Any]]) -> "LocalRdd":  # noqa: N802 - Spark's name
        return self._with(list(chain.from_iterable(map(change, rows))) for rows in self.partitions)

    def mapPartitions(self, change: Callable[[Iterator[Any]], Iterable[Any]]) -> "LocalRdd":  # noqa: N802 - Spark's name
        return self._with(list(change(iter(rows))) for rows in self.partitions)

    def collect(self) -> list[Any]:
        return list(chain.from_iterable(self.partitions))

    def barrier(self) -> "Barrier":
        return Barrier(self)


class Barrier:
    """A stage whose partitions run at the same time."""

    def __init__(self, rdd: LocalRdd) -> None:
        self._rdd = rdd

    def mapPartitions(self, change: Callable[[Iterator[Any]], Iterable[Any]]) -> "Barrier":  # noqa: N802 - Spark's name
        self._change = change
        return self

    def collect(self) -> list[Any]:
        lost = next(self._rdd.lost, False)
        if lost is True:
            raise RuntimeError("ExecutorLostFailure")  # Spark ends all tasks of such a stage

        def run(place: int) -> list[Any]:
            return list(self._change(iter(self._rdd.partitions[place])))

        with ThreadPoolExecutor(len(self._rdd.partitions)) as pool:
            found = [pool.submit(run, place) for place in range(len(self._rdd.partitions))]
        rows = [row for one in found for row in one.result()]
        if lost == "late":
            raise RuntimeError("ExecutorLostFailure")
        return rows


class LocalContext:
    """What a job asks of Spark's context; `lost` says of each barrier stage whether it fails."""

    def __init__(self, cores: int) -> None:
        self.defaultParallelism = cores
        self.lost: Iterator[Loss] = iter(())

    def parallelize(self, rows: Iterable[Any], partitions: int) -> LocalRdd:
        several = list(rows)
        return LocalRdd([several[place::partitions] for place in range(partitions)], self.lost)

    def setLogLevel(self, level: str) -> None:  # noqa: N802 - Spark's name
        self.level = level

    def getConf(self) -> dict[str, str]:  # noqa: N802 - Spark's name
        return {"spark.driver.host": "localhost"}


class LocalSession:
    """A session with so many cores."""

    def __init__(self, cores: int) -> None:
        self.sparkContext = LocalContext(cores)
