import inspect
import re

import pytest

from models.detectors.options import options, takes
from models.detectors.registry import DETECTORS, build, play
from tests.models.detectors.driving import dumped

every_detector = pytest.mark.parametrize("name", sorted(DETECTORS))


@every_detector
def test_a_detector_is_registered_under_the_name_on_its_card(name: str) -> None:
    assert build(name).declaration.name == name


@every_detector
def test_a_detector_speaks_in_the_example_that_it_brings_for_that(name: str) -> None:
    declared = DETECTORS[name].declaration
    [first, *_] = play(name, declared.speaks)
    assert first.score >= declared.threshold
    assert declared.speaks.says
    assert first.why.startswith(declared.speaks.says)


@every_detector
def test_a_detector_is_silent_in_the_example_that_it_brings_for_that(name: str) -> None:
    declared = DETECTORS[name].declaration
    assert declared.silent.says is None
    assert declared.silent.then
    assert [one.why for one in play(name, declared.silent) if one.score >= declared.threshold] == []


@every_detector
def test_a_detector_of_places_takes_them(name: str) -> None:
    assert bool(DETECTORS[name].declaration.places) == takes(DETECTORS[name], "locate")


@every_detector
def test_each_option_has_a_default_and_a_text(name: str) -> None:
    for option in options(DETECTORS[name]):
        assert option.default is not inspect.Parameter.empty, option.name
        assert option.text, option.name


def test_each_that_looks_at_user_days_and_asks_how_many_do_is_told() -> None:
    asking = [name for name, kind in DETECTORS.items() if takes(kind, "looks")]
    assert len(asking) > 1
    told = {detector.user_days.looks for detector in map(build, asking) if hasattr(detector, "user_days")}
    assert told == {float(len(asking))}


def test_each_that_looks_at_user_days_is_told_how_many_do() -> None:
    counted = [name for name in DETECTORS if takes(DETECTORS[name], "looks")]
    looking = [detector.user_days for detector in map(build, counted) if hasattr(detector, "user_days")]
    assert len(looking) > 1
    assert {one.looks for one in looking} == {float(len(looking))}


@every_detector
def test_a_card_tells_a_person_what_to_do(name: str) -> None:
    card = DETECTORS[name].declaration.card
    assert min(len(card.title), len(card.what), len(card.why)) > 20
    assert len(card.false_positives) >= 2
    assert len(card.response) >= 3
    assert card.mitre
    assert all(re.fullmatch(r"TA\d{4}/T\d{4}(\.\d{3})?", technique) for technique in card.mitre)


@every_detector
def test_options_reach_the_detector(name: str) -> None:
    with pytest.raises(TypeError):
        build(name, no_such_option=1)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError):
        build("rare_weather")


@every_detector
def test_a_detector_that_a_snapshot_does_not_know_yet_begins_empty(name: str) -> None:
    fresh, loaded = build(name), build(name)
    loaded.load([], [])
    assert dumped(loaded) == dumped(fresh)
    assert loaded.memory() == fresh.memory()
