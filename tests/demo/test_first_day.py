"""The first day, with and without history: what the demo's table rests on."""

import pytest

from demo.first_day import FirstDay, first_day, lines
from demo.score import Score


@pytest.mark.integration
async def test_what_was_learnt_through_the_rest_api_finds_attacks_on_the_first_day() -> None:
    day = await first_day(seed=24, identities=20, attacks=4)
    assert day.records > 1_000
    assert day.after_learning.found > day.without.found
    assert len(day.without.verdicts) == len(day.after_learning.verdicts) == 4


def test_the_table_says_that_it_is_of_another_tenant_than_was_played_before() -> None:
    first, *_ = lines(FirstDay(20, Score((), (), 0), Score((), (), 0), 1_234))
    assert "A tenant of its own" in first
    assert "20 identities, 0 attacks" in first


def test_the_table_has_both_side_by_side() -> None:
    nothing, something = Score((), (), 0), Score((), (("ann", None),), 3)  # type: ignore[arg-type]
    shown = list(lines(FirstDay(20, nothing, something, 1_234)))
    assert [line.split()[-2:] for line in shown[2:4]] == [["0", "3"], ["0", "1"]]
    assert shown[4].split()[-6:] == ["0", "of", "0", "0", "of", "0"]
    assert "1,234 records" in shown[-1]
