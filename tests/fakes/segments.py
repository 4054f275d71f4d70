"""A store of segments in memory, with the conditions of a real one, that can be away."""

from collections.abc import Sequence

from service.core.ports import FoundSegment, Segment, SegmentChanged


class FakeSegments:
    """Segments by their hour, with the version of each.

    Attributes
    ----------
    away
        Whether it cannot be reached.
    """

    def __init__(self) -> None:
        self.kept: dict[int, FoundSegment] = {}
        self.away = False
        self.puts = 0

    def _reach(self) -> None:
        if self.away:
            raise OSError("the segments cannot be reached")

    async def names(self) -> Sequence[Segment]:
        self._reach()
        return [Segment(hour, one.tag) for hour, one in self.kept.items()]

    async def get(self, hour: int) -> FoundSegment | None:
        self._reach()
        return self.kept.get(hour)

    async def put(self, hour: int, data: bytes, tag: str | None) -> str:
        self._reach()
        self._check(hour, tag)
        self.puts += 1
        self.kept[hour] = FoundSegment(data, f"v{self.puts}")
        return f"v{self.puts}"

    async def delete(self, hour: int, tag: str) -> None:
        self._reach()
        if hour in self.kept:
            self._check(hour, tag)
            del self.kept[hour]

    def _check(self, hour: int, tag: str | None) -> None:
        there = self.kept.get(hour)
        if (there.tag if there else None) != tag:
            raise SegmentChanged(hour)
