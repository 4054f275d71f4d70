"""The pictures show every detector that there is; that they are new is `test_generated`'s."""

from xml.etree import ElementTree

import pytest

from docs.cards import anchor_of, picture_of
from docs.images import draw
from models.detectors.registry import DETECTORS
from tests.docs.pages import anchors, text_of


def test_each_picture_of_a_formula_is_shown_in_the_section_on_its_detector() -> None:
    assert {f"{name}.svg" for name in DETECTORS} >= draw.PICTURES.keys()
    assert {picture_of(name) for name in DETECTORS} - {""} == draw.PICTURES.keys()


@pytest.mark.parametrize("name", DETECTORS)
def test_each_detector_has_a_section_on_the_page_for_detection_engineers(name: str) -> None:
    assert anchor_of(name) in anchors(text_of("docs/detections.md"))


def test_the_architecture_shows_every_detector() -> None:
    picture = ElementTree.fromstring(text_of("docs/images/architecture.svg"))  # noqa: S314 - our own file
    words = {"".join(text.itertext()) for text in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert words >= DETECTORS.keys()
