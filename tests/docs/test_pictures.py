"""The pictures show what the statistics say now, and every detector that there is."""

import re
from xml.etree import ElementTree

import pytest

from docs.images import draw
from models.detectors.registry import DETECTORS
from tests.docs.pages import text_of


@pytest.mark.parametrize("name", draw.PICTURES)
def test_a_picture_of_a_formula_is_what_the_statistic_says_now(name: str) -> None:
    drawn, kept = draw.PICTURES[name](), text_of(f"docs/images/{name}")
    assert words_of(drawn) == words_of(kept), "run python -m docs.images.draw"
    # Another machine's logarithm may differ in the last digit.
    assert numbers_of(drawn) == pytest.approx(numbers_of(kept), abs=0.2), "run python -m docs.images.draw"


def words_of(picture: str) -> str:
    return re.sub(r"-?\d+\.\d+", "", picture)


def numbers_of(picture: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.\d+", picture)]


def test_each_detector_has_its_picture() -> None:
    drawn = {name.removesuffix(".svg") for name in draw.PICTURES}
    assert DETECTORS.keys() - drawn == {"unusual_city"}, "which is unusual_country's, with cities"


def test_the_architecture_shows_every_detector() -> None:
    picture = ElementTree.fromstring(text_of("docs/images/architecture.svg"))  # noqa: S314 - our own file
    words = {"".join(text.itertext()) for text in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert words >= DETECTORS.keys()
