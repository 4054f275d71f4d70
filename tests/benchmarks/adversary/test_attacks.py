"""Each style of attack plants what it says: who, what, when, from where."""

import pytest

from benchmarks.adversary.attacks import EVERY, VARIANTS, Variant
from benchmarks.adversary.operations import BLINDING, HARMLESS, WANTED
from benchmarks.adversary.stage import Stage, working_days
from benchmarks.adversary.world import Life
from demo.tenant import DAY, HOUR, MINUTE, Identity
from tests.benchmarks.adversary.planted import (
    PLAN,
    actions,
    another_world,
    attack,
    days,
    of,
    said,
    variant,
    whos,
    world,
)

pytestmark = pytest.mark.slow

KNOWN = [one for one in VARIANTS if one.style != "never seen"]
USED = ("deletions", "keys listed", "another subscription")  # what the victim does anyway
ELSEWHERE, HOME = "strange network", "own network"


@pytest.mark.parametrize("one", VARIANTS, ids=lambda one: one.name)
def test_every_attack_is_within_the_days_that_count_and_the_same_whenever_it_is_made_up(one: Variant) -> None:
    made = attack(one)
    again = one.make(Stage(another_world(), one.name, set()))

    assert made.steps
    assert all(world().first * DAY <= call.time < PLAN.days * DAY for call in (*made.steps, *made.cover))
    assert set(made.payload) <= set(made.steps)
    assert said(again.steps) == said(made.steps)


def test_who_only_works_late_at_night_is_used_as_late_as_leaves_time_for_all_steps() -> None:
    class Night(Stage):
        def life(self, who: Identity) -> Life:
            return Life(hours=[23.5])

    who = world().directory.identities[0]

    assert Night(world(), "night", set()).usual_time(who, 20) == 20 * DAY + 22 * HOUR


def test_two_attacks_of_one_style_are_different() -> None:
    one = variant("bundle", HOME + ", usual hour")

    assert len({one.make(Stage(world(), f"{one.name}/{number}", set())).steps for number in range(5)}) == 5


@pytest.mark.parametrize("one", [one for one in KNOWN if one.style not in USED], ids=lambda one: one.name)
def test_what_known_victims_are_used_for_is_wanted_and_new_to_them(one: Variant) -> None:
    made = attack(one)
    for call in made.payload or made.steps:
        if call.who in world().directory.identities:
            assert call.what in (*WANTED, *BLINDING.values())
            assert call.what.action not in world().life(call.who).operations


def test_those_whom_something_else_uses_are_left_alone_as_long_as_there_are_others() -> None:
    taken: set[int] = set()
    one = variant("bundle", ELSEWHERE)
    victims = [whos(one.make(Stage(world(), f"{number}", taken)).steps)[0] for number in range(30)]

    assert len(set(victims)) == 30
    assert taken == {who.index for who in victims}


def test_a_bundle_comes_from_where_it_says_within_minutes() -> None:
    strange, home = of("bundle", ELSEWHERE), of("bundle", f"{HOME}, usual hour")

    assert not {call.address for call in strange.steps} & {
        address for who in world().directory.identities for address in who.networks
    }
    assert {call.address for call in home.steps} <= set(whos(home.steps)[0].networks)
    one_service = of("bundle", f"{HOME}, one service")
    assert len({call.what.service for call in one_service.steps}) == 1
    for made in (strange, home, one_service):
        assert len(set(actions(made.steps))) == 3
        assert made.steps[-1].time - made.steps[0].time < 30 * MINUTE


