"""Resilient distributed datasets in this process: lists of partitions, whose tasks run in threads.

Rows go through pickles, as they do between Spark's processes. A job can be made to fail, as if an executor were lost.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, Literal

Loss = bool | Literal["late"]
"""Whether a job fails, and if so, after its tasks have done all of their work."""


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

    def mapPartitionsWithIndex(self, change: Callable[[int, Iterator[Any]], Iterable[Any]]) -> "LocalTasks":  # noqa: N802 - Spark's name
        return LocalTasks(self, change)

    def collect(self) -> list[Any]:
        return list(chain.from_iterable(self.partitions))


class LocalTasks:
    """A job whose tasks run at the same time."""

    def __init__(self, rdd: LocalRdd, change: Callable[[int, Iterator[Any]], Iterable[Any]]) -> None:
        self._rdd = rdd
        self._change = change

    def collect(self) -> list[Any]:
        lost = next(self._rdd.lost, False)
        if lost is True:
            raise RuntimeError("ExecutorLostFailure")

        def run(place: int) -> list[Any]:
            return list(self._change(place, iter(self._rdd.partitions[place])))

        with ThreadPoolExecutor(len(self._rdd.partitions)) as pool:
            found = [pool.submit(run, place) for place in range(len(self._rdd.partitions))]
        rows = [row for one in found for row in one.result()]
        if lost == "late":
            raise RuntimeError("ExecutorLostFailure")
        return rows


class LocalContext:
    """What a job asks of Spark's context; `used` are the numbers of workers that it was asked to use by the way."""

    def __init__(self, cores: int) -> None:
        self.defaultParallelism = cores
        self.used = list[int]()

    def parallelize(self, rows: Iterable[Any], partitions: int) -> "LocalContext":
        self.used.append(partitions)
        return self

    def foreachPartition(self, action: Callable[[Iterator[Any]], Any]) -> None:  # noqa: N802 - Spark's name
        """Do something in each worker."""

    def setLogLevel(self, level: str) -> None:  # noqa: N802 - Spark's name
        self.level = level

    def getConf(self) -> dict[str, str]:  # noqa: N802 - Spark's name
        return {"spark.driver.host": "localhost"}


class LocalSession:
    """A session with so many cores."""

    def __init__(self, cores: int) -> None:
        self.sparkContext = LocalContext(cores)
