import json

from hypothesis import given
from hypothesis import strategies as st

from models.statistics.backoff import TENANT, Backoff, newcomers
from models.statistics.lessons import by_name

ADOPTIONS = st.lists(
    st.tuples(st.sampled_from(["a/x", "a/y", "b/x", "b/y/z", "c"]), st.sampled_from(["human", "guest"])), max_size=60
)
TOLD_APART = st.lists(
    st.tuples(st.sampled_from(["a/x", "a/y", "b/x"]), st.sampled_from(["human", "guest"]), st.booleans()), max_size=60
)


def learnt(adoptions: list[tuple[str, str]], **options: int) -> Backoff:
    model = Backoff(**options)
    for action, kind in adoptions:
        model.adopt(action, kind)
    return model


@given(adoptions=ADOPTIONS)
def test_probabilities_lie_between_the_floor_and_one_and_sum_to_at_most_one(adoptions: list[tuple[str, str]]) -> None:
    model = learnt(adoptions)
    known = {action for action, _ in adoptions}
    values = [model.probability(action, "human") for action in known]
    assert all(model.floor <= value <= 1.0 for value in values)
    assert sum(values) <= 1.0 + len(values) * model.floor


@given(adoptions=ADOPTIONS, data=st.data())
def test_the_order_of_adoptions_does_not_matter(adoptions: list[tuple[str, str]], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(adoptions))
    assert list(learnt(adoptions).dump()) == list(learnt(shuffled).dump())


@given(adoptions=ADOPTIONS)
def test_one_more_adopter_never_makes_an_action_less_likely(adoptions: list[tuple[str, str]]) -> None:
    model = learnt(adoptions)
    before = model.probability("a/x", "human")
    model.adopt("a/x", "human")
    assert model.probability("a/x", "human") >= before


@given(adoptions=ADOPTIONS)
def test_abandoning_everything_leaves_nothing(adoptions: list[tuple[str, str]]) -> None:
    model = learnt(adoptions)
    for action, kind in adoptions:
        model.abandon(action, kind)
    assert list(model.dump()) == list(Backoff().dump())


@given(adoptions=ADOPTIONS)
def test_a_dump_restores_every_probability(adoptions: list[tuple[str, str]]) -> None:
    model, restored = learnt(adoptions), Backoff()
    restored.load(json.loads(json.dumps(list(model.dump()))))
    for action in ("a/x", "b/new", "new"):
        assert restored.probability(action, "human", ("a",)) == model.probability(action, "human", ("a",))


def with_newcomers(adoptions: list[tuple[str, str, bool]], **options: int) -> Backoff:
    model = Backoff(**options)
    for action, kind, is_new in adoptions:
        model.adopt(action, kind)
        if is_new:
            model.adopt(action, newcomers(kind))
    return model


@given(adoptions=TOLD_APART)
def test_without_newcomers_an_action_is_no_likelier(
    adoptions: list[tuple[str, str, bool]],
) -> None:
    model = with_newcomers(adoptions)
    others = Backoff()
    for action, kind, is_new in adoptions:
        if not is_new:
            others.adopt(action, kind)
    for action in ("a/x", "b/x"):
        assert model.adopters(action, newcomers(TENANT)) == model.adopters(action) - others.adopters(action)
        least = model.probability(action, "human", established=True, guarded=True)
        assert least <= model.probability(action, "human", guarded=True)
    if all(is_new for _, _, is_new in adoptions):
        assert model.probability("a/x", "human", established=True, guarded=True) <= 0.5


@given(adoptions=TOLD_APART, data=st.data())
def test_newcomers_come_back_from_a_dump_and_go_with_those_they_are_of(
    adoptions: list[tuple[str, str, bool]], data: st.DataObject
) -> None:
    model, restored = with_newcomers(adoptions), Backoff()
    restored.load(json.loads(json.dumps(list(model.dump()))))
    for action in ("a/x", "b/x"):
        found = restored.probability(action, "human", ("a",), established=True)
        assert found == model.probability(action, "human", ("a",), established=True)
    assert list(restored.dump()) == list(model.dump())
    for action, kind, _ in data.draw(st.permutations(adoptions)):
        model.abandon(action, kind)
    assert list(model.dump()) == list(Backoff().dump())


@given(adoptions=TOLD_APART)
def test_newcomers_are_never_more_than_those_of_their_kind(adoptions: list[tuple[str, str, bool]]) -> None:
    model = with_newcomers(adoptions, max_actions=2)
    for action in ("a/x", "a/y", "b/x"):
        for kind in ("human", "guest"):
            assert model.adopters(action, newcomers(kind)) <= model.adopters(action, kind)


def test_an_action_that_one_kind_does_is_likelier_for_that_kind() -> None:
    model = learnt([("pipeline/run", "managed_identity")] * 20 + [("portal/open", "human")] * 20)
    assert model.probability("pipeline/run", "managed_identity") > 3 * model.probability("pipeline/run", "human")


def test_a_session_in_a_service_makes_its_other_actions_likelier() -> None:
    model = learnt([("a/x", "human")] * 50 + [("b/x", "human"), ("b/y", "human")])
    assert model.probability("b/y", "human", ("b",)) > 5 * model.probability("b/y", "human")
    assert model.probability("b/y", "human", ("a",)) < model.probability("b/y", "human")


def test_a_million_names_stay_within_the_bound_and_the_common_ones_survive() -> None:
    model = Backoff(max_actions=100)
    for _ in range(3):
        model.adopt("common/read", "human")
    for number in range(5_000):
        model.adopt(f"made-up/{number}", "human")
    assert model.actions() <= 100
    assert model.evicted > 4_000
    assert model.adopters("common/read") == 3


def test_what_is_taught_at_once_is_what_was_adopted_less_what_was_abandoned() -> None:
    model = learnt([("a/x", "human"), ("a/x", "guest"), ("b/x", "human")])
    model.teach({"human": {"a/x": 2, "b/x": -1, "c/x": 0}, "guest": {"a/x": -1}})
    assert list(model.dump()) == list(learnt([("a/x", "human")] * 3).dump())


def test_no_more_is_abandoned_than_is_known_of_a_kind() -> None:
    model = learnt([("a/x", "human"), ("a/x", "guest")])
    model.teach({"human": {"a/x": -5, "never/known": -1}})
    assert list(model.dump()) == list(learnt([("a/x", "guest")]).dump())


@given(adoptions=ADOPTIONS, abandoned=ADOPTIONS)
def test_teaching_keeps_the_tenants_counts_the_sum_of_the_kinds(
    adoptions: list[tuple[str, str]], abandoned: list[tuple[str, str]]
) -> None:
    model, lessons = learnt(adoptions), by_name()
    for action, kind in abandoned:
        lessons[kind][action] -= 1
    model.teach(lessons)
    kinds, actions = ("human", "guest"), {action for action, _ in adoptions}
    assert model.adoptions() == sum(model.adopters(action, kind) for action in actions for kind in kinds)
    assert model.adoptions() == sum(model.adopters(action) for action in actions)
    assert model.adoptions() >= len(adoptions) - len(abandoned)
