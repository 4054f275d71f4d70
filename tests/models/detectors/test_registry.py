import re

import pytest

from models.detectors.registry import DETECTORS, build
from tests.models.detectors.driving import dumped

every_detector = pytest.mark.parametrize("name", sorted(DETECTORS))


@every_detector
def test_a_detector_is_registered_under_the_name_on_its_card(name: str) -> None:
    assert build(name).card.name == name


@every_detector
def test_a_card_tells_a_person_what_to_do(name: str) -> None:
    card = build(name).card
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
