"""A soak can be played again, leaves nothing out, and does notice what is broken."""

from collections import Counter
from random import Random
from typing import Any

import pytest

from demo.receiver import Received
from tests.fakes.clock import MONDAY_MORNING
from tests.soak.faults import LASTING, SUDDEN, Deck, Store, meanwhile
from tests.soak.invariants import Told
from tests.soak.report import Report
from tests.soak.world import Violation


def told_of(number: int, payload: dict[str, Any], *problems: str) -> Received:
    return Received(number, "webhook", payload, {}, 2, MONDAY_MORNING, 200, problems)


def alert(*findings: str, revision: int = 1) -> dict[str, Any]:
    evidences = [{"uid": one} for one in findings]
    return {
        "id": f"a.{revision}",
        "subject": "a",
        "type": "unwonted.alert.created",
        "data": {"evidences": evidences},
    }


@pytest.mark.parametrize("store", ["file", "blob"])
def test_a_seed_draws_the_same_faults_and_none_twice_before_all_have_been_drawn(store: Store) -> None:
    one, other = Deck(Random(7), store), Deck(Random(7), store)
    possible = {fault.name for fault in SUDDEN} | {fault.name for fault in LASTING if store in fault.stores}

    drawn = [one.draw().name for _ in range(2 * len(possible))]

    assert drawn == [other.draw().name for _ in drawn]
    assert Counter(drawn) == dict.fromkeys(possible, 2)


def test_what_is_spared_while_something_lasts_does_not_happen_then() -> None:
    for lasting in LASTING:
        drawn = [meanwhile(lasting, Random(seed)) for seed in range(50)]
        assert {one.strike for one in drawn if one is not None}.isdisjoint(lasting.spares)
        assert any(drawn)


def test_an_alert_may_come_again_and_with_more_findings_under_its_id_and_never_with_others() -> None:
    told = Told()
    told.note([told_of(1, alert("x")), told_of(2, alert("x")), told_of(3, alert("x", "y"))])
    told.note([told_of(3, alert("is known by its number, and not looked at again"))])
    assert (told.copies, told.grown, told.findings) == (3, 1, frozenset({"x", "y"}))
    with pytest.raises(Violation, match="two things told under the id"):
        told.note([told_of(4, alert("y"))])


def test_what_the_receiver_complains_of_is_broken() -> None:
    with pytest.raises(Violation, match="no signature"):
        Told().note([told_of(1, alert("x"), "no signature")])


def test_the_report_says_what_happened_and_what_was_broken() -> None:
    report = Report(seed=7)
    report.faults.update({"killed (SIGKILL)": 3, "hub away": 1})
    report.back["killed (SIGKILL)"] += [2.0, 4.0]
    assert "nothing was lost, doubled or left broken" in str(report)
    assert "| killed (SIGKILL) | 3 | 3.0 | 4.0 |\n| hub away | 1 |" in str(report)
    report.violations.append("7/0, after 4 faults: lost")
    assert "SOMETHING WAS BROKEN" in str(report)
    assert str(report).endswith("- 7/0, after 4 faults: lost\n")
