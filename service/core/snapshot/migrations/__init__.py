"""Older formats, each turned into the one after it by a function that is never changed again."""

from collections.abc import Callable, Mapping
from typing import Any

from service.core.snapshot.migrations import format_1, format_2

Rows = list[tuple[str, Any]]


def _same(rows: Rows) -> Rows:
    return rows


MIGRATIONS: Mapping[int, Callable[[Rows], Rows]] = {
    1: format_1.migrate,
    2: format_2.migrate,
    3: _same,  # only how rows are written has changed: many of them in a line
}
"""By the format that is read: what makes the next one of it."""

__all__ = ["MIGRATIONS", "Rows"]
