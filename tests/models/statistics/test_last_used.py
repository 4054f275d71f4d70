import json

import pytest

from models.statistics.last_used import LastUsed
from models.stream import UnexpectedRow


def test_those_unused_longest_go_first_whatever_the_order_within_an_hour() -> None:
    names = [f"10.0.{number}" for number in range(16)]
    there, back = LastUsed(16), LastUsed(16)
    for known, order in ((there, names), (back, names[::-1])):
        known.teach(order, 1.0)
        known.teach(names[:2], 2.0)
        known.teach(["10.1.0"], 3.0)
    assert list(there.dump()) == list(back.dump())
    assert len(there) == 14
    assert there.evicted == 3
    assert [name in there for name in ("10.0.0", "10.0.1", "10.0.10", "10.1.0")] == [True, True, False, True]


def test_what_comes_late_makes_nothing_older() -> None:
    known = LastUsed(2)
    known.teach(["a"], 9.0)
    known.teach(["b"], 5.0)
    known.teach(["a"], 1.0)
    known.teach(["c"], 10.0)
    assert [name in known for name in "abc"] == [True, False, True]


def test_it_resumes_where_it_stopped() -> None:
    known, resumed = LastUsed(3), LastUsed(3)
    for hour, name in enumerate("abcab"):
        known.teach([name], float(hour))
    resumed.load(json.loads(json.dumps(list(known.dump()))))
    assert list(resumed.dump()) == list(known.dump())
    for one in (known, resumed):
        one.teach(["d"], 9.0)
    assert list(resumed.dump()) == list(known.dump())


def test_a_row_that_nobody_would_read_is_refused() -> None:
    with pytest.raises(UnexpectedRow):
        LastUsed(3).load([{"evicted": 0}, {"hours": 1.0, "names": ["a"], "weight": 2}])