@pytest.mark.parametrize("number", [2, 4, 8])
@pytest.mark.parametrize("place", [ELSEWHERE, HOME])
def test_everyday_work_around_it_is_the_victims_own_within_one_hour_from_one_place(number: int, place: str) -> None:
    made = of("amid everyday work", f"{number} actions, {place}")
    [who] = whos(made.steps + made.cover)

    assert len(made.cover) == number
    assert len(made.steps) == 3
    assert set(actions(made.cover)) <= world().life(who).operations.keys()
    assert len({call.time // HOUR for call in made.steps + made.cover}) == 1
    assert len({call.address for call in made.steps + made.cover}) == 1
    assert made.cover[0].time < made.steps[0].time < made.cover[-1].time


@pytest.mark.parametrize("every", EVERY)
def test_a_drip_does_one_thing_every_so_many_working_days(every: int) -> None:
    found = days(of("drip", EVERY[every]).steps)

    assert found == working_days(found[0], every, 3)
    assert len({call.what for call in of("drip", EVERY[every]).steps}) == 3


def test_a_bundle_after_a_drip_repeats_all_of_it_from_elsewhere() -> None:
    made = of("drip, then a bundle", EVERY[2])

    assert actions(made.payload) == actions(made.steps[:3])
    assert len({call.address for call in made.steps}) == 2
    assert len(days(made.payload)) == 1


@pytest.mark.parametrize("place", [ELSEWHERE, HOME])
def test_what_is_refused_on_four_days_is_allowed_on_the_fifth(place: str) -> None:
    made = of("refused, then allowed", place)

    assert [call.failure for call in made.steps] == ["Forbidden"] * 12 + [""] * 3
    assert len(days(made.steps)) == 5
    assert set(actions(made.payload)) == set(actions(made.steps[:3]))


@pytest.mark.parametrize("a_day", [30, 118])
def test_a_flood_is_of_harmless_things_that_are_new_to_the_victim(a_day: int) -> None:
    made = of("flood of novelty", f"{a_day} a day")
    lead = made.steps[:-3]
    harmless = {entry.action for entry in HARMLESS}

    assert len(lead) == 14 * a_day
    assert len(set(actions(lead))) == len(lead)
    assert not set(actions(lead)) & world().life(whos(lead)[0]).operations.keys()
    assert all(action in harmless or "customproviders" in action for action in actions(lead))


@pytest.mark.parametrize("sort", ["people", "apps"])
def test_accomplices_are_ten_strangers_who_do_the_same_on_the_day_before(sort: str) -> None:
    made = of("accomplices", f"10 fresh {sort}")
    lead = made.steps[:-3]

    assert len(whos(lead)) == 10
    assert not set(whos(lead)) & set(world().directory.identities)
    assert set(actions(lead)) == set(actions(made.payload))
    assert days(lead) == [days(made.payload)[0] - 1]


@pytest.mark.parametrize("place", [ELSEWHERE, HOME])
def test_three_victims_do_one_thing_each_on_one_day(place: str) -> None:
    made = of("three victims", place)

    assert len(set(whos(made.steps))) == len(made.steps) == 3
    assert len(days(made.steps)) == 1
    assert len({call.address for call in made.steps}) == (1 if place == ELSEWHERE else 3)


@pytest.mark.parametrize("one", [one for one in VARIANTS if one.style == "never seen"], ids=lambda one: one.strength)
def test_nobody_has_seen_those_who_are_never_seen(one: Variant) -> None:
    made = attack(one)
    [who] = whos(made.steps)

    assert who.id not in {other.id for other in world().directory.identities}
    assert len(days(made.steps)) == 1
    kind = one.strength.split(",")[0].replace(" ", "_")
    assert who.kind == (kind if not kind.startswith("person") else "human")
    if "02:00" in one.strength:
        assert (made.steps[0].time / HOUR + who.zone) % 24 == pytest.approx(2.0, abs=0.1)
        assert len(made.steps) == int(one.strength.split()[3])
    else:
        assert len(made.steps) == 1


@pytest.mark.parametrize("one", [one for one in VARIANTS if one.style in USED], ids=lambda one: one.name)
def test_volume_is_of_what_the_victim_does_now_and_then_within_an_hour(one: Variant) -> None:
    made = attack(one)
    [who], [action] = whos(made.steps), set(actions(made.steps))

    assert len(made.steps) == int(one.strength.split()[0])
    assert world().life(who).a_day(action) < 7
    assert made.steps[-1].time - made.steps[0].time < HOUR
    assert (made.steps[0].subscription in world().life(who).subscriptions) == (one.style != "another subscription")


@pytest.mark.parametrize("what", BLINDING)
def test_who_blinds_us_does_ordinary_work_around_it(what: str) -> None:
    made = of("blinding", what)

    assert [call.what for call in made.steps] == [BLINDING[what]]
    assert len(made.cover) == 3
    assert set(actions(made.cover)) <= world().life(whos(made.steps)[0]).operations.keys()


def test_poisoning_goes_on_for_two_weeks_of_which_the_second_counts() -> None:
    made = of("poisoning", HOME)

    assert len(days(made.steps)) == 14
    assert days(made.payload) == days(made.steps)[7:]
    assert len(made.steps) == 14 * 3
