"""What was packed by column is unpacked as it was: names, values, their order, their types."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.snapshot.packing import Row, blocks, pack_rows, plain, unpack_rows

few = settings(max_examples=100, deadline=None)
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, -0.0, 1.5]) | st.text(max_size=2)
names = st.sampled_from(["a", "b", "c", ""])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def alike(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw rows of the same names; often a column has few different values, or objects that resemble one another."""
    columns = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    number = draw(st.integers(1, 5))
    pools = {name: draw(st.lists(values, min_size=1, max_size=3)) for name in columns}
    return [{name: draw(st.sampled_from(pools[name])) for name in columns} for _ in range(number)]


def text(value: Any) -> str:
    """Return a value so that 0, 0.0, -0.0 and False are four things, and the order of names counts."""
    return json.dumps(value)


@few
@given(alike())
def test_rows_come_back_as_they_were(rows: list[dict[str, Any]]) -> None:
    packed = json.loads(text(pack_rows(rows)))
    found = unpack_rows(packed, len(rows))
    assert text(plain(list(found))) == text(rows)
    assert found == rows
    assert [dict(row) for row in found] == rows


@few
@given(alike())
def test_what_was_unpacked_is_packed_as_before(rows: list[dict[str, Any]]) -> None:
    packed = pack_rows(rows)
    assert text(pack_rows(unpack_rows(json.loads(text(packed)), len(rows)))) == text(packed)


def test_a_row_reads_like_a_dictionary() -> None:
    row = Row(("id", "done"), ("a", 3))
    assert (row["done"], list(row), len(row), list(row.items()), dict(row)) == (
        3,
        ["id", "done"],
        2,
        [("id", "a"), ("done", 3)],
        {"id": "a", "done": 3},
    )
    assert row == {"done": 3, "id": "a"}
    assert row != {"id": "a"}
    assert row != 3


def test_names_of_the_same_actions_are_one_object() -> None:
    rows = [{"actions": {"web/" + kind: 1.0}} for kind in ("read", "write", "read")]
    one, _, other = (next(iter(row["actions"])) for row in unpack_rows(json.loads(text(pack_rows(rows))), 3))
    assert one is other


def test_rows_that_look_alike_are_put_together_and_others_stay_alone() -> None:
    rows = [("x", {"a": 1}), ("x", {"a": 2}), ("x", {"b": 3}), ("y", {"b": 4}), ("y", [5]), ("y", {}), ("y", {})]
    rows += [("z", {"a": number}) for number in range(3)] + [("plain", {"a": 1})] * 2
    found = [(section, len(block)) for section, block in blocks(rows, {"x": 2, "y": 2, "z": 2, "plain": 0}.__getitem__)]
    assert (
        found == [("x", 2), ("x", 1), ("y", 1), ("y", 1), ("y", 1), ("y", 1), ("z", 2), ("z", 1)] + [("plain", 1)] * 2
    )
