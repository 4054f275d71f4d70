"""Each kind of honest work plants as many as it says, and nothing an attacker would."""

import pytest

from benchmarks.adversary.honest import HONEST, Counterpart
from benchmarks.adversary.stage import Stage
from demo.tenant import DAY
from tests.benchmarks.adversary.planted import PLAN, actions, another_world, days, honest, said, whos, world

pytestmark = pytest.mark.slow

NUMBERS = {
    "80 identities take up a new service": 30,  # a fifth of a small tenant
    "on-call nights": 8,
    "people on the network of an attacker": 9,
    "a colleague's work taken over": 6,
    "a break-glass account's drill": 2,
    "a team starts in a new subscription": 5,
    "somebody makes 40 machines": 3,
    "three ephemeral identities a day": 3 * PLAN.days,
    "a new pipeline for 36 kinds of resources": 3,
    "a nightly clean-up, its first night": 2,
    "an autoscaler": 3,
    "a pipeline destroys what it made, the first time": 3,
    "a pipeline destroys what it made, a week later": 3,
    "keys rotated every quarter": 3,
}


@pytest.mark.parametrize("one", HONEST, ids=lambda one: one.name)
def test_honest_work_is_within_the_days_and_the_same_whenever_it_is_made_up(one: Counterpart) -> None:
    made = honest(one.name)
    again = one.make(Stage(another_world(), one.name, set()))

    assert made
    assert all(0 <= call.time < PLAN.days * DAY for instance in made for call in instance.calls)
    assert [said(instance.calls) for instance in again] == [said(instance.calls) for instance in made]
    assert any(instance.judged is None or instance.judged for instance in made)
    for instance in made:
        assert set(instance.judged or ()) <= set(instance.calls)


@pytest.mark.parametrize("name", NUMBERS)
def test_there_are_as_many_instances_as_it_says(name: str) -> None:
    assert len(honest(name)) == NUMBERS[name]


def test_thirty_people_join_within_a_week() -> None:
    made = honest("30 people join within a week")
    begun = [min(days(instance.calls)) for instance in made]

    assert 20 <= len(made) <= 30
    assert (
        max(whos(instance.calls)[0].first_day for instance in made)
        - min(whos(instance.calls)[0].first_day for instance in made)
        < 7
    )
    assert all(len(whos(instance.calls)) == 1 for instance in made)
    assert min(begun) >= world().first - 1  # working days of the far east begin before midnight UTC


def test_who_takes_over_a_colleagues_work_did_not_do_it_before_and_the_colleague_did() -> None:
    for instance in honest("a colleague's work taken over"):
        assert len(days(instance.calls)) == 6
        assert len(whos(instance.calls)) == 1
        assert any(
            set(actions(instance.calls)) <= world().life(other).operations.keys()
            for other in world().directory.identities
        )


def test_a_new_subscription_is_one_in_which_nobody_worked() -> None:
    known = {n for who in world().directory.identities for n in world().life(who).subscriptions}
    for instance in honest("a team starts in a new subscription"):
        assert not {call.subscription for call in instance.calls} & known


def test_a_new_pipeline_touches_36_kinds_of_resources() -> None:
    for instance in honest("a new pipeline for 36 kinds of resources"):
        [who] = whos(instance.calls)
        assert who.kind == "service_principal"
        assert len(set(actions(instance.calls))) == 36 + 2


@pytest.mark.parametrize(("time", "before"), [("the first time", 0), ("a week later", 1)])
def test_a_pipeline_destroys_only_what_it_made_and_the_second_time_is_the_second(time: str, before: int) -> None:
    for instance in honest(f"a pipeline destroys what it made, {time}"):
        made = {action.removesuffix("/write") for action in actions(instance.calls) if action.endswith("/write")}
        assert instance.judged is not None
        assert {action.removesuffix("/delete") for action in actions(instance.judged)} <= made
        [counted] = days(instance.judged)
        gone = tuple(call for call in instance.calls if call.what.action.endswith("/delete"))
        assert len({day for day in days(gone) if day < counted}) == before


def test_a_clean_up_is_of_200_a_night() -> None:
    for instance in honest("a nightly clean-up, later nights"):
        assert len(instance.judged or instance.calls) == 200


def test_keys_are_rotated_the_second_time() -> None:
    for instance in honest("keys rotated every quarter"):
        assert instance.judged is not None
        before = instance.calls[: len(instance.judged)]
        assert actions(before) == actions(instance.judged)
        assert max(days(before)) < 6 <= min(days(instance.judged))


def test_people_who_roam_come_from_a_new_network_each_day() -> None:
    for instance in honest("people who roam between networks"):
        assert len({call.address for call in instance.calls}) >= len(days(instance.calls)) * 0.8


def test_people_on_the_network_of_an_attacker_do_what_they_always_do_there() -> None:
    made = honest("people on the network of an attacker")
    thieves = [instance for instance in made if len(whos(instance.calls)) == 2]

    assert len(thieves) == 3
    for instance in made:
        assert instance.judged is not None
        [who] = whos(instance.judged)
        assert set(actions(instance.judged)) <= world().life(who).operations.keys()
        assert len({call.address for call in instance.calls}) == 1


def test_ephemeral_identities_are_never_seen_again() -> None:
    made = honest("three ephemeral identities a day")

    assert len({whos(instance.calls)[0].id for instance in made}) == len(made)
    assert sum(instance.judged == () for instance in made) == 3 * world().first
