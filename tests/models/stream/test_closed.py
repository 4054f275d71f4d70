"""The cells of closed buckets, in four bytes each: the same as a dictionary of dictionaries would say."""

from hypothesis import given
from hypothesis import strategies as st

from models.stream.closed import TOGETHER, ClosedCells

FIRST = 490_000
buckets = st.integers(FIRST, FIRST + 3 * TOGETHER)
actors = st.sampled_from(["t/ann", "t/bob", "t/eve"])
flags = st.dictionaries(st.sampled_from(["web/read", "web/write", "vault/purge"]), st.integers(1, 15), max_size=3)


@given(st.lists(st.tuples(buckets, actors, flags), max_size=30), buckets)
def test_it_says_what_a_table_would(added: list[tuple[int, str, dict[str, int]]], oldest: int) -> None:
    closed, table = ClosedCells(), dict[tuple[int, str], dict[str, int]]()
    for bucket, actor, cells in added:
        known = table.setdefault((bucket, actor), {})
        closed.add(bucket, actor, cells, again=bool(known))
        for action, bits in cells.items():
            known[action] = known.get(action, 0) | bits
    closed.forget(oldest)
    kept = {place: cells for place, cells in table.items() if place[0] >= oldest}
    for place in [*table, (FIRST, "t/nobody")]:
        assert closed.of(*place) == kept.get(place, {})
    assert list(closed.dump()) == [
        {"bucket": bucket, "actor": actor, "actions": cells}
        for (bucket, actor), cells in sorted(kept.items(), key=lambda one: (one[0][0] // TOGETHER, *one[0][::-1]))
        if cells
    ]


def test_what_is_forgotten_takes_no_room() -> None:
    closed = ClosedCells()
    for bucket in range(FIRST, FIRST + 100):
        closed.add(bucket, "t/ann", {"web/read": 1})
        closed.forget(bucket - 23)
    assert len(closed._blocks) <= 24 // TOGETHER + 2
