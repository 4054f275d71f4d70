"""The pictures show every detector that there is; that they are new is `test_generated`'s."""

from xml.etree import ElementTree

import pytest

from docs.cards import anchor_of, picture_of
from docs.images import draw
from models.detectors.registry import DETECTORS
from service.sinks.registry import KINDS
from tests.docs.pages import anchors, text_of


def test_each_picture_of_a_formula_is_shown_in_the_section_on_its_detector() -> None:
    assert {f"{name}.svg" for name in DETECTORS} >= draw.PICTURES.keys()
    assert {picture_of(name) for name in DETECTORS} - {""} == draw.PICTURES.keys()


@pytest.mark.parametrize("name", DETECTORS)
def test_each_detector_has_a_section_on_the_page_for_detection_engineers(name: str) -> None:
    assert anchor_of(name) in anchors(text_of("docs/detections.md"))


def test_nothing_of_the_architecture_stands_outside_the_picture() -> None:
    picture = ElementTree.fromstring(text_of("docs/images/architecture.svg"))  # noqa: S314 - our own file
    _, top, right, height = map(int, picture.attrib["viewBox"].split())
    boxes = [one for one in picture.iter() if one.tag.endswith("}rect") and "rx" in one.attrib]
    assert len(boxes) > len(KINDS)
    for box in boxes:
        x, y, wide, high = (int(box.attrib[name]) for name in ("x", "y", "width", "height"))
        assert x + wide <= right
        assert top <= y <= y + high <= top + height


def test_the_architecture_shows_every_detector() -> None:
    picture = ElementTree.fromstring(text_of("docs/images/architecture.svg"))  # noqa: S314 - our own file
    words = {"".join(text.itertext()) for text in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert words >= DETECTORS.keys()
