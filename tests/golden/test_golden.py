"""Snapshots of every format that is read: the service goes on from them as the version that wrote them did."""

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from models.stream.rows import UnexpectedRow
from service.core.snapshot.codec import FORMAT, decode
from service.core.snapshot.migrations import MIGRATIONS
from tests.golden.continuing import Continued
from tests.golden.make import FOLDER, HALF, begins, expected, field_names, golden, halfway, steps

EVERY = [*sorted(MIGRATIONS), FORMAT]
AS_IT_WAS = 1e-9
LATER = {"campaign", "open"}
"""Sections that there were not yet in older formats: what they hold begins empty."""
SINCE_THEN = re.compile(r"\.(why|title|counterfactual|newcomers_with_action)$|\.suppressed\[\d+\]\[3\]$")
"""Words, which may be better ones since, and what was not said yet; other numbers are compared by themselves."""


def differences(expected: Any, found: Any, path: str = "") -> Iterator[str]:
    """Yield where two plain values differ, numbers by more than their last digits."""
    if SINCE_THEN.search(path):
        return
    if path.endswith(".action_name"):  # in the casing that tells its words apart: older versions showed what came first
        expected, found = str(expected).casefold(), str(found).casefold()
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            yield from differences(expected.get(key), found.get(key), f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    elif isinstance(expected, float) and isinstance(found, float):
        if not math.isclose(expected, found, rel_tol=AS_IT_WAS):
            yield f"{path}: {expected} became {found}"
    elif expected != found:
        yield f"{path}: {expected!r} became {found!r}"


@pytest.mark.parametrize("version", EVERY)
def test_the_service_goes_on_from_a_snapshot_of_any_format(version: int) -> None:
    one = Continued()
    one.load(decode(golden(version)))
    found = json.loads(json.dumps([one.take(step) for step in steps()[begins(version) :]]))
    assert list(differences(expected(version), found)) == []


def test_what_is_expected_is_worth_expecting() -> None:
    whole = expected(1)
    for half in (whole[:HALF], whole[HALF:]):
        judged = [one for step in half for one in step.get("anomalies", ())]
        assert len(judged) > 20
        assert any(one["evidence"] for one in judged)
        assert any(step.get("alerts") for step in half)
    kinds = {(notice["kind"], notice["stage"]) for step in whole for notice in step.get("notices", ())}
    assert kinds >= {("silent", "closed"), ("lost", "closed")}
    assert any(step.get("suppressed") for step in whole)
    assert any(step.get("sent") for step in whole)
    assert any(step.get("seen", {}).get("late") for step in whole)


@pytest.mark.parametrize("version", EVERY)
def test_every_section_has_rows_in_every_golden_snapshot(version: int) -> None:
    written = {section for section, _ in halfway().dump()}
    without = LATER if version < FORMAT else set()
    assert {section for section, _ in decode(golden(version))} == written - without


def test_what_is_written_has_the_fields_of_its_format() -> None:
    """Other fields are another format: raise FORMAT, write its migration, and then its files with `make`."""
    known = json.loads((FOLDER / f"fields-{FORMAT}.json").read_text(encoding="utf-8"))
    assert field_names(halfway().dump()) == known


@pytest.mark.parametrize("version", EVERY)
def test_a_snapshot_that_was_loaded_is_saved_as_it_was(version: int) -> None:
    rows, one, again = decode(golden(version)), Continued(), Continued()
    one.load(rows)
    saved = json.loads(json.dumps(list(one.dump())))
    again.load(saved)
    assert json.loads(json.dumps(list(again.dump()))) == saved
    if version == FORMAT:
        assert saved == [list(row) for row in rows]


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


@cache
def newest() -> list[tuple[str, Any]]:
    return decode(golden(FORMAT))


SECTIONS = sorted({section for section, _ in newest()})


@pytest.mark.parametrize("section", SECTIONS)
def test_a_field_that_nobody_would_read_is_refused_in_one_line_that_names_section_and_field(section: str) -> None:
    rows = list(newest())
    place = next(place for place, (name, _) in enumerate(rows) if name == section)
    row, added = rows[place][1], {"from_the_future": 1}
    rows[place] = (section, {**row, "row": row["row"] | added} if "part" in row else row | added)
    with pytest.raises(UnexpectedRow, match="unknown field 'from_the_future'") as refused:
        Continued().load(rows)
    assert "\n" not in str(refused.value)
    assert section in str(refused.value) or section.partition(" ")[0] in str(refused.value)
