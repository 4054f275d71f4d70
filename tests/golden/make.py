"""Rewrites the snapshot of the format that is written now, and which fields that has; older ones are never written.

The snapshot of format 1 and the steps that come after it were written by the last version that wrote format 1: a
simulated tenant of twenty identities, six days and a half old. Half of the steps later comes the snapshot of the format
that is written now. What comes of the steps is rewritten when scores are changed on purpose: from the snapshot of
each older format, because what the versions between have learnt by other rules stays learnt.

    python -m tests.golden.make [--expected]
"""

import asyncio
import gzip
import json
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service.core.snapshot.codec import FORMAT, decode, encode
from service.core.snapshot.migrations import MIGRATIONS
from tests.golden.continuing import Continued, Step

FOLDER = Path(__file__).parent
CREATED = datetime(2026, 1, 14, tzinfo=UTC)
HALF = 30  # steps

BY_DATA = re.compile(
    r"""
      ^(population|identities)\ \S+\ .*\.(adopters|actions|held|pairs)$
    | ^population\ \S+\ places\ .*\.places$
    | ^bucket\ closed\ actions$
    | ^bucket\ cell\ draft\.witnesses$
    | ^engine\ watermark\.marks$
    | ^failing\ names$
    | ^rollout\ taken_up$
    | ^open\ (told|updates)$
    | ^campaign\ finding\.evidence$
    | ^alert\ alert\.findings\[\]\.evidence$
    | ^recent\ evidence$
    | ^outbox\ queues(\.\*\.(rows|settled))?$
    | ^coverage\ (partitions\.(partitions|beginnings)|gaps\.open|losses\.loss\.messages|arrivals\.subscriptions)$
    """,
    re.VERBOSE,
)
"""Objects whose keys are no fields but what they hold: names of actions, kinds, sinks, partitions."""


def read_lines(name: str) -> list[Any]:
    return [json.loads(line) for line in gzip.decompress((FOLDER / name).read_bytes()).splitlines()]


def steps() -> list[Step]:
    return read_lines("steps.ndjson.gz")


def golden(version: int) -> bytes:
    return (FOLDER / f"format-{version}.ndjson.gz").read_bytes()


def halfway() -> Continued:
    """Go on from the snapshot of format 1, half of the way."""
    one = Continued()
    one.load(decode(golden(1)))
    for step in steps()[:HALF]:
        one.take(step)
    return one


def field_names(rows: Iterable[tuple[str, Any]]) -> dict[str, list[str]]:
    """Return all fields of each section that there are rows of; what is different from row to row is put together."""
    found: dict[str, set[str]] = {}
    for section, row in rows:
        part = f"{section} {row['part']}" if "part" in row else section
        _collect(part, "", row["row"] if "part" in row else row, found.setdefault(part, set()))
    return {section: sorted(names) for section, names in sorted(found.items())}


def _collect(section: str, path: str, value: Any, names: set[str]) -> None:
    if isinstance(value, dict):
        by_data = BY_DATA.match(f"{section} {path}") or BY_DATA.match(f"{section} .{path}")
        if by_data and path.endswith("evidence"):
            return
        for name, inner in value.items():
            place = f"{path}.{'*' if by_data else name}".removeprefix(".")
            names.add(place)
            _collect(section, place, inner, names)
    elif isinstance(value, list):
        for inner in value:
            _collect(section, f"{path}[]", inner, names)


async def _go_on() -> None:
    """Nothing else has to be done."""


def begins(version: int) -> int:
    """Return the first of the steps that come after the snapshot of a format."""
    return 0 if version == 1 else HALF


def expected(version: int) -> list[Any]:
    """Return what came of the steps after the snapshot of a format; of the newest, what came after format 1."""
    if version == FORMAT:
        return read_lines("expected-1.ndjson.gz")[HALF:]
    return read_lines(f"expected-{version}.ndjson.gz")


def _write_expected(version: int) -> None:
    one = Continued()
    one.load(decode(golden(version)))
    lines = (f"{json.dumps(one.take(step))}\n" for step in steps()[begins(version) :])
    (FOLDER / f"expected-{version}.ndjson.gz").write_bytes(gzip.compress("".join(lines).encode(), mtime=0))


def main() -> None:
    """Write the files."""
    if "--expected" in sys.argv:
        for version in MIGRATIONS:
            _write_expected(version)
    rows = list(halfway().dump())
    data = asyncio.run(encode(rows, created_at=CREATED, yield_to_loop=_go_on))
    (FOLDER / f"format-{FORMAT}.ndjson.gz").write_bytes(data)
    text = json.dumps(field_names(rows), indent=1)
    (FOLDER / f"fields-{FORMAT}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
