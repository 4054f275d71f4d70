"""Whoever chooses what else happens around an intrusion cannot hide it by more than a stated amount."""

from collections.abc import Sequence
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from models.detectors import RareAction
from models.detectors.examples import ELSEWHERE, OFFICE, TEAM, Activity, Example, daily
from tests.models.detectors.driving import settle

USUAL = (
    "microsoft.web/sites/write",
    "microsoft.web/sites/restart/action",
    "microsoft.sql/servers/databases/write",
    "microsoft.compute/virtualmachines/start/action",
    "microsoft.network/virtualnetworks/subnets/write",
    "microsoft.storage/storageaccounts/write",
)
THEFT = (
    "microsoft.authorization/roleassignments/write",
    "microsoft.keyvault/vaults/accesspolicies/write",
    "microsoft.compute/virtualmachines/runcommand/action",
)
WEEKS = [activity for what in USUAL for activity in daily(range(30), *TEAM, what=what)]
BY_ITSELF = 2.0
"""Powers of ten: a quarter of the largest routine context, three times over, and what its services make likelier."""
BY_ANOTHER = 3.0
"""Powers of ten, likewise: one more who does the same in that hour."""


@cache
def taught() -> RareAction:
    """Return a detector that knows the team's weeks."""
    detector = RareAction()
    for group, crowd in Example("", WEEKS, ()).hours():
        settle(detector, crowd, *((seen, detector.score(seen, crowd)) for seen in group))
    return detector


def surprise(*activities: Activity) -> float:
    """Return the largest surprise of what ann does in this hour that is part of the theft."""
    [(group, crowd)] = Example("", (), activities).hours()
    said = (one for seen in group if seen.actor.name == "ann" for one in taught().score(seen, crowd))
    return max(one.surprise for one in said if one.cell.action in THEFT)


def theft(source: str) -> Sequence[Activity]:
    """Return three things of three tactics within an hour."""
    return [Activity("ann", what, 30, 9.3 + n / 10, source=source) for n, what in enumerate(THEFT)]


def activities(who: str, actions: Sequence[str], most: int) -> st.SearchStrategy[list[Activity]]:
    """Draw what somebody does within the hour."""
    drawn = st.tuples(st.sampled_from(actions), st.floats(9.0, 9.9))
    return st.lists(drawn.map(lambda one: Activity(who, one[0], 30, one[1])), max_size=most)


@given(cover=activities("ann", USUAL, 12), source=st.sampled_from([OFFICE, ELSEWHERE]))
def test_everyday_work_hides_little_of_a_theft(cover: list[Activity], source: str) -> None:
    work = [activity._replace(source=source) for activity in cover]
    assert surprise(*theft(source), *work) > surprise(*theft(source)) - BY_ITSELF


@given(others=activities("ben", [*USUAL, *THEFT], 6))
def test_one_other_identity_hides_little_of_it(others: list[Activity]) -> None:
    assert surprise(*theft(OFFICE), *others) > surprise(*theft(OFFICE)) - BY_ANOTHER
