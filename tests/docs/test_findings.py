"""The page for whoever has an alert in front of them is what the detectors say of themselves."""

import doctest

import pytest

from docs import cards
from models.detectors.registry import DETECTORS
from tests.docs.pages import anchors, text_of


def test_the_examples_in_the_code_that_makes_it_are_true() -> None:
    assert doctest.testmod(cards).failed == 0


@pytest.mark.parametrize("name", DETECTORS)
def test_an_alert_can_link_to_its_detector(name: str) -> None:
    assert name in anchors(text_of("docs/findings.md"))
    section = text_of("docs/findings.md").partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    card = DETECTORS[name].declaration.card
    for words in (card.title, card.what, card.why, *card.false_positives, *card.response):
        assert words in section
